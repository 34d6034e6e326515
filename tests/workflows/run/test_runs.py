"""Whole runs on this machine, with real worker processes and a real store."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projects import Project, states
from tiphys.cluster.errors import InputError
from tiphys.workflows import api
from tiphys.workflows.run.events import Event, StepRetrying, StepStarted

Make = Callable[[str], Project]

SEVEN = """
@step
def a() -> int:
    return 1
@step
def b(x: int) -> int:
    return x + 1
@step
def c(x: int) -> int:
    return x * 10
@step
def d(x: int) -> int:
    raise ValueError(f"cannot take {x}")
@step
def e(x: int) -> int:
    return x + 3
@step
def f(x: int) -> int:
    return x + 4
@step
def g(x: int, y: int) -> int:
    return x * y
@pipeline
def seven() -> int:
    x = c(b(a()))
    y = d(x)
    return g(f(e(y)), x)
"""

FAN = """
@step
def square(x: int) -> int:
    {body}
    return x * x
@step
def total(xs: list[int]) -> int:
    return sum(xs)
@pipeline
def fan() -> int:
    return total(each([1, 2, 3, 4], lambda x: square(x){more}))
"""


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


def test_step_four_of_seven_failed_and_is_mended(project: Make) -> None:
    made = project(SEVEN)
    first = made.run()
    assert first.exit_code == 1
    assert states(first.records) == {
        "a": "succeeded", "b": "succeeded", "c": "succeeded", "d": "failed", "e": "skipped", "f": "skipped", "g": "skipped",
    }  # fmt: skip
    assert "ValueError: cannot take 20" in (first.records["d"].error or "")
    made.edit('raise ValueError(f"cannot take {x}")', "return x + 2")
    again = api.rerun("latest", from_failed=True, options=made.options())
    assert again.exit_code == 0
    assert states(again.records) == {
        "a": "hit", "b": "hit", "c": "hit", "d": "succeeded", "e": "succeeded", "f": "succeeded", "g": "succeeded",
    }  # fmt: skip
    assert again.outputs == 29 * 20
    assert again.run.parent == first.run.id


def test_a_fix_that_touches_a_kept_step_reruns_it(project: Make) -> None:
    made = project(SEVEN)
    made.run()
    made.edit('raise ValueError(f"cannot take {x}")', "return x")
    made.edit("return x + 1", "return x + 5")
    again = api.rerun("latest", from_failed=True, options=made.options())
    assert [again.records[name].state for name in "abc"] == ["hit", "succeeded", "succeeded"]


def test_rerun_from_failed_refuses_a_run_that_succeeded(project: Make) -> None:
    made = project(FAN.format(body="", more=""))
    made.run()
    with pytest.raises(InputError, match="there is no failed step"):
        api.rerun("latest", from_failed=True, options=made.options())


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


def test_until_only_force_and_no_cache(project: Make) -> None:
    made = project(SEVEN.replace('raise ValueError(f"cannot take {x}")', "return x"))
    assert made.states(until=("b",)) == {"a": "succeeded", "b": "succeeded"}
    refused = made.run(only=("d",))
    assert refused.exit_code == 2
    assert "--until" in (refused.records["c"].error or "")
    made.run()
    assert made.states(only=("d",), force=("d",)) == {"a": "hit", "b": "hit", "c": "hit", "d": "succeeded"}
    assert made.states(force=("b",))["b"] == "succeeded"
    assert set(made.states(cache=False).values()) == {"succeeded"}
    with pytest.raises(InputError, match="no step at 'zz'"):
        made.run(force=("zz",))


def test_cache_false_runs_again_but_a_rerun_keeps_its_result(project: Make) -> None:
    made = project("""
@step(cache=False)
def draw() -> int:
    import random
    return random.randrange(10**9)
@step
def use(x: int) -> int:
    if x:
        raise ValueError("not yet")
    return x
@pipeline
def p() -> int:
    return use(draw())
""")
    first = made.run()
    again = api.rerun("latest", options=made.options())
    assert again.records["draw"].state == "hit"
    assert again.records["draw"].outputs == first.records["draw"].outputs
    assert made.run().records["draw"].state == "succeeded"


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


def test_spin_runs_one_step_on_past_inputs_with_todays_code(project: Make) -> None:
    made = project(FAN.format(body="", more=""))
    made.run()
    made.edit("return x * x", "return x * 100")
    result = api.spin("latest", "square[2]", made.options())
    assert {a: r.outputs for a, r in result.records.items()} == {"square[2]": 300}


def test_plan_says_what_run_then_does(project: Make) -> None:
    made = project(SEVEN.replace('raise ValueError(f"cannot take {x}")', "return x"))
    assert made.verdicts()["a"] == "RUN"
    assert made.verdicts()["g"] == "MAYBE"
    made.run()
    assert set(made.verdicts().values()) == {"HIT"}
    made.edit("return x * 10", "return x * 11")
    plan = made.plan()
    assert {s.address: s.verdict for s in plan.steps} == {
        "a": "HIT", "b": "HIT", "c": "RUN", "d": "MAYBE", "e": "MAYBE", "f": "MAYBE", "g": "MAYBE",
    }  # fmt: skip
    c = next(s for s in plan.steps if s.address == "c")
    assert c.reason.startswith("code changed: pipe.c (pipe.py:")
    assert c.hours is not None
    assert c.hours.cpu is not None
    assert c.hours.cpu > 0


def test_why_shows_the_changed_function_with_a_diff(project: Make) -> None:
    made = project(
        "from helper import norm\n@step\ndef a() -> int:\n    return norm(3)\n@pipeline\ndef p() -> int:\n    return a()\n"
    )
    made.write("def norm(x: int) -> int:\n    return x\n", "helper.py")
    made.run()
    first = made.store.find_run("latest")
    made.edit("return x", "return x + 1", "helper.py")
    made.run()
    why = api.why("latest", "a", made.options())
    assert why.base.startswith(f"a of run {first.id}")
    (change,) = why.changes
    assert change.what == "helper.norm (helper.py:1)"
    assert "-    return x\n+    return x + 1" in change.diff


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


def test_two_runs_at_once_end_with_the_same_digests(project: Make) -> None:
    made = project(FAN.format(body="", more=""))
    both = [made.start("run", "pipe.py", "--json") for _ in range(2)]
    ends = []
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        ends.append(json.loads(out.splitlines()[-1]))
    runs = [made.store.step_records(end["run"]) for end in ends]
    keys = [{a: (r.key, r.outputs) for a, r in run.items()} for run in runs]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_keeps_its_records_and_says_how_to_go_on(project: Make, number: signal.Signals) -> None:
    made = project("""
@step
def first() -> int:
    return 1
@step
def second(x: int) -> int:
    import time
    print("now it sleeps", flush=True)
    time.sleep(600)
    return x
@pipeline
def p() -> int:
    return second(first())
""")
    process = made.start("run", "pipe.py")
    assert process.stdout is not None
    assert process.stderr is not None
    seen = threading.Event()
    lines: list[str] = []

    def read(stream: object) -> None:
        for line in stream:  # type: ignore[attr-defined]
            lines.append(line)
            if "now it sleeps" in line:
                seen.set()

    readers = [threading.Thread(target=read, args=(s,)) for s in (process.stdout, process.stderr)]
    for reader in readers:
        reader.start()
    assert seen.wait(60), lines
    process.send_signal(number)
    assert process.wait(timeout=30) == 130
    for reader in readers:
        reader.join()
    process.stdout.close()
    process.stderr.close()
    run = made.store.find_run("latest")
    assert run.state == "cancelled"
    assert states(made.store.step_records(run.id)) == {"first": "succeeded", "second": "cancelled"}
    assert any(f"tiphys rerun {run.id}" in line for line in lines)


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
