"""`uv.lock`: edges, forks, extras, groups, sources."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.workflows.environment.locks import Lock, as_requirements, as_uv_lock, locks
from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.markers import Markers
from tiphys.workflows.environment.model import EDITABLE, Parsed
from tiphys.workflows.environment.platforms import marker_environment
from tiphys.workflows.environment.requirements_lock import parse_requirements
from tiphys.workflows.environment.uv_lock import parse_uv_lock

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HASH = "d" * 64
REGISTRY = 'source = { registry = "file:///srv/simple" }'
HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'


def parse(text: str, python: str = "3.11", chosen: set[str] | None = None) -> Parsed:
    extras = None if chosen is None else frozenset(chosen)
    return parse_uv_lock("uv.lock", text, Markers(marker_environment(python), extras), extras)


@given(locks())
def test_both_formats_say_the_same(lock: Lock) -> None:
    parsed = parse(as_uv_lock(lock))
    assert dict(parsed.versions) == lock.versions | {"my-proj": EDITABLE}
    assert parsed.requires == lock.requires | {"my-proj": tuple(sorted(lock.roots))}
    other = parse_requirements([("r.lock", as_requirements(lock))], Markers(marker_environment("3.11")))
    assert dict(other.versions) == lock.versions


PROJECT = f"""{HEAD}
resolution-markers = ["python_full_version >= '3.12'", "python_full_version < '3.12'"]
conflicts = [[{{ package = "my-proj", extra = "new" }}, {{ package = "my-proj", extra = "old" }}]]
[[package]]
name = "attrs"
version = "23.1.0"
{REGISTRY}
[[package]]
name = "attrs"
version = "24.1.0"
{REGISTRY}
[[package]]
name = "cattrs"
version = "24.1.3"
{REGISTRY}
dependencies = [
    {{ name = "attrs", version = "23.1.0", marker = "extra == 'extra-7-my-proj-old'" }},
    {{ name = "attrs", version = "24.1.0", marker = "extra == 'extra-7-my-proj-new'" }},
]
[[package]]
name = "numpy"
version = "2.4.6"
{REGISTRY}
resolution-markers = ["python_full_version < '3.12'"]
[[package]]
name = "numpy"
version = "2.5.5"
{REGISTRY}
resolution-markers = ["python_full_version >= '3.12'"]
[[package]]
name = "pandas"
version = "3.0"
{REGISTRY}
dependencies = [{{ name = "numpy" }}]
[[package]]
name = "requests"
version = "2.34"
{REGISTRY}
[package.optional-dependencies]
socks = [{{ name = "pysocks" }}]
zstd = [{{ name = "zstandard" }}]
[[package]]
name = "pysocks"
version = "1.7.1"
{REGISTRY}
[[package]]
name = "zstandard"
version = "1.0"
{REGISTRY}
[[package]]
name = "pytest"
version = "9.0"
{REGISTRY}
[[package]]
name = "tomli"
version = "2.0"
{REGISTRY}
[[package]]
name = "my-proj"
version = "0.1"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "numpy", version = "2.4.6", {REGISTRY}, marker = "python_full_version < '3.12'" }},
    {{ name = "numpy", version = "2.5.5", {REGISTRY}, marker = "python_full_version >= '3.12'" }},
    {{ name = "pandas" }},
    {{ name = "requests", extra = ["socks"] }},
    {{ name = "tomli", marker = "python_full_version < '3.11'" }},
]
[package.optional-dependencies]
new = [{{ name = "attrs", version = "24.1.0" }}, {{ name = "cattrs" }}]
old = [{{ name = "attrs", version = "23.1.0" }}, {{ name = "cattrs" }}]
[package.dev-dependencies]
dev = [{{ name = "pytest" }}]
"""


@pytest.mark.parametrize(("python", "numpy"), [("3.11", "2.4.6"), ("3.12", "2.5.5"), ("3.14", "2.5.5")])
def test_forks_by_python(python: str, numpy: str) -> None:
    parsed = parse(PROJECT, python, set())
    assert parsed.versions["numpy"] == numpy
    assert parsed.requires is not None
    assert parsed.requires["pandas"] == ("numpy",)


def test_what_is_not_reached_is_excluded() -> None:
    parsed = parse(PROJECT, chosen=set())
    assert set(parsed.versions) == {"my-proj", "numpy", "pandas", "pysocks", "requests"}
    assert parsed.excluded == {"attrs", "cattrs", "pytest", "tomli", "zstandard"}
    assert parsed.requires is not None
    assert parsed.requires["requests"] == ("pysocks",)


@pytest.mark.parametrize(("chosen", "attrs"), [("old", "23.1.0"), ("new", "24.1.0")])
def test_extras_that_exclude_each_other(chosen: str, attrs: str) -> None:
    parsed = parse(PROJECT, chosen={chosen, "dev"})
    assert (parsed.versions["attrs"], parsed.versions["pytest"]) == (attrs, "9.0")
    assert parsed.requires is not None
    assert parsed.requires["cattrs"] == ("attrs",)


def test_all_extras_at_once_must_not_exclude_each_other() -> None:
    with pytest.raises(
        InputError, match=r"uv\.lock installs attrs 2\d\.1\.0 and 2\d\.1\.0: extras or groups"
    ) as caught:
        parse(PROJECT)
    assert 'extras = ["…"]' in caught.value.fix


def test_sources() -> None:
    parsed = parse(
        f"""{HEAD}
        [manifest]
        members = ["app", "lib"]
        [[package]]
        name = "app"
        source = {{ editable = "." }}
        dependencies = [
            {{ name = "lib" }}, {{ name = "local" }}, {{ name = "from-git" }}, {{ name = "from-url" }},
            {{ name = "from-path" }}, {{ name = "other" }},
        ]
        [[package]]
        name = "lib"
        version = "1"
        source = {{ editable = "packages/lib" }}
        dependencies = [{{ name = "leaf" }}]
        [[package]]
        name = "local"
        version = "2"
        source = {{ directory = "../local" }}
        [[package]]
        name = "other"
        version = "2"
        source = {{ editable = "../other" }}
        [[package]]
        name = "from-git"
        version = "3"
        source = {{ git = "https://user:secret@h.example/r?rev=v3#{COMMIT}" }}
        [[package]]
        name = "from-url"
        version = "4"
        source = {{ url = "https://h.example/x-4-py3-none-any.whl" }}
        wheels = [{{ url = "https://h.example/x-4-py3-none-any.whl", hash = "sha256:{HASH}" }}]
        [[package]]
        name = "from-path"
        version = "5"
        source = {{ path = "dist/y-5.tar.gz" }}
        sdist = {{ hash = "sha256:{HASH}" }}
        [[package]]
        name = "leaf"
        version = "6"
        {REGISTRY}
        """
    )
    assert parsed.versions == {
        "app": EDITABLE,
        "lib": EDITABLE,
        "other": EDITABLE,
        "local": "2 unpinned",
        "from-git": f"3 @ {COMMIT}",
        "from-url": f"4 @ sha256:{HASH}",
        "from-path": f"5 @ sha256:{HASH}",
        "leaf": "6",
    }
    assert parsed.notes == ("uv.lock: local is a folder: no version tells when it changes",)


def test_a_lock_without_project_counts_every_package() -> None:
    text = f'{HEAD}[[package]]\nname = "a"\nversion = "1"\n{REGISTRY}\n'
    assert parse(text).versions == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 2\n", "uv.lock has format 2, known is 1"),
        ("version = \n", "uv.lock is not TOML"),
        (
            f'{HEAD}[[package]]\nname = "a"\nsource = {{ virtual = "." }}\ndependencies = [{{ name = "b" }}]\n',
            "uv.lock: a needs b, and 0 packages fit",
        ),
    ],
)
def test_unusable(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse(text)
    assert caught.value.fix
