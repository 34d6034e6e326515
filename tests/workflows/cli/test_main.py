"""Words to commands, and errors to messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.cli.conftest import Tiphys
from tiphys.cluster.store.folder import FolderStore
from tiphys.workflows.cli import past


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        (("rum",), "tiphys has no command 'rum'", "did you mean run?"),
        (("zzz",), "tiphys has no command 'zzz'", "there is run, plan, rerun,"),
        (("--jsno", "runs"), "tiphys has no option '--jsno'", "there is"),
        (("flights.py:p",), "tiphys has no command 'flights.py:p'", "did you mean tiphys run flights.py:p?"),
        (("store", "gx"), "tiphys has no command 'store gx'", "did you mean store gc?"),
        (("run", "--forse", "x", "a.py"), "tiphys run has no option --forse", "did you mean --force?"),
        (("run", "--forse=x"), "tiphys run has no option --forse", "did you mean --force?"),
        (("run", "a.py", "-x"), "tiphys run has no option -x", "tiphys run --help lists its options"),
        (("run", "a.py", "epochs=3"), "tiphys run: 'epochs=3' is not expected", "a parameter is given as -p epochs=3"),
        (("show", "latest", "more"), "tiphys show: 'more' is too much", "tiphys show --help"),
        (("run",), "tiphys run: the following arguments are required: FILE[:PIPELINE]", "tiphys run --help"),
        (("runs", "--limit", "0"), "tiphys runs: argument --limit: '0' is not a whole number", "tiphys runs --help"),
        (("run", "a.py", "-p", "epochs"), "-p 'epochs' is not NAME=VALUE", "write -p epochs=3"),
        (("run", "a.py", "-p", "a=1", "-p", "a=2"), "-p a is given twice: '1' and '2'", "give it once"),
        (("run", "a.py:1x"), "'a.py:1x': '1x' is not the name of a pipeline", "write FILE.py"),
        (("plan", "a.py", "--fail-on", "x"), "tiphys plan: argument --fail-on: invalid choice", "tiphys plan --help"),
        (("store", "gc", "--keep", "30m"), "--keep='30m'", "write 30s, 5min"),
    ],
)
def test_wrong_words(tiphys: Tiphys, store: FolderStore, words: tuple[str, ...], message: str, fix: str) -> None:
    answer = tiphys(*words)
    assert (answer.code, answer.out) == (2, "")
    said, advised = answer.err.splitlines()[:2]
    assert said.startswith(f"error: {message}")
    assert advised.startswith(f"fix:   {fix}")


def test_nothing_is_the_help_and_an_error(tiphys: Tiphys) -> None:
    answer = tiphys()
    assert answer.code == 2
    assert answer.out.startswith("usage: tiphys COMMAND")
    assert answer.err == "\nerror: a command is missing\n"


def test_a_family_alone_lists_its_commands(tiphys: Tiphys) -> None:
    answer = tiphys("store")
    assert answer.code == 2
    assert "tiphys store gc" in answer.out


def test_options_may_stand_before_the_command(tiphys: Tiphys, past: FolderStore) -> None:
    where = str(past.root)
    assert tiphys("--json", "--store", where, "runs").out == tiphys("runs", "--store", where, "--json").out
    assert tiphys(f"--store={where}", "--no-color", "store", "ls").code == 0
    assert tiphys("--json").code == 2


def test_version(tiphys: Tiphys) -> None:
    assert tiphys("--version").out.startswith("tiphys 0.")


def test_a_foreseen_error_has_no_traceback_unless_asked(tiphys: Tiphys, past: FolderStore) -> None:
    assert "Traceback" not in tiphys("show", "x").err
    answer = tiphys("show", "x", "--debug")
    assert answer.code == 2
    assert answer.err.startswith("Traceback")
    assert "\nerror: there is no run 'x'" in answer.err


def test_debug_may_be_a_variable(tiphys: Tiphys, past: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPHYS_DEBUG", "1")
    assert tiphys("show", "x").err.startswith("Traceback")
    monkeypatch.setenv("TIPHYS_DEBUG", "0")
    assert tiphys("show", "x").err.startswith("error: ")


def test_a_fault_of_ours_is_one_line_and_exit_1(
    tiphys: Tiphys, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[str]:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(past, "runs_lines", broken)
    answer = tiphys("runs")
    assert answer.code == 1
    assert answer.err == (
        "error: internal error: ZeroDivisionError: division by zero\n"
        "fix:   please report it, with what the same command prints with --debug\n"
    )
    assert "Traceback" in tiphys("runs", "--debug").err


def test_ctrl_c_is_130(tiphys: Tiphys, store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(past, "runs_lines", interrupted)
    answer = tiphys("runs")
    assert (answer.code, answer.err) == (130, "interrupted\n")


def process(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command line in a shell, `tiphys` being this checkout's."""
    line = words.replace("tiphys", f"{sys.executable} -m tiphys")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [("runs",), ("runs", "--json"), ("show", "nope", "--json"), ("--help",)], ids=str)
def test_a_reader_that_has_gone_is_no_fault_of_ours(past: FolderStore, project: Path, words: tuple[str, ...]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "tiphys", *words]
    done = subprocess.run(command, cwd=project, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write_end)
    assert done.returncode == (2 if "nope" in words else 0)
    assert "BrokenPipe" not in done.stderr
    assert "internal" not in done.stderr


def test_closed_streams_are_no_error(past: FolderStore, project: Path) -> None:
    done = process("tiphys runs >&- 2>&-; echo $?", project)
    assert done.stdout == "0\n"


def test_a_stream_that_cannot_show_a_character_escapes_it(past: FolderStore, project: Path) -> None:
    done = process("PYTHONIOENCODING=ascii tiphys get 20261124 train name", project)
    assert done.stdout == "mod\\xe8le\n"
