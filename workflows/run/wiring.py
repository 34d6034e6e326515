"""How the calls and scopes of a graph hang together, worked out once so that each step of a run is cheap (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tiphys.workflows.bindings import gates_of
from tiphys.workflows.graph import Binding, Build, Call, Choose, Gather, Graph, Scope


@dataclass(slots=True)
class Node:
    """A call with its gates worked out: (address of the producer, how many leading indices are shared)."""

    call: Call
    gates: tuple[tuple[str, int], ...]
    optional: frozenset[str]


@dataclass(slots=True)
class ScopeNode:
    scope: Scope
    path: tuple[str, ...]  # names of the scopes down to and with this one
    members: list[str] = field(default_factory=list)  # calls anywhere below
    children: list[str] = field(default_factory=list)  # scopes directly below
    direct: list[str] = field(default_factory=list)  # calls directly in it


def shared_scopes(producer: tuple[str, ...], consumer: tuple[str, ...]) -> int:
    """How many leading scopes two calls have in common: the producer's instance is chosen by so many indices."""
    count = 0
    for a, b in zip(producer, consumer, strict=False):
        if a != b:
            break
        count += 1
    return count


def scope_nodes(graph: Graph) -> dict[str, ScopeNode]:
    nodes: dict[str, ScopeNode] = {}
    for name, scope in graph.scopes.items():  # a parent stands before its children
        above = nodes[scope.parent].path if scope.parent else ()
        nodes[name] = ScopeNode(scope, (*above, name))
        if scope.parent:
            nodes[scope.parent].children.append(name)
    for call in graph.calls:
        for scope_name in call.scopes:
            nodes[scope_name].members.append(call.address)
        if call.scopes:
            nodes[call.scopes[-1]].direct.append(call.address)
    return nodes


def node_of(
    graph: Graph, call: Call, scopes: Mapping[str, ScopeNode], scopes_of: Mapping[str, tuple[str, ...]]
) -> Node:
    producers: dict[str, None] = dict.fromkeys(call.after)
    for binding in _bindings(call):
        producers.update(dict.fromkeys(gates_of(binding)))
        for name in _lists_of(binding):
            producers.update(dict.fromkeys(gates_of(scopes[name].scope.items)))
    gates = tuple((p, shared_scopes(scopes_of[p], call.scopes)) for p in producers)
    return Node(call, gates, graph.steps[call.step].optional)


def _bindings(call: Call) -> Iterator[Binding]:
    yield from call.arguments.values()
    for condition in call.conditions:
        yield condition.value


def _lists_of(binding: Binding) -> Iterator[str]:
    """Scopes whose list a `Gather` inside needs, even when the body of the `each` has no call at all."""
    match binding:
        case Gather(scope, body):
            yield scope
            yield from _lists_of(body)
        case Choose(condition, then, otherwise):
            for part in (condition, then, otherwise):
                yield from _lists_of(part)
        case Build(_, _, parts):
            for _, part in parts:
                yield from _lists_of(part)
