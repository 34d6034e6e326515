"""`flow.run(…)` and `flow.plan(…)`: from a test, a script, or a notebook that imports the pipeline."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.projects import HEAD, Project, a_project
from tiphys.cluster.errors import InputError, TiphysError
from tiphys.cluster.store.folder import FolderStore
from tiphys.workflows.face import StepFailed

Imported = Callable[[str], ModuleType]

FLOW = """
import enum
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from tiphys import File, Folder

class Colour(enum.Enum):
    RED = "r"

@dataclass(frozen=True)
class Report:
    day: date
    colour: Colour
    scores: dict[str, float]
    text: File
    pages: list[File]
    more: Folder | None = None

class Pair(NamedTuple):
    left: int
    right: int

@step
def write(day: date, count: int) -> Report:
    from pathlib import Path
    pages = []
    for i in range(count):
        Path(f"page {i}.txt").write_text(str(i))
        pages.append(File(f"page {i}.txt"))
    Path("report.txt").write_text("all good")
    return Report(day, Colour.RED, {"auc": 0.5}, File("report.txt"), pages)

@step
def pair(x: int) -> Pair:
    return Pair(x, x + 1)

@step
def boom(x: int) -> int:
    for i in range(x):
        print("line", i)
    raise ValueError(f"no more than {x}")

@step
def wrong() -> int:
    return "text"

@pipeline
def report(day: date = date(2013, 10, 1), count: int = 2) -> Report:
    return write(day, count)

@pipeline
def pairs(xs: list[int]) -> list[Pair]:
    return each(xs, pair)

@pipeline
def failing(x: int = 3) -> int:
    return boom(x)

@pipeline
def mistaken() -> int:
    return wrong()

@pipeline
def nothing() -> None:
    pair(1)
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of a small project, imported as a test imports it."""
    made = a_project(tmp_path / "project", "")
    made.write(HEAD + FLOW, "face_flow.py")
    monkeypatch.syspath_prepend(made.folder)
    yield importlib.import_module("face_flow")
    del sys.modules["face_flow"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where results go."""
    return tmp_path / "elsewhere" / "store"


def test_the_result_is_what_the_annotation_says(flow: Any, store: Path) -> None:
    made = flow.report.run(day=date(2014, 1, 2), store=store)
    assert type(made) is flow.Report
    assert (made.day, made.colour, made.scores, made.more) == (date(2014, 1, 2), flow.Colour.RED, {"auc": 0.5}, None)
    assert made.text.path.read_text() == "all good"
    assert [page.path.read_text() for page in made.pages] == ["0", "1"]
    assert [page.path.name for page in made.pages] == ["page 0.txt", "page 1.txt"]


def test_lists_named_tuples_and_nothing(flow: Any, store: Path) -> None:
    assert flow.pairs.run([3, 5], store=store) == [flow.Pair(3, 4), flow.Pair(5, 6)]
    assert type(flow.pairs.run([3], store=str(store))[0]) is flow.Pair
    assert flow.nothing.run(store=store) is None


def test_a_returned_file_may_be_edited_and_the_store_stays_whole(flow: Any, store: Path) -> None:
    first = flow.report.run(store=store)
    first.text.path.chmod(0o644)
    first.text.path.write_text("mine")
    assert flow.report.run(store=store).text.path.read_text() == "all good"
    assert [one.problem for one in FolderStore(store).verify() if one.problem] == []


def test_the_store_is_the_one_that_is_named_else_the_projects(flow: Any, store: Path, tmp_path: Path) -> None:
    flow.report.run(store=store)
    assert not (tmp_path / "project" / ".tiphys").exists()
    flow.report.run()
    assert FolderStore(tmp_path / "project" / ".tiphys").find_run("latest").pipeline == "face_flow:report"
    assert len(list(FolderStore(store).runs())) == 1


def test_plan_says_what_run_would_do_and_starts_nothing(flow: Any, store: Path) -> None:
    before = flow.report.plan(count=1, store=store)
    assert [(s.address, s.verdict, s.reason) for s in before.steps] == [("write", "RUN", "never run before")]
    assert list(FolderStore(store).runs()) == []
    flow.report.run(count=1, store=store)
    assert flow.report.plan(count=1, store=store).counts == {"HIT": 1}
    assert flow.report.plan(count=2, store=store).counts == {"RUN": 1}


def test_a_failed_step_raises_with_its_error_and_its_output(flow: Any, store: Path) -> None:
    with pytest.raises(StepFailed) as caught:
        flow.failing.run(store=store)
    told = str(caught.value)
    assert told.startswith("boom failed: Traceback (most recent call last):")
    assert "ValueError: no more than 3" in told
    assert told.endswith("It wrote:\n  line 0\n  line 1\n  line 2")
    assert "tiphys/workflows/" not in told
    assert caught.value.exit_code == 1
    assert caught.value.run == FolderStore(store).find_run("latest").id
    assert f"tiphys rerun {caught.value.run} --from-failed" in caught.value.fix


def test_of_much_output_the_end_is_in_the_message(flow: Any, store: Path) -> None:
    with pytest.raises(StepFailed) as caught:
        flow.failing.run(5_000, store=store)
    told = str(caught.value)
    assert "The last of 5,000 lines that it wrote:\n  line 4980\n" in told
    assert told.endswith("  line 4999")
    assert len(told) < 2_000


def test_exit_codes_are_those_of_the_command_line(flow: Any, store: Path) -> None:
    with pytest.raises(StepFailed, match="the result of wrong is str 'text', declared int") as caught:
        flow.mistaken.run(store=store)
    assert caught.value.exit_code == 2
    wrong_calls: tuple[Callable[[], object], ...] = (
        lambda: flow.failing.run(y=1, store=store),
        lambda: flow.failing.run("three", store=store),
        lambda: flow.pairs.run(store=store),
        lambda: flow.failing.plan(x=None, store=store),
    )
    for call in wrong_calls:
        with pytest.raises(InputError) as wrong:
            call()
        assert wrong.value.exit_code == 2
        assert wrong.value.fix
    (store.parent / "file").write_text("mine")
    with pytest.raises(TiphysError, match="/file is no folder"):
        flow.failing.run(store=store.parent / "file")


def test_in_a_test_file_and_in_a_script_that_imports_it(project: Callable[[str], Project]) -> None:
    made = project(FLOW)
    made.write(
        "from pipe import report, failing\n"
        "def test_report(tmp_path):\n    assert report.run(count=1, store=tmp_path).scores == {'auc': 0.5}\n"
        "def test_failing(tmp_path):\n    failing.run(store=tmp_path)\n",
        "test_flow.py",
    )
    tested = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_flow.py")
    assert "1 failed, 1 passed" in tested.stdout, tested.stdout
    assert "ValueError: no more than 3" in tested.stdout
    assert "fix: tiphys show " in tested.stdout
    made.write("from pipe import pairs\nprint(pairs.run([1, 2]))\n", "script.py")
    assert made.python("script.py").stdout == "[Pair(left=1, right=2), Pair(left=2, right=3)]\n"
