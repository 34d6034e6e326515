"""The graph as compact JSON, and the questions about its shape that need nothing else (pure).

Bindings and calls are arrays, steps and conditions are written once and referred to by number: a graph of 10,000 calls
is read and written in a tenth of a second. `FORMAT` is raised when the meaning of a position changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiphys.cluster.errors import InputError
from tiphys.workflows.bindings import gates_of
from tiphys.workflows.graph import (
    Binding,
    Build,
    Call,
    Choose,
    Condition,
    Gather,
    Graph,
    Item,
    Json,
    Literal,
    Output,
    Scope,
    Settings,
    StepInfo,
)

FORMAT = 1

_SETTINGS = tuple(Settings.__dataclass_fields__)
_TUPLES = ("env", "secrets", "reads")
_DEFAULTS = Settings()


def graph_to_json(graph: Graph) -> Json:
    """The graph as JSON (format 1)."""
    steps = {ref: i for i, ref in enumerate(graph.steps)}
    conditions: dict[int, int] = {}
    written: list[Json] = []

    def number(condition: Condition) -> int:
        """Calls of one block share the condition, so its identity tells it (equal ones may be written twice)."""
        key = id(condition)
        if key not in conditions:
            conditions[key] = len(written)
            written.append([_binding_to_json(condition.value), condition.expected])
        return conditions[key]

    calls = [
        [
            call.address,
            steps[call.step],
            {name: _binding_to_json(binding) for name, binding in call.arguments.items()},
            list(call.scopes),
            [number(condition) for condition in call.conditions],
            list(call.after),
        ]
        for call in graph.calls
    ]
    return {
        "format": FORMAT,
        "pipeline": graph.pipeline,
        "file": graph.file,
        "parameters": dict(graph.parameters),
        "steps": [_step_to_json(info) for info in graph.steps.values()],
        "scopes": [
            [s.name, _binding_to_json(s.items), s.parallel, s.fail_fast, s.parent] for s in graph.scopes.values()
        ],
        "conditions": written,
        "calls": calls,
        "result": None if graph.result is None else _binding_to_json(graph.result),
        "parallel": graph.parallel,
    }


def graph_from_json(data: Json) -> Graph:
    """The graph that `graph_to_json` wrote. `InputError` for another format."""
    if data.get("format") != FORMAT:
        raise InputError(
            f"the graph has format {data.get('format')!r}, this version reads {FORMAT}",
            fix="use the version of tiphys that wrote it, or run the pipeline again",
        )
    infos = [_step_from_json(step) for step in data["steps"]]
    refs = [info.ref for info in infos]
    conditions = [Condition(_binding_from_json(value), expected) for value, expected in data["conditions"]]
    scopes = [Scope(name, _binding_from_json(items), *rest) for name, items, *rest in data["scopes"]]
    read = _binding_from_json
    calls = tuple(
        Call(
            address,
            refs[step],
            {name: read(binding) for name, binding in arguments.items()},
            tuple(names),
            tuple([conditions[i] for i in under]),
            tuple(after),
        )
        for address, step, arguments, names, under, after in data["calls"]
    )
    return Graph(
        pipeline=data["pipeline"],
        file=data["file"],
        parameters=data["parameters"],
        steps=dict(zip(refs, infos, strict=True)),
        scopes={scope.name: scope for scope in scopes},
        calls=calls,
        result=None if data["result"] is None else read(data["result"]),
        parallel=data["parallel"],
    )


def _binding_to_json(binding: Binding) -> Json:
    kind = type(binding)
    if kind is Output:
        return ["o", binding.address, *binding.path]  # type: ignore[union-attr]
    if kind is Literal:
        return ["v", binding.value]  # type: ignore[union-attr]
    match binding:
        case Item(scope, path):
            return ["i", scope, *path]
        case Gather(scope, body):
            return ["g", scope, _binding_to_json(body)]
        case Choose(condition, then, otherwise):
            return ["c", _binding_to_json(condition), _binding_to_json(then), _binding_to_json(otherwise)]
        case Build(form, name, parts):
            return ["b", form, name, [[key, _binding_to_json(part)] for key, part in parts]]
    raise TypeError(f"not a binding: {binding!r}")


def _binding_from_json(data: Json) -> Binding:
    tag = data[0]
    if tag == "o":
        return Output(data[1], tuple(data[2:]))
    if tag == "v":
        return Literal(data[1])
    if tag == "i":
        return Item(data[1], tuple(data[2:]))
    if tag == "g":
        return Gather(data[1], _binding_from_json(data[2]))
    if tag == "c":
        return Choose(*map(_binding_from_json, data[1:]))
    return Build(data[1], data[2], tuple((key, _binding_from_json(part)) for key, part in data[3]))


def _step_to_json(info: StepInfo) -> Json:
    return {
        "module": info.module,
        "name": info.name,
        "file": info.file,
        "line": info.line,
        "settings": _settings_to_json(info.settings),
        "parameters": dict(info.parameters),
        "optional": sorted(info.optional),
        "result": info.result,
        "container": info.container,
    }


def _step_from_json(data: Mapping[str, Any]) -> StepInfo:
    settings: dict[str, Any] = {k: tuple(v) if k in _TUPLES else v for k, v in data["settings"].items()}
    return StepInfo(**{**data, "settings": Settings(**settings), "optional": frozenset(data["optional"])})


def _settings_to_json(settings: Settings) -> Json:
    """What differs from the defaults."""
    values = ((name, getattr(settings, name)) for name in _SETTINGS)
    return {
        name: list(value) if name in _TUPLES else value for name, value in values if value != getattr(_DEFAULTS, name)
    }


def dependencies(call: Call, scopes: Mapping[str, Scope]) -> tuple[str, ...]:
    """Addresses of the calls that a call needs: by data, by condition, by order, or for the items of its `each`."""
    found: dict[str, None] = {}
    for binding in call.arguments.values():
        found.update(dict.fromkeys(gates_of(binding)))
    for condition in call.conditions:
        found.update(dict.fromkeys(gates_of(condition.value)))
    for name in call.scopes:
        found.update(dict.fromkeys(gates_of(scopes[name].items)))
    found.update(dict.fromkeys(call.after))
    return tuple(found)


def instances(call: Call, lengths: Mapping[tuple[str, tuple[int, ...]], int]) -> tuple[str, ...] | None:
    """Addresses of all instances of a call, `clean[3][2]`; None while a length is not known.

    `lengths`: number of items by (scope, indices in the scopes around it).
    """
    found: list[tuple[int, ...]] = [()]
    for scope in call.scopes:
        if any((scope, indices) not in lengths for indices in found):
            return None
        found = [(*indices, i) for indices in found for i in range(lengths[scope, indices])]
    return tuple(call.address + "".join(f"[{i}]" for i in indices) for indices in found)


def static_length(scope: Scope) -> int | None:
    """The number of items when it is known before anything runs."""
    match scope.items:
        case Literal(list() as items):
            return len(items)
        case Build("list", _, parts):
            return len(parts)
        case _:
            return None


def static_lengths(scopes: Mapping[str, Scope]) -> dict[tuple[str, tuple[int, ...]], int]:
    """Lengths of all scopes that are known before anything runs, as `instances` takes them."""
    found: dict[tuple[str, tuple[int, ...]], int] = {}
    below: dict[str | None, list[tuple[int, ...]]] = {None: [()]}
    for scope in scopes.values():  # a parent stands before its children
        length = static_length(scope)
        if length is None or scope.parent not in below:
            continue
        found.update({(scope.name, indices): length for indices in below[scope.parent]})
        below[scope.name] = [(*indices, i) for indices in below[scope.parent] for i in range(length)]
    return found
