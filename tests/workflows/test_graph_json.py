"""The JSON of a graph and questions about its shape."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster.errors import InputError
from tiphys.workflows.graph import (
    Binding,
    Build,
    Call,
    Choose,
    Condition,
    Gather,
    Graph,
    Item,
    Literal,
    Output,
    Scope,
    Settings,
    StepInfo,
)
from tiphys.workflows.graph_json import dependencies, instances, static_length, static_lengths

_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
_paths = st.lists(st.one_of(_names, st.integers(0, 9)), max_size=2).map(tuple)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _names),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=5,
)


def _larger(inner: st.SearchStrategy[Binding]) -> st.SearchStrategy[Binding]:
    forms = st.sampled_from(["list", "tuple", "dict", "data", "named"])
    return st.one_of(
        st.builds(Gather, _names, inner),
        st.builds(Choose, inner, inner, inner),
        st.builds(Build, forms, _names, st.lists(st.tuples(_names, inner), max_size=3).map(tuple)),
    )


_bindings: st.SearchStrategy[Binding] = st.recursive(
    st.one_of(st.builds(Literal, _json), st.builds(Output, _names, _paths), st.builds(Item, _names, _paths)),
    _larger,
    max_leaves=6,
)
_conditions = st.builds(Condition, _bindings, st.booleans())
_settings = st.builds(
    Settings,
    cpu=st.floats(0.1, 9),
    memory_bytes=st.none() | st.integers(1, 9**9),
    gpu=st.integers(0, 8),
    env=st.lists(_names).map(tuple),
    reads=st.lists(_names).map(tuple),
    cache=st.booleans(),
    profiles=st.just({"cluster": {"gpu": 1}}),
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph that has the right types; it need not make sense."""
    scopes = {
        n: Scope(n, draw(_bindings), draw(st.none() | st.integers(1, 9)), draw(st.booleans())) for n in ("a", "b")
    }
    info = StepInfo("m", "f", "m.py", 3, draw(_settings), {"x": "int"}, frozenset({"x"}), "int", draw(_json))
    shared = tuple(draw(st.lists(_conditions, max_size=2)))
    calls = tuple(
        Call(
            f"f#{i}",
            "m:f",
            draw(st.dictionaries(_names, _bindings, max_size=3)),
            tuple(draw(st.lists(st.sampled_from(["a", "b"]), max_size=2))),
            shared + tuple(draw(st.lists(_conditions, max_size=1))),
            tuple(draw(st.lists(_names, max_size=2))),
        )
        for i in range(draw(st.integers(0, 3)))
    )
    parameters = draw(st.dictionaries(_names, _json, max_size=2))
    return Graph("m:p", "m.py", parameters, {"m:f": info}, scopes, calls, draw(st.none() | _bindings), 4)


@given(graphs())
def test_a_graph_survives_its_json(graph: Graph) -> None:
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))) == graph


def chain(length: int) -> Graph:
    """Calls in a row, half of them in one `when`."""
    info = StepInfo("m", "f", "m.py", 3, Settings(), {"x": "int", "y": "int"}, frozenset(), "int")
    condition = Condition(Output("f#0", ("good",)), True)
    calls = tuple(
        Call(f"f#{i}", "m:f", {"x": Output(f"f#{i - 1}"), "y": Literal(i)}, (), (condition,) if i % 2 else ())
        for i in range(length)
    )
    return Graph("m:p", "m.py", {}, {"m:f": info}, {}, calls)


def test_ten_thousand_calls_are_quick_and_compact() -> None:
    graph = chain(10_000)
    started = time.process_time()
    text = json.dumps(graph.to_json(), separators=(",", ":"))
    assert Graph.from_json(json.loads(text)) == graph
    assert time.process_time() - started < 2  # the bar is 0.15 s each way; only a change of its order fails here
    assert len(text) < 700_000
    assert text.count("good") == 1  # a condition is written once


def test_another_format_is_refused() -> None:
    data = chain(1).to_json() | {"format": 2}
    with pytest.raises(InputError, match="the graph has format 2, this version reads 1"):
        Graph.from_json(data)


SCOPES = {
    "each1": Scope("each1", Output("cities")),
    "each2": Scope("each2", Item("each1", ("days",)), parent="each1"),
    "each3": Scope("each3", Literal([1, 2])),
    "each4": Scope("each4", Build("list", "", (("0", Output("a")), ("1", Output("b")))), parent="each3"),
}


def test_dependencies_are_of_data_condition_list_and_order() -> None:
    call = Call(
        "clean",
        "m:clean",
        {"x": Choose(Output("good"), Output("a"), Literal(1)), "y": Gather("each3", Output("b"))},
        ("each1", "each2"),
        (Condition(Output("evaluate", ("passed",)), True),),
        ("prepare", "a"),
    )
    assert dependencies(call, SCOPES) == ("good", "a", "b", "evaluate", "cities", "prepare")


def test_instances_of_nested_scopes() -> None:
    call = Call("clean", "m:clean", {}, ("each1", "each2"))
    lengths = {("each1", ()): 2, ("each2", (0,)): 1}
    assert instances(call, lengths) is None
    assert instances(call, lengths | {("each2", (1,)): 2}) == ("clean[0][0]", "clean[1][0]", "clean[1][1]")
    assert instances(Call("train#2", "m:train", {}), {}) == ("train#2",)
    assert instances(Call("f", "m:f", {}, ("each1",)), {("each1", ()): 0}) == ()


def test_static_lengths() -> None:
    assert [static_length(scope) for scope in SCOPES.values()] == [None, None, 2, 2]
    assert static_lengths(SCOPES) == {("each3", ()): 2, ("each4", (0,)): 2, ("each4", (1,)): 2}
