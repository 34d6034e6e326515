"""Wrong things that a user does, as rows of a table, and what the command line must make of each."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.projects import Project

RUN = ("run", "pipe.py")
TRACEBACK = "Traceback (most recent call last)"
NUMBER = """
@step
def number() -> int:
    return 3
"""
RIGHT = f"""{NUMBER}
@pipeline
def p() -> int:
    return number()
"""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One row. `says`: what the message must hold, values and places among it. `fix`: what the advice must hold.

    `text`: of `pipe.py`. `words`: of the command line. `files`: further files of the project.
    `tracebacks`: how many the user sees, which are of their own code.
    """

    says: tuple[str, ...]
    fix: str
    text: str = RIGHT
    words: tuple[str, ...] = RUN
    code: int = 2
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    tracebacks: int = 0


def attempt(project: Project, row: Wrong, *more: str) -> subprocess.CompletedProcess[str]:
    """Do it, as a user would."""
    for name, content in row.files.items():
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return project.tiphys(*row.words, *more, env=row.env)


def require_refused(project: Project, row: Wrong) -> None:
    """One error and one fix on standard error, nothing else, no traceback, nothing started."""
    done = attempt(project, row)
    told = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == row.code, told
    assert done.stdout == "", told
    lines = done.stderr.splitlines()
    assert [line for line in lines if not line.startswith(" " * 7)] == [lines[0], *_fixes(lines)], told
    assert lines[0].startswith("error: "), told
    message, _, fix = done.stderr.partition("\nfix:")
    for text in row.says:
        assert text in message, told
    assert row.fix in fix, told
    assert TRACEBACK not in told
    assert not (project.folder / ".tiphys" / "runs").is_dir() or not list(project.store.runs()), told


def require_failed(project: Project, row: Wrong) -> subprocess.CompletedProcess[str]:
    """The step failed: told once in the summary, without our frames, and recorded."""
    done = attempt(project, row)
    told = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == row.code, told
    assert done.stderr == "", told
    _, _, summary = done.stdout.partition("\nfailed: ")
    for text in row.says:
        assert text in summary, told
    assert ("\n  fix: " in summary) == bool(row.fix), told
    assert row.fix in summary, told
    assert done.stdout.count(TRACEBACK) == row.tracebacks, told
    assert "tiphys/workflows/" not in done.stdout, told
    assert "next:   tiphys rerun " in summary, told
    run = project.store.find_run("latest")
    assert (run.state, run.exit_code) == ("failed", row.code)
    return done


def _fixes(lines: list[str]) -> list[str]:
    """The line of the advice; there must be one."""
    found = [line for line in lines if line.startswith("fix:   ")]
    assert len(found) == 1, lines
    return found
