"""The commands that run and explain, on a real pipeline."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import a_run
from tests.workflows.cli.conftest import Tiphys
from tests.workflows.display.story import a_screen
from tiphys.workflows.cli.running import commands_from, display_for
from tiphys.workflows.display.run_json import JsonDisplay
from tiphys.workflows.display.run_live import LiveDisplay
from tiphys.workflows.display.run_plain import PlainDisplay
from tiphys.workflows.display.summary import Commands
from tiphys.workflows.run.events import RunEnded

PIPELINE = """
from tiphys import each, pipeline, step

def factor() -> int:
    return 2

@step
def double(x: int) -> int:
    print("doubling", x)
    return factor() * x

@step
def total(xs: list[int]) -> int:
    if sum(xs) > 100:
        raise ValueError(f"{sum(xs)} is too much")
    return sum(xs)

@pipeline
def numbers(n: int = 3) -> int:
    return total(each(range(n), lambda i: double(i)))
"""


@pytest.fixture
def pipe(project: Path) -> Path:
    """A pipeline file in the project."""
    (project / "zählen.py").write_text(PIPELINE)
    return project / "zählen.py"


def run_id(out: str) -> str:
    return next(line.split()[1] for line in out.splitlines() if line.startswith("run:"))


def test_run_then_hits_then_an_edit_and_why(tiphys: Tiphys, pipe: Path) -> None:
    first = tiphys("run", "zählen.py", "-p", "n=4")
    assert first.code == 0, first.err
    assert "zählen:numbers done in " in first.out
    assert "result: 12\n" in first.out
    assert any(line.endswith("double[3] | doubling 3") for line in first.lines)
    again = tiphys("run", "zählen.py:numbers", "-p", "n=4")
    assert ": 5 cached" in again.out
    assert f"double  4 cached: unchanged since run {run_id(first.out)}" in again.out
    assert len(again.lines) == 6
    pipe.write_text(PIPELINE.replace("return 2", "return 3"))
    plan = tiphys("plan", "zählen.py", "-p", "n=4")
    assert plan.lines[-1].startswith("plan: 4 RUN, 1 MAYBE; ")
    assert tiphys("run", "zählen.py", "-p", "n=4").code == 0
    why = tiphys("why", "latest", "double[0]")
    assert why.code == 0
    assert "-    return 2" in why.out
    assert "+    return 3" in why.out


def test_a_failure_is_told_and_mended(tiphys: Tiphys, pipe: Path) -> None:
    failed = tiphys("run", "zählen.py", "-p", "n=12")
    assert failed.code == 1
    assert failed.out.count("ValueError: 132 is too much") == 2  # when it happens and in the summary
    assert failed.lines[-1] == f"next:   tiphys rerun {run_id(failed.out)} --from-failed"
    pipe.write_text(PIPELINE.replace("> 100", "> 1000"))
    words = failed.lines[-1].split()[2:]
    mended = tiphys(*words)
    assert mended.code == 0, mended.out
    assert ": 12 cached, 1 ran" in mended.out
    assert tiphys("get", "latest", "total").out == "132\n"
    assert tiphys("rerun", "latest", "--from-failed").code == 2
    more = tiphys("rerun", "latest", "-p", "n=13")
    assert ": 12 cached, 2 ran" in more.out


def test_spin_runs_one_instance(tiphys: Tiphys, pipe: Path) -> None:
    assert tiphys("run", "zählen.py").code == 0
    spun = tiphys("spin", "latest", "double[2]")
    assert spun.code == 0
    assert ": 1 ran" in spun.out
    assert tiphys("spin", "latest", "nothing").code == 2


def test_json_lines_end_with_the_summary(tiphys: Tiphys, pipe: Path) -> None:
    answer = tiphys("run", "zählen.py", "--json")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert lines[0]["event"] == "run_started"
    assert lines[0]["calls"] == {"double": 3, "total": 1}
    assert (lines[-1]["event"], lines[-1]["outputs"], lines[-1]["exit_code"]) == ("summary", 6, 0)


def test_errors_of_the_pipeline_are_wrong_input(tiphys: Tiphys, pipe: Path) -> None:
    assert tiphys("run", "zählen.py", "-p", "m=1").code == 2
    assert tiphys("run", "zählen.py", "--until", "dubble").code == 2
    assert tiphys("run", "zählen.py:numbr").code == 2
    pipe.write_text(PIPELINE + "\n@pipeline\ndef other() -> int:\n    return total([1])\n")
    several = tiphys("run", "zählen.py")
    assert several.code == 2
    assert "zählen.py:numbers, zählen.py:other" in several.err


def test_a_cached_run_imports_little(tiphys: Tiphys, pipe: Path) -> None:
    assert tiphys("run", "zählen.py").code == 0
    code = (
        "import sys; from tiphys.__main__ import main; sys.argv = ['tiphys', 'run', 'zählen.py']; main();"
        "heavy = {'asyncio', 'rich', 'multiprocessing', 'pyarrow', 'unicodedata', 'tomllib', 'pathspec', 'numpy'};"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=pipe.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ": 4 cached" in done.stdout


def test_the_display_that_fits() -> None:
    screen, _ = a_screen()
    terminal, _ = a_screen(terminal=True)
    make = lambda end: Commands()  # noqa: E731 (the shortest stub)
    assert isinstance(display_for(screen, make, as_json=False), PlainDisplay)
    assert isinstance(display_for(terminal, make, as_json=False), LiveDisplay)
    assert isinstance(display_for(terminal, make, as_json=True), JsonDisplay)


def test_commands_have_what_the_run_needs_around_them(project: Path, tmp_path: Path) -> None:
    end = RunEnded(a_run(root=str(project)))
    assert commands_from(project, end, None, "") == Commands()
    assert commands_from(project, end, "here", "") == Commands("", ("--store", "here"))
    elsewhere = commands_from(tmp_path, end, "here", "")
    assert elsewhere == Commands(str(project), ("--store", str(tmp_path / "here")))
    assert elsewhere.text("rerun", "r1").startswith(f"cd '{project}' && tiphys rerun r1 --store ")


def test_a_run_on_a_terminal_leaves_it_as_it_was(pipe: Path) -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}
    command = [sys.executable, "-m", "tiphys", "run", "zählen.py"]
    with subprocess.Popen(command, cwd=pipe.parent, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 4096):
                seen += data
        except OSError:  # the end of a pseudo-terminal
            pass
    os.close(ours)
    assert process.returncode == 0
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h") == 1
    assert b"double" in seen
    assert b"3 ran" in seen
