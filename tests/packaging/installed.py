"""The built wheel, installed as a user does it: in an environment and a folder outside the clone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.docs.documents import ROOT

# What a test environment adds would hide that something is missing from the wheel.
_NOT_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def plain_environment() -> dict[str, str]:
    """The variables of a shell that knows nothing of this clone."""
    return {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON and not k.startswith("TIPHYS_")}


def uv() -> str:
    """The `uv` of the environment of the tests."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent))
    assert found, "uv is not beside the interpreter of the tests: make setup"
    return found


def call(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that must not hang; its exit code is the caller's to judge."""
    return subprocess.run(words, cwd=folder, env=plain_environment(), capture_output=True, text=True, timeout=120)


def build(tree: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """`uv build --wheel` of a source tree."""
    return call(uv(), "build", "--wheel", "--out-dir", str(out), str(tree), folder=tree)


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and nothing of the clone. `folder`: an empty one beside it."""

    python: Path
    folder: Path

    def run(self, command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A command line such as `tiphys run 'my file.py'`, with the environment's programs."""
        import shlex

        name, *words = shlex.split(command)
        return call(str(self.python.parent / name), *words, folder=folder or self.folder)


def install(wheel: Path, folder: Path) -> Installed:
    """A fresh environment with the core of the wheel, versions as locked."""
    python = folder / "environment" / "bin" / "python"
    made = call(uv(), "venv", "--quiet", "--python", sys.executable, "environment", folder=folder)
    assert made.returncode == 0, made.stderr
    lock = str(ROOT / "requirements.lock")
    words = ("pip", "install", "--quiet", "--python", str(python), "-c", lock, str(wheel))
    done = call(uv(), *words, folder=folder)
    assert done.returncode == 0, done.stderr
    work = folder / "work"
    work.mkdir()
    return Installed(python, work)


def copy_of_the_tree(target: Path) -> Path:
    """What a build of the wheel reads, links as links."""
    target.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target)
    for name in ("tiphys", "workflows", "ray_jobs", "serving", "cluster"):
        shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return target


def first_commands(readme: str) -> list[str]:
    """The commands of the console block beneath the README's first pipeline."""
    block = re.search(r"^# file: hello\.py$.*?^```console\n(?P<body>.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert block, "README.md has no console block beneath `# file: hello.py`"
    return [line.removeprefix("$ ") for line in block["body"].splitlines() if line.startswith("$ ")]
