"""The key: every component counts, nothing else does, and it is the same on every machine and Python."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.builders import a_call, a_graph
from tiphys.workflows.cache_key import StaticKey, call_key, components, graph_key
from tiphys.workflows.graph_select import needed, parse_address, restrict

STATIC = StaticKey("c" * 64, "3.11", {"numpy": "2.4.6"}, {"MODE": "fast"}, ("TOKEN",))

CHANGES = [
    {"code": "d" * 64},
    {"python": "3.12"},
    {"environment": {"numpy": "2.4.7"}},
    {"environment": {}},
    {"env": {"MODE": "slow"}},
    {"env": {"MODE": None}},
    {"secrets": ()},
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_static_component_counts(change: dict[str, object]) -> None:
    assert replace(STATIC, **change).digest() != STATIC.digest()  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"code_units": "x"}, {"bundle": "y"}, {"secrets": ("TOKEN",)}])
def test_where_things_are_stored_does_not(change: dict[str, object]) -> None:
    assert replace(STATIC, **change).digest() == STATIC.digest()  # type: ignore[arg-type]


def test_golden() -> None:
    """A change here changes every key there is: raise KEY_VERSION."""
    assert STATIC.digest() == "2827dca7f60df3534080e8ef895f1de696cc219b8ee760c61863aaa136f3bc4b"
    assert (
        call_key(STATIC.digest(), {"x": 1, "y": [1.0, True, None, "é"]}, {"a.csv": None})
        == "09ba78e1b09c7427b99471fa7cc5125d10937e6233b7670519d5af58efb530df"
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_two_arguments_have_one_key_only_when_they_are_the_same(one: object, other: object) -> None:
    assume(repr(one) != repr(other))
    same = call_key("s", {"x": one}, {}) == call_key("s", {"x": other}, {})
    assert not same or one == other  # dictionaries in another order are the same value


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
def test_the_order_of_arguments_does_not_count(arguments: dict[str, object]) -> None:
    backwards = dict(reversed(arguments.items()))
    assert call_key("s", arguments, {}) == call_key("s", backwards, {})


def test_an_argument_is_not_mistaken_for_a_read() -> None:
    assert call_key("s", {"x": None}, {}) != call_key("s", {}, {"x": None})


def test_values_of_variables_are_not_in_the_components() -> None:
    assert "fast" not in repr(components(STATIC, {}, {}))


def test_parameters_and_settings_count_for_a_graph() -> None:
    given_ = graph_key("m:p", "c", "3.11", {}, {"texts": {"n": "1"}}, {})
    assert given_ != graph_key("m:p", "c", "3.11", {}, {"texts": {"n": "2"}}, {})
    assert given_ != graph_key("m:q", "c", "3.11", {}, {"texts": {"n": "1"}}, {})


def test_a_part_of_a_graph_has_all_that_it_needs() -> None:
    graph = a_graph(a_call("a"), a_call("b", "a"), a_call("c", "b"), a_call("d", after=("b",)), a_call("e"))
    assert needed(graph, ["d"]) == {"a", "b", "d"}
    assert [c.address for c in restrict(graph, needed(graph, ["c"])).calls] == ["a", "b", "c"]
    assert parse_address("b", graph).indices == ()
