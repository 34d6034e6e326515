"""Going on after a run: rerun, spin, parts of a pipeline, plan, why, two at once, interrupts."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable

import pytest

from tests.projects import Project, states
from tests.workflows.run.pipelines import FAN, SEVEN
from tiphys.cluster.errors import InputError
from tiphys.workflows import api
from tiphys.workflows.run.events import Event, RunStarted, StepsKnown

Make = Callable[[str], Project]


def test_step_four_of_seven_failed_and_is_mended(project: Make) -> None:
    made = project(SEVEN)
    first = made.run()
    assert first.exit_code == 1
    assert states(first.records) == {
        "a": "succeeded", "b": "succeeded", "c": "succeeded", "d": "failed",
        "e": "skipped", "f": "skipped", "g": "skipped",
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


def test_spin_runs_one_step_on_past_inputs_with_todays_code(project: Make) -> None:
    made = project(FAN.format(body="", more=""))
    made.run()
    made.edit("return x * x", "return x * 100")
    result = api.spin("latest", "square[2]", made.options())
    assert {a: r.outputs for a, r in result.records.items()} == {"square[2]": 300}


def test_a_spin_does_not_stand_in_the_way_of_the_run_it_came_from(project: Make) -> None:
    made = project(SEVEN)
    first = made.run()
    made.edit('raise ValueError(f"cannot take {x}")', "return x + 2")
    for _ in range(2):
        assert states(api.spin("latest", "d", made.options()).records) == {"d": "succeeded"}
    assert states(api.spin("latest", "c", made.options()).records) == {"c": "succeeded"}  # another one of that run
    again = api.rerun("latest", from_failed=True, options=made.options())
    assert again.run.parent == first.run.id
    assert states(again.records) == {
        "a": "hit", "b": "hit", "c": "hit", "d": "hit", "e": "succeeded", "f": "succeeded", "g": "succeeded",
    }  # fmt: skip


def test_items_that_hits_made_known_are_told(project: Make) -> None:
    made = project("""
@step
def names() -> list[int]:
    return [1, 2, 3]
@step
def use(x: int) -> int:
    return x
@pipeline
def p() -> list[int]:
    return each(names(), lambda x: use(x))
""")
    made.run()
    made.edit("return x", "return x + 1")
    events: list[Event] = []
    made.run(listen=events.append)
    started = next(e for e in events if isinstance(e, RunStarted))
    known = [e for e in events if isinstance(e, StepsKnown)]
    assert started.instances + sum(e.instances for e in known) == 4
    assert known[-1].calls == {"names": 1, "use": 3}


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
    made = project("""
from helper import norm
@step
def a() -> int:
    return norm(3)
@pipeline
def p() -> int:
    return a()
""")
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


def test_why_compares_an_item_with_itself(project: Make) -> None:
    made = project(FAN.format(body="", more=""))
    made.run()
    made.edit("return x * x", "return x * 100")
    told = made.run().records
    for address in ("square[0]", "square[1]"):
        why = api.why("latest", address, made.options())
        assert why.base.startswith(f"{address} of run ")
        assert [change.component for change in why.changes] == ["code"]
        assert why.sentence == told[address].reason


def test_a_new_item_is_not_explained_by_the_argument_of_another(project: Make) -> None:
    made = project("""
@step
def use(x: int) -> int:
    return x
@pipeline
def p(n: int = 2) -> list[int]:
    return each(range(n), lambda x: use(x))
""")
    made.run()
    assert made.run({"n": "3"}).records["use[2]"].reason == "no result for these arguments yet"


def test_the_file_that_changed_in_a_folder_is_named(project: Make) -> None:
    made = project("""
from pathlib import Path
HERE = Path(__file__).parent
@step
def total(folder: Path) -> int:
    return sum(int(p.read_text()) for p in sorted(folder.glob("*.txt")))
@pipeline
def p(folder: Path = HERE / "data") -> int:
    return total(folder)
""")
    (made.folder / "data").mkdir()
    for name in "abc":
        made.write("1", f"data/{name}.txt")
    assert made.run().outputs == 3
    made.write("20", "data/b.txt")
    assert made.run().records["total"].reason.endswith(" (data/b.txt changed)")
    made.write("5", "data/d.txt")
    assert made.run().records["total"].reason.endswith(" (the list of files in data changed)")


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


def test_a_second_interrupt_kills_at_once(project: Make) -> None:
    made = project("""
@step
def deaf() -> int:
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("now it sleeps", flush=True)
    time.sleep(600)
    return 1
@pipeline
def p() -> int:
    return deaf()
""")
    process = made.start("run", "pipe.py")
    assert process.stdout is not None
    for awaited in ("now it sleeps", "SIGINT: asked deaf to end; once more kills at once"):
        assert any(awaited in line for line in process.stdout)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert time.monotonic() - began < 4  # the grace period is 5 s
    process.communicate()


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
