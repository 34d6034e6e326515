"""Lock files in the format of requirements files."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from tests.workflows.environment.locks import Lock, as_requirements, locks
from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.markers import Markers
from tiphys.workflows.environment.model import EDITABLE, UNPINNED, Parsed, normalized
from tiphys.workflows.environment.platforms import marker_environment, running_python
from tiphys.workflows.environment.requirements_lock import NotPinned, parse_requirements

ROOT = Path(__file__).parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def parse(text: str, python: str = "3.11", platform: str = "linux-x86_64") -> Parsed:
    return parse_requirements([("r.lock", text)], Markers(marker_environment(python, platform)))


@given(locks(), st.booleans(), st.sampled_from(["split", "line"]), st.sampled_from(["-", "_", "."]))
def test_round_trip(lock: Lock, hashes: bool, style: str, spelling: str) -> None:
    parsed = parse(as_requirements(lock, hashes=hashes, style=style, spelling=spelling))
    assert parsed == Parsed(lock.versions, lock.requires)


@given(locks(), st.booleans())
def test_without_comments_nothing_is_known_of_edges(lock: Lock, hashes: bool) -> None:
    parsed = parse(as_requirements(lock, hashes=hashes, style="none"))
    assert (dict(parsed.versions), parsed.requires) == (lock.versions, None)


@given(st.integers(10, 14), st.integers(11, 14))
def test_a_universal_lock_holds_a_version_for_each_python(split: int, python: int) -> None:
    text = (
        f"numpy==1.0 ; python_full_version < '3.{split}'\n    # via\n    #   -r x.in\n    #   pandas\n"
        f"numpy==2.0 ; python_full_version >= '3.{split}'\n    # via\n    #   -r x.in\n    #   pandas\n"
        "pandas==3.0\n    # via -r x.in\n"
    )
    parsed = parse(text, f"3.{python}")
    assert parsed.versions["numpy"] == ("1.0" if python < split else "2.0")
    assert parsed.requires == {"pandas": ("numpy",)}


def test_markers_of_platforms() -> None:
    text = (
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:" + "0" * 64 + "\n    # via click\n"
        "click==8.0\n    # via -r x.in\n"
        "triton==3.0 ; platform_machine == 'x86_64' and sys_platform == 'linux'\n    # via click\n"
    )
    linux = parse(text)
    assert linux.versions == {"click": "8.0", "triton": "3.0"}
    assert linux.excluded == {"colorama"}
    assert parse(text, platform="windows-amd64").versions == {"click": "8.0", "colorama": "0.4.6"}
    assert parse(text, platform="linux/arm64").versions == {"click": "8.0"}


def test_extras_and_roots() -> None:
    parsed = parse(
        "--index-url file:///srv/simple\n-c constraints.txt\n\n"
        "requests[socks]==2.31.0   # via -r x.in, my-app (pyproject.toml)\n"
        "PySocks==1.7 # via requests[socks]\n"
        "idna==3.1\n    # via\n    #   -c constraints.txt\n    #   Requests\n    # from file:///srv/simple\n"
    )
    assert parsed.versions == {"requests": "2.31.0", "pysocks": "1.7", "idna": "3.1"}
    assert parsed.requires == {"requests": ("idna", "pysocks")}


def test_direct_references() -> None:
    digest = "c" * 64
    parsed = parse(
        f"-e file:../app\n    # via -r x.in\n-e git+https://h.example/t@{COMMIT}#egg=my_tool\n"
        f"pkg @ git+https://user:secret@h.example/r@{COMMIT}\n    # via -r x.in\n"
        f"wheel-a @ https://h.example/a-1.0-py3-none-any.whl#sha256={digest}\n    # via -r x.in\n"
        f"wheel-b @ https://h.example/b.whl ; python_version >= '3' --hash=sha256:{digest}\n    # via pkg\n"
        "wheel-c @ https://user:secret@h.example/c.whl\n    # via pkg\n"
        "./dist/wheel_d-2.0-py3-none-any.whl\n    # via -r x.in\n"
        "./folder\n    # via -r x.in\n"
        "idna==3.1\n    # via\n    #   folder-name\n    #   pkg\n"
    )
    assert parsed.versions["pkg"] == f"@ {COMMIT}"
    assert parsed.versions["my-tool"] == EDITABLE
    assert parsed.versions["wheel-a"] == parsed.versions["wheel-b"] == f"@ sha256:{digest}"
    assert parsed.versions["wheel-c"].startswith("@ url:")
    assert parsed.versions["wheel-d"].startswith("2.0 @ url:")
    assert parsed.versions["folder-name"] == UNPINNED
    assert parsed.requires == {"folder-name": ("idna",), "pkg": ("idna", "wheel-b", "wheel-c")}
    assert parsed.notes == (
        "r.lock:10 is an archive without a hash: nothing tells when it changes",
        "r.lock:12 is an archive without a hash: nothing tells when it changes",
        "r.lock:14 is a folder: no version tells when it changes",
    )
    assert "secret" not in repr(parsed)
    other = parse("wheel-c @ https://other:token@h.example/c.whl\n")
    assert other.versions["wheel-c"] == parsed.versions["wheel-c"]


@pytest.mark.parametrize(
    "line", ["numpy", "numpy>=2", "numpy==2.*", "numpy==2.0,<3", "numpy~=2.0", "a @ git+https://h.example/r@main", "=="]
)
def test_lines_that_pin_nothing(line: str) -> None:
    with pytest.raises(NotPinned, match=r"^r\.lock:2: ") as caught:
        parse(f"idna==3.1\n{line}\n")
    assert caught.value.fix


def test_contradictions_and_wrong_markers_name_their_lines() -> None:
    with pytest.raises(InputError, match=r"r\.lock:2 pins a 2, and r\.lock:1 1: both hold here"):
        parse("a==1\na==2 ; python_version > '3'\n")
    with pytest.raises(InputError, match=r"r\.lock:1: cannot read the marker \"python_verzion"):
        parse("a==1 ; python_verzion > '3'\n")
    assert parse("a==1\na==1 ; python_version > '3'\n").versions == {"a": "1"}


def test_a_line_without_comment_among_others_leaves_no_edges() -> None:
    """Somebody added it by hand: who needs it is not known, so nothing may be left out."""
    parsed = parse("a==1\n    # via -r x.in\nb==2\n")
    assert parsed.requires is None
    assert parsed.notes == ("r.lock:3 has no `# via` comment, unlike other lines",)


def test_uv_export_leaves_out_who_asked_for_members_of_groups() -> None:
    text = "# This file was autogenerated by uv via the following command:\n#    uv export\n"
    parsed = parse(f"{text}a==1\n    # via my-proj\nb==2\n    # via a\npytest==9\n")
    assert parsed.requires == {"a": ("b",), "my-proj": ("a",)}
    assert parsed.versions == {"a": "1", "b": "2", "pytest": "9", "my-proj": UNPINNED}
    assert parse(f"{text}a==1\nb==2\n").requires is None


def test_several_files_are_one_lock() -> None:
    parsed = parse_requirements(
        [("a.txt", "-r b.txt\na==1\n"), ("b.txt", "b==2\n")], Markers(marker_environment("3.11"))
    )
    assert parsed.versions == {"a": "1", "b": "2"}


def test_this_repository() -> None:
    """Edges put together from comments, against the metadata of what is installed in the same version."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    markers = Markers(marker_environment(running_python()))
    parsed = parse_requirements([("requirements.lock", text)], markers)
    assert parsed.requires is not None
    compared = 0
    for distribution in distributions():
        name = normalized(distribution.metadata["Name"])
        if parsed.versions.get(name) != distribution.version:
            continue
        asked = {
            normalized(requirement.name)
            for requirement in map(Requirement, distribution.requires or ())
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        }
        locked = set(parsed.requires.get(name, ()))
        assert asked <= locked, name
        extra = {normalized(re.split(r"[^\w.-]", text)[0]) for text in distribution.requires or ()}
        assert locked <= extra, name
        compared += 1
    assert compared > 10
