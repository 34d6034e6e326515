"""Which lock file is taken, how it is remembered, and what is said when it cannot be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.environment.locks import Lock, as_requirements, as_uv_lock
from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.locks import load_environment
from tiphys.workflows.environment.model import Environment
from tiphys.workflows.environment.platforms import running_platform, running_python
from tiphys.workflows.setting_kinds import EnvironmentSettings

ROOT = Path(__file__).parents[3]
LOCK = Lock({"alpha": "1.0", "beta-b": "2.0"}, {"alpha": ("beta-b",)})


def load(root: Path, settings: EnvironmentSettings | None = None, cache: Path | None = None) -> Environment:
    return load_environment(settings or EnvironmentSettings(), root, "default", cache)


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text, "utf-8")


def test_order_of_default_locks(tmp_path: Path) -> None:
    write(tmp_path, requirements__txt="alpha==3.0\n")
    assert (load(tmp_path).source, load(tmp_path).versions["alpha"]) == ("requirements.txt", "3.0")
    write(tmp_path, requirements__lock=as_requirements(LOCK))
    environment = load(tmp_path)
    assert (environment.source, environment.versions["alpha"]) == ("requirements.lock", "1.0")
    assert environment.requires == {"alpha": ("beta-b",)}
    write(tmp_path, uv__lock=as_uv_lock(Lock({"alpha": "4.0"}, {})))
    assert (load(tmp_path).source, load(tmp_path).versions["alpha"]) == ("uv.lock", "4.0")
    write(tmp_path, other__txt="alpha==5.0\n")
    environment = load(tmp_path, EnvironmentSettings(lock=tmp_path / "other.txt"))
    assert environment.source == "other.txt ([tool.tiphys.environments.default] lock)"
    assert environment.versions == {"alpha": "5.0"}


def test_without_a_lock_the_interpreter_counts(tmp_path: Path) -> None:
    environment = load(tmp_path)
    assert (environment.source, environment.locked, environment.python) == ("this interpreter", False, running_python())
    assert "packaging" in environment.versions
    assert environment.notes == ("no lock file: versions are those that this interpreter has installed",)


def test_a_requirements_file_without_exact_versions_is_no_lock(tmp_path: Path) -> None:
    write(tmp_path, requirements__txt="numpy>=2\n")
    environment = load(tmp_path)
    assert environment.source == "this interpreter"
    assert environment.notes[0] == (
        "requirements.txt:1: 'numpy>=2' is not one exact version (NAME==VERSION); so it is not taken for a lock file"
    )
    with pytest.raises(InputError, match=r"requirements\.txt:1: 'numpy>=2' is not one exact version"):
        load(tmp_path, EnvironmentSettings(lock=tmp_path / "requirements.txt"))
    write(tmp_path, requirements__lock="numpy>=2\n")
    with pytest.raises(InputError, match=r"requirements\.lock:1"):
        load(tmp_path)


def test_included_files_are_part_of_the_lock(tmp_path: Path) -> None:
    write(tmp_path, requirements__txt="-r base.txt\nalpha==1\n", base__txt="beta==1\n-r requirements.txt\n")
    cache = tmp_path / "cache"
    assert load(tmp_path, cache=cache).versions == {"alpha": "1", "beta": "1"}
    write(tmp_path, base__txt="beta==2\n")
    assert load(tmp_path, cache=cache).versions == {"alpha": "1", "beta": "2"}
    (tmp_path / "base.txt").unlink()
    with pytest.raises(InputError, match=r"^-r in requirements\.txt: base\.txt: No such file"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("absent.lock", None, r"\[tool.tiphys.environments.default\] lock = absent.lock: No such file"),
        ("poetry.lock", "", "poetry.lock .*: this format is not read"),
        ("bad.lock", b"\xff\xfe", "bad.lock is not UTF-8 text"),
    ],
)
def test_unusable_locks(tmp_path: Path, name: str, text: str | bytes | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path, EnvironmentSettings(lock=tmp_path / name))
    assert caught.value.fix


def test_another_python_needs_a_lock(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is for Python 3\.99 on .*, has no lock file, and this is") as caught:
        load(tmp_path, EnvironmentSettings(python="3.99"))
    assert "[tool.tiphys.environments.default] lock" in caught.value.fix


def test_python_and_platform_choose(tmp_path: Path) -> None:
    write(
        tmp_path,
        requirements__lock="a==1 ; python_version < '3.12'\na==2 ; python_version >= '3.12'\n"
        "b==1 ; sys_platform == 'darwin'\nc==1 ; python_full_version < '3.13.4'\n",
    )
    cache = tmp_path / "cache"

    def versions(python: str, platform: str = "") -> dict[str, str]:
        return dict(load(tmp_path, EnvironmentSettings(python=python, platform=platform), cache).versions)

    for _ in range(2):  # parsed, and remembered
        assert versions("3.11", "linux-x86_64") == {"a": "1", "c": "1"}
        assert versions("3.12", "darwin-arm64") == {"a": "2", "b": "1", "c": "1"}
        assert versions("3.13.3", "linux-x86_64") == {"a": "2", "c": "1"}
        assert versions("3.13.5", "linux-x86_64") == {"a": "2"}
    environment = load(tmp_path, EnvironmentSettings(python="3.13.5"))
    assert (environment.python, environment.platform) == ("3.13", running_platform())


def test_the_memory_is_no_more_than_a_shortcut(tmp_path: Path) -> None:
    write(tmp_path, requirements__lock=as_requirements(LOCK))
    cache = tmp_path / "cache"
    first = load(tmp_path, cache=cache)
    (memo,) = cache.iterdir()
    assert load(tmp_path, cache=cache) == first
    whole = memo.read_bytes()
    for damaged in (b"", whole[:-5], whole.replace(b"2.0", b"2.1")):
        memo.write_bytes(damaged)
        assert load(tmp_path, cache=cache) == first
        assert memo.read_bytes() == whole


def test_an_unwritable_cache_is_no_error(tmp_path: Path) -> None:
    write(tmp_path, requirements__lock=as_requirements(LOCK), file="not a folder")
    assert load(tmp_path, cache=tmp_path / "file" / "cache").versions == LOCK.versions


@pytest.mark.parametrize("name", ["requirements.lock", "uv.lock"])
def test_a_warm_plan_parses_nothing(tmp_path: Path, name: str) -> None:
    """The lock of this repository, 1,300 lines: read back without `packaging`, TOML or metadata readers."""
    text = (ROOT / "requirements.lock").read_text("utf-8") if name == "requirements.lock" else as_uv_lock(LOCK)
    (tmp_path / name).write_text(text, "utf-8")
    code = (
        "import sys, pathlib; from tiphys.workflows.environment import Environments; "
        "from tiphys.workflows.settings import load_config; root = pathlib.Path(sys.argv[1]); "
        "config = load_config(root, {}, {'USER': 'ann'}); "
        "found = Environments(root, config, root / 'cache').component(None, frozenset({'pandas', 'alpha'})); "
        "print(len(found.versions) > 1, [m for m in ('packaging', 'tomllib', 'importlib.metadata', 'email', 'difflib', "
        "'tiphys.workflows.environment.markers', 'tiphys.workflows.environment.installed') if m in sys.modules])"
    )
    for expected in ("'packaging'", "True []\n"):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
        assert expected in done.stdout
