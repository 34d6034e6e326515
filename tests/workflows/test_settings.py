"""Settings: layers, provenance, and every kind of wrong value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tiphys.cluster.errors import InputError
from tiphys.workflows.setting_kinds import KINDS, EnvironmentSettings
from tiphys.workflows.settings import DEFAULT, PYPROJECT, Config, load_config


def load(root: Path, text: str = "", flags: dict[str, object] | None = None, **environ: str) -> Config:
    if text:
        (root / "pyproject.toml").write_text(text, "utf-8")
    return load_config(root, flags or {}, {"USER": "ann", **environ})


def test_defaults(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config == Config(tmp_path, tmp_path / ".tiphys", "user/ann")
    assert {setting.source for setting in config.shown()} == {DEFAULT}
    assert [setting.name for setting in config.shown()] == list(KINDS)


def test_every_layer_is_over_the_one_before(tmp_path: Path) -> None:
    text = '[tool.tiphys]\nstore = "a"\nprofile = "p"\nparallel = 3\n'
    config = load(tmp_path, text, {"profile": "f", "parallel": None}, TIPHYS_PROFILE="e", TIPHYS_PARALLEL="4")
    assert (config.store, config.profile, config.parallel) == (tmp_path / "a", "f", 4)
    assert config.provenance == {"store": PYPROJECT, "profile": "--profile", "parallel": "TIPHYS_PARALLEL"}


def test_everything_from_the_file(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        [tool.tiphys]
        store = "/data/store"
        scope = "pr/123"
        read = ["main", "user/ann"]
        path = ["lib"]
        inert = ["lib.register"]
        strict_resources = true
        [tool.tiphys.imports]
        cv2 = "opencv-python"
        google = ["protobuf", "google-auth"]
        cupy = []
        [tool.tiphys.environments.gpu]
        lock = "locks/gpu.lock"
        image = "example.org/gpu:1"
        python = "3.12"
        platform = "linux-aarch64"
        extras = ["cuda"]
        [tool.tiphys.profiles.cluster]
        cpu = "500m"
        memory = "4Gi"
        gpu = 1
        gpu_type = "h100"
        """,
    )
    assert config.store == Path("/data/store")
    assert (config.scope, config.read, config.path, config.inert) == (
        "pr/123",
        ("main", "user/ann"),
        ("lib",),
        ("lib.register",),
    )
    assert config.strict_resources is True
    assert config.imports == {"cv2": ("opencv-python",), "google": ("protobuf", "google-auth"), "cupy": ()}
    assert config.environments == {
        "gpu": EnvironmentSettings(tmp_path / "locks/gpu.lock", "example.org/gpu:1", "3.12", "linux-aarch64", ("cuda",))
    }
    assert config.profiles == {"cluster": {"cpu": 0.5, "memory_bytes": 4 << 30, "gpu": 1, "gpu_type": "h100"}}
    shown = {setting.name: (setting.value, setting.source) for setting in config.shown()}
    assert shown["environments.gpu.lock"] == (str(tmp_path / "locks/gpu.lock"), PYPROJECT)
    assert shown["imports.google"] == (["protobuf", "google-auth"], PYPROJECT)
    assert shown["profiles.cluster.memory_bytes"] == (4 << 30, PYPROJECT)


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the file: below the root. Of flags and variables: as a shell would."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load(tmp_path, '[tool.tiphys]\nstore = "../s"').store == tmp_path.parent / "s"
    assert load(tmp_path, TIPHYS_STORE="s").store == elsewhere / "s"
    assert load(tmp_path, flags={"store": Path("s")}).store == elsewhere / "s"
    assert load(tmp_path, flags={"store": "~/s"}).store == tmp_path / "home" / "s"


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("stroe = 's'", "has no setting 'stroe'", "did you mean 'store'?"),
        ("parallel = 'four'", "parallel = 'four': expected a whole number of at least 1", ""),
        ("parallel = 0", "parallel = 0: expected a whole number", ""),
        ("parallel = true", "parallel = True: expected a whole number", ""),
        ("store = 3", "store = 3: expected the path of a folder", ""),
        ("store = 's3://bucket/x'", "expected the path of a folder", ""),
        ("scope = '../up'", "expected `main`, `pr/123` or `user/ann`", ""),
        ("path = 'lib'", "path = 'lib': expected a list of texts", ""),
        ("strict_resources = 'yes'", "expected true or false", ""),
        ("imports = ['a']", "expected a table: import name = distribution", ""),
        ("imports = { cv2 = 1 }", r"\(cv2\): expected a distribution or a list", ""),
        ("environments = { gpu = 'x' }", r"\(gpu\): expected a table", ""),
        ("environments = { gpu = { lok = 'x' } }", r"\(gpu.lok\): expected one of lock", "did you mean 'lock'?"),
        ("environments = { gpu = { python = 3.11 } }", r"\(gpu.python = 3.11\): expected a version of Python", ""),
        ("environments = { gpu = { platform = 'vax' } }", r"\(gpu.platform = 'vax'\): expected one of darwin", ""),
        ("profiles = { big = { memory = '4GB' } }", r"\(big.memory = '4GB'\): expected a quantity; write 500Mi", ""),
        ("profiles = { big = { cpu = 0 } }", r"\(big.cpu = 0\): expected a quantity; write cores", ""),
        ("profiles = { big = { gpu = 0.5 } }", r"\(big.gpu = 0.5\): expected a whole number of GPUs", ""),
        ("profiles = { big = { cpus = 2 } }", r"\(big.cpus\): expected one of cpu", "did you mean 'cpu'?"),
    ],
)
def test_wrong_values(tmp_path: Path, text: str, message: str, fix: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path, f"[tool.tiphys]\n{text}\n")
    assert str(tmp_path / "pyproject.toml") in caught.value.message
    assert fix in caught.value.fix
    assert caught.value.fix


def test_wrong_values_of_variables_and_flags(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^TIPHYS_PARALLEL=four: expected a whole number"):
        load(tmp_path, TIPHYS_PARALLEL="four")
    with pytest.raises(InputError, match=r"^TIPHYS_STRICT_RESOURCES=maybe: expected true or false"):
        load(tmp_path, TIPHYS_STRICT_RESOURCES="maybe")
    with pytest.raises(InputError, match=r"^--parallel 0: expected a whole number"):
        load(tmp_path, flags={"parallel": "0"})
    with pytest.raises(InputError, match="'profiles' is a table") as caught:
        load(tmp_path, flags={"profiles": "x"})
    assert caught.value.fix == "write it in pyproject.toml: [tool.tiphys.profiles]"
    with pytest.raises(InputError, match="the command line has no setting 'parralel'"):
        load(tmp_path, flags={"parralel": 3})


def test_variables(tmp_path: Path) -> None:
    config = load(tmp_path, TIPHYS_READ="main, pr/1", TIPHYS_STRICT_RESOURCES="1", TIPHYS_STORE="")
    assert (config.read, config.strict_resources) == (("main", "pr/1"), True)
    assert config.provenance == {"read": "TIPHYS_READ", "strict_resources": "TIPHYS_STRICT_RESOURCES"}


def test_variables_that_are_no_settings(tmp_path: Path) -> None:
    """Others may use the prefix; what looks like a misspelt setting is refused, for it would change nothing."""
    assert load(tmp_path, TIPHYS_TEST_KUBECONFIG="x", TIPHYS_PROFILES="x").provenance == {}
    with pytest.raises(InputError, match="TIPHYS_STORES is set") as caught:
        load(tmp_path, TIPHYS_STORES="x")
    assert caught.value.fix == "did you mean 'TIPHYS_STORE'?"


@pytest.mark.parametrize(
    ("text", "message"),
    [("[tool.tiphys\n", "is not TOML: .*line 1"), ("[tool]\ntiphys = 3\n", "tool.tiphys is 3, expected a table")],
)
def test_unreadable_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, text)


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"# tiphys \xff\n")
    with pytest.raises(InputError, match="is not TOML"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("environ", "scope"), [({"USER": "Zoë B"}, "user/Zo--B"), ({"USER": "", "LOGNAME": "bob"}, "user/bob")]
)
def test_the_scope_of_a_user(tmp_path: Path, environ: dict[str, str], scope: str) -> None:
    assert load_config(tmp_path, {}, environ).scope == scope


def test_a_user_without_variables_has_a_scope(tmp_path: Path) -> None:
    assert load_config(tmp_path, {}, {}).scope.startswith("user/")


def test_no_settings_need_no_toml_reader(tmp_path: Path) -> None:
    """Neither a project without a file nor one that does not know Tiphys pays for the import."""
    code = (
        "import sys, pathlib; from tiphys.workflows.settings import load_config; "
        "load_config(pathlib.Path(sys.argv[1]), {}, {'USER': 'ann'}); "
        "print([m for m in ('tomllib', 'difflib', 'tiphys.cluster.quantity') if m in sys.modules])"
    )
    for text in ("", "[project]\nname = 'x'\n"):
        if text:
            (tmp_path / "pyproject.toml").write_text(text)
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
