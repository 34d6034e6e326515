"""A part of a graph: the calls that `--until` and `--only` name, with what they need (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from tiphys.cluster.errors import InputError
from tiphys.workflows.bindings import gates_of
from tiphys.workflows.graph import Call, Graph

_INSTANCE = re.compile(r"^(?P<call>.*?)(?P<indices>(\[\d+\])*)$")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as typed: a call, and the item indices if one instance is meant."""

    call: str
    indices: tuple[int, ...]


def parse_address(text: str, graph: Graph, *, option: str = "") -> Address:
    """`train`, `train#2`, `featurize[3]`. Unknown calls are an `InputError` with close matches."""
    if any(c.address == text for c in graph.calls):  # a single instance that was taken out of its each (`spin`)
        return Address(text, ())
    match = _INSTANCE.match(text)
    assert match is not None  # the pattern matches every text
    call, indices = match["call"], tuple(int(i) for i in re.findall(r"\[(\d+)\]", match["indices"]))
    known = {c.address: c for c in graph.calls}
    if call not in known:
        close = get_close_matches(call, known, n=3) or sorted(known)[:8]
        where = f"{option} {text}" if option else repr(text)
        raise InputError(f"{where}: {graph.pipeline} has no step at {call!r}", fix=f"addresses: {', '.join(close)}")
    if len(indices) > len(known[call].scopes):
        raise InputError(
            f"{text!r} names an item, and {call!r} is " + _depth(len(known[call].scopes)),
            fix=f"write {call}" + "[N]" * len(known[call].scopes),
        )
    return Address(call, indices)


def _depth(scopes: int) -> str:
    return "not in the body of an each" if scopes == 0 else f"in the body of {scopes} each only"


def needed(graph: Graph, addresses: Iterable[str]) -> frozenset[str]:
    """The calls at `addresses` and all that they need, by data, condition, order or list."""
    calls = {call.address: call for call in graph.calls}
    found: set[str] = set()
    todo = list(addresses)
    while todo:
        address = todo.pop()
        if address not in found:
            found.add(address)
            todo.extend(producers(graph, calls[address]))
    return frozenset(found)


def producers(graph: Graph, call: Call) -> list[str]:
    """Addresses of the calls that a call waits for."""
    bindings = [*call.arguments.values(), *(c.value for c in call.conditions)]
    bindings += [graph.scopes[s].items for s in call.scopes]
    return [*call.after, *(a for b in bindings for a in gates_of(b))]


def restrict(graph: Graph, keep: frozenset[str]) -> Graph:
    """The graph with the calls of `keep` alone, and no result when a call that it needs is left out."""
    if len(keep) == len(graph.calls):
        return graph
    calls = tuple(call for call in graph.calls if call.address in keep)
    used = {scope for call in calls for scope in call.scopes}
    scopes = {name: scope for name, scope in graph.scopes.items() if name in used}
    result = graph.result if graph.result is not None and set(gates_of(graph.result)) <= keep else None
    return replace(graph, calls=calls, scopes=scopes, result=result)


def select(graph: Graph, *, until: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> Graph:
    """The part of a graph that `--until` or `--only` names, with all that it needs; all of it when neither is given."""
    if not until and not only:
        return graph
    wanted = [parse_address(text, graph, option="--until").call for text in until]
    wanted += [parse_address(text, graph, option="--only").call for text in only]
    return restrict(graph, needed(graph, wanted))
