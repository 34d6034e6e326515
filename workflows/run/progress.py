"""How far a run has come: which instances are ready, with which arguments, and which must be skipped (pure).

The semantics of a run live here, once, for `plan` and for the engine. Nothing here looks anything up or starts
anything: the caller takes ready instances, decides what becomes of each, and tells `finish`.

An *instance* is (address of the call, indices of the enclosing `each`, outermost first). A *gate* is (address, leading
indices): all instances of a call below these indices. A gate is complete when they all are; its status is the worst of
them. So a fan-in over 10,000 items waits for one gate, and every dependence costs one dictionary look-up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

from tiphys.workflows.bindings import describe, gates_of
from tiphys.workflows.graph import Binding, Build, Choose, Gather, Graph, Item, Json, Literal, Output
from tiphys.workflows.run.wiring import Node, node_of, scope_nodes, shared_scopes
from tiphys.workflows.values import compose, follow

Indices: TypeAlias = tuple[int, ...]
Instance: TypeAlias = tuple[str, Indices]
Status: TypeAlias = OneOf["ok", "skipped_when", "unknown", "skipped_upstream", "cancelled", "failed"]

_SEVERITY: Mapping[Status, int] = {
    "ok": 0,
    "skipped_when": 1,
    "unknown": 2,
    "skipped_upstream": 3,
    "cancelled": 4,
    "failed": 5,
}


@dataclass(frozen=True, slots=True)
class Start:
    """The instance may start with these encoded arguments."""

    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Skip:
    """The instance must not start. `status` is what its consumers see."""

    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """Only while planning: what it depends on is not known yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Instances that will never exist, because the list of their `each` never came."""

    address: str
    indices: Indices
    status: Status
    reason: str


class Absent(Exception):
    """A binding has no value, since its producer ended in `status`."""

    def __init__(self, status: Status, label: str) -> None:
        super().__init__(label)
        self.status: Status = status
        self.label = label


def label(address: str, indices: Indices) -> str:
    """The address as shown: `featurize[3]`, nested `clean[3][2]`."""
    return address + "".join(f"[{i}]" for i in indices)


class Progress:
    """The state of one run or plan. Mutable, but a function of the graph and the calls of `finish` alone."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ready: deque[Instance] = deque()
        self.closed: list[Closed] = []
        self.instances = 0  # known so far
        self.known: dict[str, int] = {}  # the same by call
        self.open = 0  # known and not finished
        self.items: dict[tuple[str, Indices], list[Json]] = {}
        self.outputs: dict[Instance, Json] = {}
        self._status: dict[tuple[str, Indices], Status] = {}
        self._open_below: dict[tuple[str, Indices], int] = {}
        self._worst: dict[tuple[str, Indices], Status] = {}
        self._waiters: dict[tuple[str, Indices], list[tuple[str, str, Indices]]] = {}
        self._missing: dict[tuple[str, str, Indices], int] = {}
        self._failed_fast: dict[tuple[str, Indices], str] = {}
        self._unlisted: dict[tuple[str, Indices], Absent] = {}  # an `each` whose list never came
        self._completed: deque[tuple[tuple[str, Indices], Status]] = deque()
        self._draining = False
        self._scopes = scope_nodes(graph)
        scopes_of = {call.address: call.scopes for call in graph.calls}
        self._nodes = {call.address: node_of(graph, call, self._scopes, scopes_of) for call in graph.calls}
        # Scopes first: who needs a list and who needs its producer wait for the same gate, and wake in this order.
        for name, node in self._scopes.items():
            if node.scope.parent is None:
                self._open_scope(name, ())
        for call in graph.calls:
            if not call.scopes:
                self._create(call.address, ())

    # What the caller does ------------------------------------------------------------------------------------------
    def finish(self, instance: Instance, status: Status, outputs: Json = None) -> None:
        """The instance has ended; `outputs` is its encoded result when `status` is ok."""
        address, indices = instance
        if status == "ok":
            self.outputs[instance] = outputs
        if status == "failed":
            self._fail_fast(address, indices)
        self.open -= 1
        self._complete((address, indices), status)

    def resolve(self, instance: Instance) -> Start | Skip | Unsure:
        """What may become of a ready instance, by the table of semantics (design, section 7)."""
        address, indices = instance
        node = self._nodes[address]
        at = dict(zip(node.call.scopes, indices, strict=True))
        early = self._stopped(node, indices) or self._order(node, indices) or self._conditions(node, at)
        if early is not None:
            return early
        arguments: dict[str, Json] = {}
        unsure: Absent | None = None
        for name, binding in node.call.arguments.items():
            try:
                arguments[name] = self.value(binding, at)
            except Absent as absent:
                if absent.status == "skipped_when" and name in node.optional:
                    arguments[name] = None
                elif absent.status == "unknown":
                    unsure = absent
                else:
                    return _skip_for(absent)
        return Start(arguments) if unsure is None else Unsure(f"{unsure.label} runs first")

    def value(self, binding: Binding, at: Mapping[str, int]) -> Json:
        """The encoded value of a binding for the items `at` (scope -> index). Raises `Absent`."""
        match binding:
            case Literal(value):
                return value
            case Output(address, path):
                return follow(self._output(address, at), path)
            case Item(scope, path):
                return follow(self._item(scope, at), path)
            case Gather(scope, body):
                count = len(self._list(scope, at))
                return [self.value(body, {**at, scope: i}) for i in range(count)]
            case Choose(condition, then, otherwise):
                chosen = then if self.value(condition, at) else otherwise
                return self.value(chosen, at)
            case Build():
                return self._build(binding, at)

    def result(self) -> Json:
        """The encoded result of the pipeline. Raises `Absent`."""
        return None if self.graph.result is None else self.value(self.graph.result, {})

    def doomed(self, instance: Instance) -> str:
        """Why a running instance should be stopped (a sibling failed under `fail_fast`), or ""."""
        node = self._nodes[instance[0]]
        stopped = self._stopped(node, instance[1])
        return stopped.reason if stopped else ""

    # Values --------------------------------------------------------------------------------------------------------
    def _output(self, address: str, at: Mapping[str, int]) -> Json:
        scopes = self._nodes[address].call.scopes
        where = tuple(at[s] for s in scopes if s in at)
        status = self._status.get((address, where), "unknown")
        if status != "ok":
            raise Absent(status, label(address, where))
        return self.outputs[(address, where)]

    def _list(self, scope: str, at: Mapping[str, int]) -> list[Json]:
        path = self._scopes[scope].path[:-1]
        where = tuple(at[s] for s in path)
        if (scope, where) not in self.items:
            absent = self._unlisted.get((scope, where))
            raise Absent(absent.status, absent.label) if absent else Absent("unknown", scope)
        return self.items[(scope, where)]

    def _item(self, scope: str, at: Mapping[str, int]) -> Json:
        return self._list(scope, at)[at[scope]]

    def _build(self, build: Build, at: Mapping[str, int]) -> Json:
        parts = {key: self.value(part, at) for key, part in build.parts}
        return compose(build.form, build.name, parts)

    # Rules ---------------------------------------------------------------------------------------------------------
    def _stopped(self, node: Node, indices: Indices) -> Skip | None:
        for depth, scope in enumerate(node.call.scopes):
            culprit = self._failed_fast.get((scope, indices[:depth]))
            if culprit is not None:
                return Skip("skipped_upstream", f"stopped by fail_fast: {culprit} failed")
        return None

    def _order(self, node: Node, indices: Indices) -> Skip | None:
        for address in node.call.after:
            shared = shared_scopes(self._nodes[address].call.scopes, node.call.scopes)
            status = self._status[(address, indices[:shared])]
            if status not in ("ok", "skipped_when", "unknown"):
                return _skip_for(Absent(status, label(address, indices[:shared])))
        return None

    def _conditions(self, node: Node, at: Mapping[str, int]) -> Skip | Unsure | None:
        for condition in node.call.conditions:
            try:
                value = self.value(condition.value, at)
            except Absent as absent:
                if absent.status == "unknown":
                    return Unsure(f"depends on {describe(condition.value)}, which is not known yet")
                return _skip_for(absent)
            if bool(value) is not condition.expected:
                said = "when" if condition.expected else "unless"
                return Skip("skipped_when", f"{said} {describe(condition.value)} is {str(bool(value)).lower()}")
        return None

    def _fail_fast(self, address: str, indices: Indices) -> None:
        for depth, scope in enumerate(self._nodes[address].call.scopes):
            if self.graph.scopes[scope].fail_fast:
                self._failed_fast.setdefault((scope, indices[:depth]), label(address, indices))

    # Instances come into being -------------------------------------------------------------------------------------
    def _create(self, address: str, indices: Indices) -> None:
        self.instances += 1
        self.known[address] = self.known.get(address, 0) + 1
        self.open += 1
        gates = [(producer, indices[:depth]) for producer, depth in self._nodes[address].gates]
        self._await(("call", address, indices), gates)

    def _open_scope(self, name: str, prefix: Indices) -> None:
        scope = self._scopes[name].scope
        if isinstance(scope.items, Literal):
            self._expand(name, prefix, scope.items.value)
            return
        path = self._scopes[name].path[:-1]
        gates = [
            (producer, prefix[: shared_scopes(self._nodes[producer].call.scopes, path)])
            for producer in gates_of(scope.items)
        ]
        self._await(("scope", name, prefix), gates)

    def _await(self, waiter: tuple[str, str, Indices], gates: list[tuple[str, Indices]]) -> None:
        waiting = 0
        for gate in set(gates):
            if gate not in self._status:
                self._waiters.setdefault(gate, []).append(waiter)
                waiting += 1
        if waiting:
            self._missing[waiter] = waiting
        else:
            self._wake(waiter)

    def _wake(self, waiter: tuple[str, str, Indices]) -> None:
        kind, name, indices = waiter
        if kind == "call":
            self.ready.append((name, indices))
            return
        node = self._scopes[name]
        at = dict(zip(node.path[:-1], indices, strict=True))
        try:
            items = self.value(node.scope.items, at)
        except Absent as absent:
            self._close(name, indices, absent)
        else:
            self._expand(name, indices, items)

    def _expand(self, name: str, prefix: Indices, items: list[Json]) -> None:
        node = self._scopes[name]
        self.items[(name, prefix)] = items
        for address in node.members:
            self._open_below[(address, prefix)] = len(items)
        for i in range(len(items)):
            for child in node.children:
                self._open_scope(child, (*prefix, i))
            for address in node.direct:
                self._create(address, (*prefix, i))
        if not items:
            for address in node.members:
                self._complete((address, prefix), "ok")

    def _close(self, name: str, prefix: Indices, absent: Absent) -> None:
        """The list never came: its calls end here, as one, with the status that its consumers see."""
        self._unlisted[(name, prefix)] = absent
        skip = Skip("unknown", f"{absent.label} runs first") if absent.status == "unknown" else _skip_for(absent)
        for address in self._scopes[name].members:
            self.closed.append(Closed(address, prefix, skip.status, skip.reason))
        for address in self._scopes[name].members:
            self._complete((address, prefix), skip.status)

    def _complete(self, gate: tuple[str, Indices], status: Status) -> None:
        """A gate is complete. Queued, not recursive: chains of any length fit."""
        self._completed.append((gate, status))
        if self._draining:
            return
        self._draining = True
        try:
            while self._completed:
                self._pass(*self._completed.popleft())
        finally:
            self._draining = False

    def _pass(self, gate: tuple[str, Indices], status: Status) -> None:
        """Wake who waits for the gate, and the gate above when this was its last part."""
        self._status[gate] = status
        address, indices = gate
        if indices:
            above = (address, indices[:-1])
            self._worst[above] = max(self._worst.get(above, "ok"), status, key=_SEVERITY.__getitem__)
            self._open_below[above] -= 1
            if not self._open_below[above]:
                self._completed.append((above, self._worst[above]))
        for waiter in self._waiters.pop(gate, ()):
            self._missing[waiter] -= 1
            if not self._missing[waiter]:
                del self._missing[waiter]
                self._wake(waiter)


def _skip_for(absent: Absent) -> Skip:
    """What a consumer becomes when its producer ended without a value."""
    if absent.status == "skipped_when":
        return Skip("skipped_when", f"{absent.label} was skipped")
    word = {"failed": "failed", "cancelled": "was cancelled"}.get(absent.status, "was skipped")
    return Skip("skipped_upstream", f"upstream {word}: {absent.label}")
