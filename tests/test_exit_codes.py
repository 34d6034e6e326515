"""Exit codes, frozen: 0 done, 1 a step failed, 2 wrong input, 3 rolled back, 4 a check failed, 5 platform, 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tiphys.cluster.errors import CheckError, ContractError, InputError, MissingObject, PlatformError, TiphysError

PIPELINE = """
import os, time
from tiphys import pipeline, step

@step
def work(n: int) -> int:
    print("working", flush=True)
    if n < 0:
        raise ValueError(f"{n} is negative")
    if n > 100:
        time.sleep(60)
    return n

@pipeline
def p(n: int = 1) -> int:
    return work(n)
"""


def test_codes_of_errors() -> None:
    kinds = (TiphysError, ContractError, InputError, CheckError, PlatformError, MissingObject)
    assert {kind.__name__: kind.exit_code for kind in kinds} == {
        "TiphysError": 1,
        "ContractError": 2,
        "InputError": 2,
        "CheckError": 4,
        "PlatformError": 5,
        "MissingObject": 5,
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one pipeline."""
    root = tmp_path_factory.mktemp("project")
    (root / "pyproject.toml").touch()
    (root / "p.py").write_text(PIPELINE)
    return root


def start(project: Path, *words: str) -> subprocess.Popen[str]:
    """`tiphys WORDS` in the project."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TIPHYS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tiphys", *words],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "p.py"), 0),
        (("run", "p.py", "-p", "n=-1"), 1),
        (("rerun", "latest", "--from-failed"), 1),
        (("run", "p.py", "-p", "n=x"), 2),
        (("run", "none.py"), 2),
        (("run", "p.py", "--nonsense"), 2),
        (("show", "nope"), 2),
        (("plan", "p.py", "-p", "n=7", "--fail-on", "run"), 4),
        (("plan", "p.py", "--fail-on", "run", "--fail-on", "gpu"), 0),
        (("run", "p.py", "--store", "/sys/none"), 5),
        (("--help",), 0),
        (("--version",), 0),
    ],
    ids=str,
)
def test_codes_of_commands(project: Path, words: tuple[str, ...], code: int) -> None:
    process = start(project, *words)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_is_130_with_the_command_to_go_on(project: Path, number: signal.Signals) -> None:
    process = start(project, "run", "p.py", "-p", "n=101")
    assert process.stdout is not None
    while "working" not in (line := process.stdout.readline()):
        assert line, "the step never began"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on:  tiphys rerun " in out
    assert "Traceback" not in err
