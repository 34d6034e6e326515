"""SIGKILL at every write boundary of a run, in the engine and in a worker: the next run ends with the same digests."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projects import Project, a_project

PIPELINE = """
from tiphys import File
@step
def write(n: int) -> File:
    with open("n.txt", "w") as f:
        f.write(str(n) * 100)
    return File("n.txt")
@step
def size(file: File) -> int:
    return file.path.stat().st_size
@pipeline
def p() -> int:
    return size(write(7))
"""


def outcome(project: Project) -> dict[str, object]:
    """Keys and results of a run that is expected to succeed."""
    done = project.tiphys("run", "pipe.py", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads(done.stdout.splitlines()[-1])["run"]
    return {address: (r.key, r.outputs) for address, r in project.store.step_records(run).items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a run gives that nobody kills."""
    return outcome(a_project(tmp_path_factory.mktemp("undisturbed"), PIPELINE))


@pytest.mark.parametrize("first", range(1, 5))
@pytest.mark.parametrize("place", ["TIPHYS_TEST_KILL_AT", "TIPHYS_TEST_KILL_WORKER_AT"])
def test_killed_at_every_boundary(place: str, first: int, tmp_path: Path, undisturbed: dict[str, object]) -> None:
    """Every fourth boundary from `first` on, so that several processes share the work."""
    boundary = first - 4
    while True:
        boundary += 4
        project = a_project(tmp_path / f"{boundary}", PIPELINE)
        done = project.tiphys("run", "pipe.py", env={place: str(boundary)})
        if done.returncode == 0:
            break
        if place == "TIPHYS_TEST_KILL_AT":
            assert done.returncode == -signal.SIGKILL
        else:
            assert "SIGKILL" in done.stdout + done.stderr
        assert outcome(project) == undisturbed, f"after a kill at boundary {boundary}"
        for record in project.store.runs():
            assert record.state in ("succeeded", "failed", "lost")
    assert boundary > 5, "the hook did not kill"


def test_a_killed_run_is_shown_as_lost_and_goes_on(project: Callable[[str], Project]) -> None:
    made = project(PIPELINE)
    for boundary in range(10, 60):
        made.tiphys("run", "pipe.py", env={"TIPHYS_TEST_KILL_AT": str(boundary)})
        if any(run.state == "lost" for run in made.store.runs()):
            break
    lost = made.store.find_run("latest")
    assert lost.state == "lost"
    shown = made.tiphys("show", "latest")
    assert "lost" in shown.stdout
    again = made.tiphys("rerun", lost.id)
    assert again.returncode == 0, again.stderr
