"""The semantics of a run (design, section 7), by a table and against a naive interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_call, a_graph, items, when
from tiphys.workflows.graph import Build, Call, Choose, Gather, Graph, Item, Literal, Output, Scope
from tiphys.workflows.run.progress import Absent, Progress, Skip, Start, Unsure, label

Outcome = Mapping[str, Any]


def play(graph: Graph, results: Outcome) -> dict[str, str]:
    """Run a graph in which a call ends as `results` says (an exception class: it fails; missing: it returns 1)."""
    progress = Progress(graph)
    ended: dict[str, str] = {}
    while progress.ready:
        instance = progress.ready.popleft()
        resolved = progress.resolve(instance)
        shown = label(*instance)
        outcome = results.get(shown, results.get(instance[0], 1))
        if isinstance(resolved, Skip):
            ended[shown] = resolved.reason
            progress.finish(instance, resolved.status)
        elif outcome is Exception:
            ended[shown] = "failed"
            progress.finish(instance, "failed")
        else:
            assert isinstance(resolved, Start)
            ended[shown] = f"ran {list(resolved.arguments.values())}"
            progress.finish(instance, "ok", outcome)
    ended |= {label(c.address, c.indices): c.reason for c in progress.closed}
    assert progress.open == 0
    return ended


TABLE = [
    # producer's outcome, how the consumer needs it, what becomes of the consumer
    (1, "data", "ran [1]"),
    (1, "after", "ran []"),
    (Exception, "data", "upstream failed: a"),
    (Exception, "after", "upstream failed: a"),
]


@pytest.mark.parametrize(("outcome", "need", "expected"), TABLE)
def test_consumer_of_a_producer(outcome: object, need: str, expected: str) -> None:
    consumer = a_call("b", "a") if need == "data" else a_call("b", after=("a",))
    assert play(a_graph(a_call("a"), consumer), {"a": outcome})["b"] == expected


def test_producer_skipped_by_a_false_when() -> None:
    graph = a_graph(
        a_call("gate"),
        a_call("a", conditions=(when("gate"),)),
        a_call("takes_none", "a"),
        a_call("ordered", after=("a",)),
        a_call("strict", "a"),
        optional={"takes_none": frozenset({"x0"})},
    )
    ended = play(graph, {"gate": False})
    assert ended["a"] == "when gate is false"
    assert ended["takes_none"] == "ran [None]"
    assert ended["ordered"] == "ran []"
    assert ended["strict"] == "a was skipped"


def test_consumer_after_two_failures_up_is_skipped_and_names_its_producer() -> None:
    ended = play(a_graph(a_call("a"), a_call("b", "a"), a_call("c", "b"), a_call("free")), {"a": Exception})
    assert ended["c"] == "upstream was skipped: b"
    assert ended["free"] == "ran []"  # independent branches go on


def test_when_body_is_skipped_when_its_condition_failed() -> None:
    ended = play(a_graph(a_call("gate"), a_call("a", conditions=(when("gate", "ok"),))), {"gate": Exception})
    assert ended["a"] == "upstream failed: gate"


@pytest.mark.parametrize(("value", "chosen", "other"), [(True, "left", "right"), (False, "right", "left")])
def test_branch_runs_the_chosen_side(value: bool, chosen: str, other: str) -> None:
    graph = a_graph(
        a_call("gate"),
        a_call("left", conditions=(when("gate"),)),
        a_call("right", conditions=(when("gate", expected=False),)),
        a_call("end", arguments={"x": Choose(Output("gate"), Output("left"), Output("right"))}),
    )
    ended = play(graph, {"gate": value, "left": 10, "right": 20})
    assert ended[chosen] == "ran []"
    assert "gate is" in ended[other]
    assert ended["end"] == f"ran [{10 if value else 20}]"


def fan(n: int, **scope: Any) -> Graph:
    """`each` over n known items with a call `a`, and a fan-in `b`."""
    return a_graph(
        a_call("a", scopes=("each1",), arguments={"i": Item("each1")}),
        a_call("b", arguments={"xs": Gather("each1", Output("a"))}),
        scopes={"each1": Scope("each1", items(*range(n)), **scope)},
    )


def test_fan_in_runs_when_all_items_have() -> None:
    ended = play(fan(3), {f"a[{i}]": i * i for i in range(3)})
    assert ended["b"] == "ran [[0, 1, 4]]"
    assert ended["a[2]"] == "ran [2]"


def test_fan_in_over_no_items_runs_with_an_empty_list() -> None:
    assert play(fan(0), {}) == {"b": "ran [[]]"}


def test_fan_in_is_skipped_after_the_siblings_finished() -> None:
    ended = play(fan(3), {"a[0]": Exception})
    assert ended["a[2]"] == "ran [2]"
    assert ended["b"] == "upstream failed: a[0]"


def test_fail_fast_stops_the_siblings() -> None:
    ended = play(fan(3, fail_fast=True), {"a[0]": Exception})
    assert ended["a[1]"] == "stopped by fail_fast: a[0] failed"
    assert ended["b"] == "upstream failed: a[0]"


def test_items_produced_by_a_step() -> None:
    graph = a_graph(
        a_call("list"),
        a_call("a", scopes=("each1",), arguments={"i": Item("each1")}),
        a_call("b", arguments={"xs": Gather("each1", Output("a"))}),
        scopes={"each1": Scope("each1", Output("list"))},
    )
    assert play(graph, {"list": [7, 8]})["b"] == "ran [[1, 1]]"
    assert play(graph, {"list": []}) == {"list": "ran []", "b": "ran [[]]"}
    ended = play(graph, {"list": Exception})
    assert ended["a"] == "upstream failed: list"
    assert ended["b"] == "upstream failed: list"


def test_nested_each_and_indices() -> None:
    graph = a_graph(
        a_call("rows", scopes=("each1",), arguments={"i": Item("each1")}),
        a_call("cell", "rows", scopes=("each1", "each2"), arguments={"j": Item("each2")}),
        a_call("all", arguments={"xs": Gather("each1", Gather("each2", Output("cell")))}),
        scopes={
            "each1": Scope("each1", items(0, 1)),
            "each2": Scope("each2", Output("rows"), parent="each1"),
        },
    )
    ended = play(graph, {"rows[0]": [5], "rows[1]": [], "cell[0][0]": 42})
    assert ended["cell[0][0]"] == "ran [[5], 5]"
    assert ended["all"] == "ran [[[42], []]]"


def test_fields_and_containers() -> None:
    parts = (("train", Output("a", ("t",))), ("n", Literal(3)))
    graph = a_graph(a_call("a"), a_call("b", arguments={"x": Build("data", "Split", parts)}))
    ended = play(graph, {"a": {"fields": {"t": 1}}})
    assert ended["b"].startswith("ran [{'$data': 'Split'")


def test_an_unknown_producer_makes_its_consumer_unsure() -> None:
    progress = Progress(a_graph(a_call("a"), a_call("b", "a")))
    progress.finish(progress.ready.popleft(), "unknown")
    assert progress.resolve(progress.ready.popleft()) == Unsure("a runs first")


def test_the_result_of_a_pipeline_that_failed_is_absent() -> None:
    progress = Progress(a_graph(a_call("a"), result=Output("a")))
    progress.finish(progress.ready.popleft(), "failed")
    with pytest.raises(Absent):
        progress.result()


def test_ten_thousand_in_a_chain_need_no_recursion() -> None:
    calls = [a_call("s0")] + [a_call(f"s{i}", f"s{i - 1}") for i in range(1, 10_000)]
    assert len(play(a_graph(*calls), {"s0": Exception})) == 10_000


@st.composite
def dags(draw: st.DrawFn) -> tuple[Graph, dict[str, object]]:
    count = draw(st.integers(1, 8))
    calls: list[Call] = []
    results: dict[str, object] = {}
    for i in range(count):
        earlier = [c.address for c in calls]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        after = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
        gated: bool = draw(st.booleans())
        gate = draw(st.sampled_from(earlier)) if earlier and gated else None
        conditions = (when(gate, expected=draw(st.booleans())),) if gate else ()
        calls.append(a_call(f"s{i}", *needs, after=tuple(after), conditions=conditions))
        results[f"s{i}"] = draw(st.sampled_from([True, False, Exception]))
    return a_graph(*calls), results


@given(dags())
def test_against_a_naive_interpreter(case: tuple[Graph, dict[str, object]]) -> None:
    graph, results = case
    fate: dict[str, str] = {}  # ran, failed, when, upstream
    for call in graph.calls:
        fate[call.address] = _naive(call, results, fate)
    ended = play(graph, results)
    for address, expected in fate.items():
        text = ended[address]
        got = "ran" if text.startswith("ran") else "failed" if text == "failed" else "skipped"
        assert got == ("skipped" if expected in ("when", "upstream") else expected), (address, text, expected)


def _naive(call: Call, results: Outcome, fate: Mapping[str, str]) -> str:
    if any(fate[a] in ("failed", "upstream") for a in call.after):
        return "upstream"
    for condition in call.conditions:
        assert isinstance(condition.value, Output)
        gate = condition.value.address
        if fate[gate] != "ran":
            return "when" if fate[gate] == "when" else "upstream"
        if results[gate] is not condition.expected:
            return "when"
    for binding in call.arguments.values():
        assert isinstance(binding, Output)
        if fate[binding.address] != "ran":
            return "when" if fate[binding.address] == "when" else "upstream"
    return "failed" if results[call.address] is Exception else "ran"
