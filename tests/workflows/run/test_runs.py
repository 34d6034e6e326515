"""Whole runs on this machine, with real worker processes and a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.projects import Project, states
from tests.workflows.run.pipelines import FAN
from tiphys.workflows.run.events import Event, StepRetrying, StepStarted

Make = Callable[[str], Project]


def test_results_flow_and_the_second_run_is_all_hits(project: Make) -> None:
    made = project(FAN.format(body="", more=""))
    first = made.run()
    assert first.exit_code == 0
    assert first.outputs == 30
    assert set(states(first.records).values()) == {"succeeded"}
    second = made.run()
    assert second.outputs == 30
    assert set(states(second.records).values()) == {"hit"}
    assert made.store.find_run("latest").state == "succeeded"


def test_a_step_that_gives_the_same_bytes_stops_the_wave(project: Make) -> None:
    made = project(FAN.format(body="", more=""))
    made.run()
    made.edit("return x * x", "return x ** 2")
    after = made.states()
    assert after["square[0]"] == "succeeded"
    assert after["total"] == "hit"


def test_failure_in_a_fan_out_finishes_the_siblings(project: Make) -> None:
    made = project(FAN.format(body='assert x != 2, "two"', more=""))
    result = made.run()
    assert result.exit_code == 1
    assert [result.records[f"square[{i}]"].state for i in range(4)] == ["succeeded", "failed", "succeeded", "succeeded"]
    assert result.records["total"].state == "skipped"
    assert result.records["total"].reason == "upstream failed: square[1]"


def test_fail_fast_stops_the_siblings_that_run(project: Make) -> None:
    body = 'import time\n    assert x != 1, "one"\n    time.sleep(60)'
    made = project(
        FAN.format(body=body, more=", fail_fast=True").replace("square(x), fail_fast", "square(x), fail_fast")
    )
    result = made.run()
    ended = {result.records[f"square[{i}]"].state for i in range(1, 4)}
    assert ended <= {"cancelled", "skipped"}
    assert result.records["square[0]"].state == "failed"


def test_retries_until_it_works(project: Make, tmp_path: Path) -> None:
    made = project(f"""
@step(retries=3, retry_delay="0.001s", cache=False)
def flaky() -> int:
    from pathlib import Path
    marks = Path({str(tmp_path / "marks")!r})
    marks.mkdir(exist_ok=True)
    count = len(list(marks.iterdir()))
    (marks / str(count)).touch()
    if count < 2:
        raise OSError(f"attempt {{count}}")
    return count
@pipeline
def p() -> int:
    return flaky()
""")
    events: list[Event] = []
    result = made.run(listen=events.append)
    assert result.outputs == 2
    assert result.records["flaky"].attempts == 3
    assert [e.delay_seconds for e in events if isinstance(e, StepRetrying)] == [0.001, 0.002]


def test_wrong_results_are_not_retried_and_exit_2(project: Make) -> None:
    made = project("""
@step(retries=5, retry_delay="0.001s")
def wrong() -> int:
    return "text"
@pipeline
def p() -> int:
    return wrong()
""")
    result = made.run()
    assert result.exit_code == 2
    assert result.records["wrong"].attempts == 1
    assert "int" in (result.records["wrong"].error or "")


def test_a_time_out_ends_the_whole_process_group(project: Make, tmp_path: Path) -> None:
    made = project(f"""
@step(timeout="1s")
def slow() -> int:
    import subprocess
    child = subprocess.Popen(["sleep", "600"])
    open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
    child.wait()
    return 1
@pipeline
def p() -> int:
    return slow()
""")
    result = made.run()
    assert result.records["slow"].error == "timed out after 1 s"
    pid = int((tmp_path / "pid").read_text())
    status = Path(f"/proc/{pid}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()  # a zombie waits for an init that may never reap


def test_when_unless_branch_and_after(project: Make) -> None:
    made = project("""
@step
def gate() -> bool:
    return False
@step
def work(x: int) -> int:
    return x
@step
def seen(x: int | None) -> str:
    return f"saw {x}"
@pipeline
def p() -> str:
    ok = gate()
    with when(ok):
        skipped = work(1)
    with unless(ok):
        done = work(2)
    chosen = branch(ok, lambda: work(3), lambda: work(4))
    work.after(skipped)(5)
    seen(chosen)
    return seen(skipped)
""")
    result = made.run()
    assert result.exit_code == 0
    assert states(result.records) == {
        "gate": "succeeded", "work": "skipped", "work#2": "succeeded", "work#3": "skipped", "work#4": "succeeded",
        "work#5": "succeeded", "seen": "succeeded", "seen#2": "succeeded",
    }  # fmt: skip
    assert result.outputs == "saw None"
    assert result.records["seen"].outputs == "saw 4"


def test_items_produced_by_a_step_and_nested_each(project: Make) -> None:
    made = project("""
@step
def rows() -> list[int]:
    return [2, 0, 3]
@step
def cells(n: int) -> list[int]:
    return list(range(n))
@step
def cell(n: int, i: int) -> int:
    return n * 10 + i
@step
def flat(xss: list[list[int]]) -> list[int]:
    return [x for xs in xss for x in xs]
@pipeline
def p() -> list[int]:
    return flat(each(rows(), lambda n: each(cells(n), lambda i: cell(n, i))))
""")
    result = made.run()
    assert result.outputs == [20, 21, 30, 31, 32]
    assert result.records["cell[2][1]"].outputs == 31


def test_parallel_is_kept(project: Make) -> None:
    made = project(FAN.format(body="", more=", parallel=1"))
    running: set[str] = set()
    most = 0

    def listen(event: Event) -> None:
        nonlocal most
        if isinstance(event, StepStarted):
            running.add(event.address)
        most = max(most, len(running))
        record = getattr(event, "record", None)
        if record is not None:
            running.discard(record.address)

    made.run(listen=listen)
    assert most == 1


def test_an_effect_is_checked_every_time(project: Make) -> None:
    made = project("""
@step(effect=True)
def register() -> str:
    return "done"
@pipeline
def p() -> str:
    return register()
""")
    assert made.verdicts() == {"register": "CHECK"}
    assert made.states() == {"register": "succeeded"}
    again = made.run().records["register"]
    assert again.state == "succeeded"
    assert again.reason.startswith("nothing to do: the same inputs and the same result as in run ")


def test_secrets_are_in_no_byte_of_the_store(project: Make) -> None:
    made = project("""
@step(secrets=["TOKEN"])
def a() -> int:
    import os
    print("the token is", os.environ["TOKEN"])
    raise ValueError(os.environ["TOKEN"])
@pipeline
def p() -> int:
    return a()
""")
    secret = "kJ8-very-secret"
    done = made.tiphys("run", "pipe.py", env={"TOKEN": secret})
    assert done.returncode == 1
    assert secret not in done.stdout + done.stderr
    assert "***" in done.stdout + done.stderr
    for file in (made.folder / ".tiphys").rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file


def test_values_of_every_kind_go_through(project: Make) -> None:
    made = project("""
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import NamedTuple
from tiphys import File, Folder
class Color(Enum):
    RED = 1
@dataclass(frozen=True)
class Pair:
    left: int
    right: File
class Point(NamedTuple):
    x: float
    day: date
@step
def make() -> Pair:
    with open("out.txt", "w") as f:
        f.write("bytes")
    return Pair(4, File("out.txt"))
@step
def point(color: Color) -> tuple[Point, Color]:
    return Point(0.5, date(2013, 1, 2)), color
@step
def read(file: File, n: int, point: Point) -> dict[str, int]:
    return {"n": n, "size": file.path.stat().st_size, "year": point.day.year}
@pipeline
def p() -> dict[str, int]:
    pair = make()
    where, _ = point(Color.RED)
    return read(pair.right, pair.left, where)
""")
    result = made.run()
    assert result.exit_code == 0, {r.address: r.error for r in result.records.values()}
    assert result.outputs == {"$dict": {"n": 4, "size": 5, "year": 2013}}
    assert set(made.states().values()) == {"hit"}
