"""Builders with sane defaults for tests: graphs, entries, records."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.cluster.store.records import Entry, Json, ObjectRef, Observed, RunRecord, Writer
from tiphys.workflows.graph import Binding, Call, Condition, Graph, Literal, Output, Scope, Settings, StepInfo


def a_step(name: str = "work", *, optional: frozenset[str] = frozenset(), **settings: object) -> StepInfo:
    """A step of module `m`."""
    return StepInfo("m", name, "m.py", 1, Settings(**settings), {}, optional, "int")  # type: ignore[arg-type]


def a_call(address: str, *needs: str, **more: object) -> Call:
    """A call of the step of its own name that takes the results of `needs`."""
    arguments: dict[str, Binding] = {f"x{i}": Output(need) for i, need in enumerate(needs)}
    arguments.update(more.pop("arguments", {}))  # type: ignore[call-overload]
    return Call(address, f"m:{address.split('#', 1)[0]}", arguments, **more)  # type: ignore[arg-type]


def a_graph(
    *calls: Call,
    scopes: Mapping[str, Scope] | None = None,
    result: Binding | None = None,
    optional: Mapping[str, frozenset[str]] | None = None,
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> Graph:
    """A graph of these calls; `optional` and `settings` by name of the step."""
    names = {call.step.split(":")[1] for call in calls}
    steps = {
        f"m:{n}": a_step(n, optional=(optional or {}).get(n, frozenset()), **dict((settings or {}).get(n, {})))
        for n in names
    }
    return Graph("m:p", "m.py", {}, steps, dict(scopes or {}), tuple(calls), result)


def when(address: str, *path: str, expected: bool = True) -> Condition:
    """A condition on a result or a field of it."""
    return Condition(Output(address, path), expected)


def items(*values: Json) -> Literal:
    """A known list."""
    return Literal(list(values))


def an_entry(key: str = "k" * 64, **changes: object) -> Entry:
    """An entry written at second 1000 by run `r1`."""
    given: dict[str, object] = {
        "key": key,
        "outputs": 1,
        "objects": (),
        "observed": Observed(),
        "components": some_components(),
        "created": 1000.0,
        "seconds": 2.0,
        "writer": a_writer(),
    }
    return Entry(**(given | changes))  # type: ignore[arg-type]


def a_writer(**changes: str) -> Writer:
    """Run `r1`, address `work`, pipeline `m:p`."""
    given = {
        "run": "r1",
        "address": "work",
        "pipeline": "m:p",
        "scope": "user/ann",
        "profile": "local",
        "host": "here",
    }
    return Writer(**(given | changes))


def some_components(**changes: Json) -> Json:
    """Components of a key with nothing special in them."""
    given: dict[str, Json] = {
        "key_version": 1,
        "code": {"digest": "c1", "units": "", "files": ""},
        "python": "3.11",
        "environment": {"numpy": "2.4.6"},
        "env": {},
        "secrets": [],
        "arguments": {"x": 1},
        "reads": {},
    }
    return given | changes


def a_run(run_id: str = "r1", **changes: object) -> RunRecord:
    """A finished run of `m:p`."""
    given: dict[str, object] = {
        "id": run_id,
        "pipeline": "m:p",
        "file": "m.py",
        "root": "/project",
        "parameters": {},
        "graph": "0" * 64,
        "code": "0" * 64,
        "profile": "local",
        "scope": "user/ann",
        "frozen_now": 1000.0,
        "started": 1000.0,
        "versions": {},
        "argv": (),
        "pid": 1,
        "host": "here",
        "boot": "b",
        "state": "succeeded",
        "ended": 1010.0,
        "exit_code": 0,
    }
    return RunRecord(**(given | changes))  # type: ignore[arg-type]


def a_ref(digest: str = "d" * 64, size: int = 3) -> ObjectRef:
    """A file object."""
    return ObjectRef(digest, "file", size)
