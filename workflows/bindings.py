"""Questions about bindings: which calls they need, and how a person would write them (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from tiphys.workflows.graph import Binding, Build, Choose, FieldPath, Gather, Graph, Item, Literal, Output


def gates_of(binding: Binding) -> Iterator[str]:
    """Addresses of the calls whose results a binding needs; both sides of a `branch`."""
    match binding:
        case Output(address, _):
            yield address
        case Gather(_, body):
            yield from gates_of(body)
        case Choose(condition, then, otherwise):
            yield from gates_of(condition)
            yield from gates_of(then)
            yield from gates_of(otherwise)
        case Build(_, _, parts):
            for _, part in parts:
                yield from gates_of(part)
        case Literal() | Item():
            return


def producers_of(graph: Graph, address: str) -> dict[str, str]:
    """Parameter -> address of the call that makes (the first part of) its argument, for messages."""
    call = next(call for call in graph.calls if call.address == address)
    found = {name: next(gates_of(binding), "") for name, binding in call.arguments.items()}
    return {name: producer for name, producer in found.items() if producer}


def describe(binding: Binding) -> str:
    """The binding as a person would write it: `evaluate.passed`."""
    match binding:
        case Literal(value):
            return repr(value)
        case Output(address, path):
            return address + dotted(path)
        case Item(scope, path):
            return f"item of {scope}" + dotted(path)
        case Gather(_, body):
            return f"[{describe(body)}, …]"
        case Choose(condition, _, _):
            return f"branch({describe(condition)}, …)"
        case Build(form, name, _):
            return name or form


def dotted(path: FieldPath) -> str:
    """A field path as text: `.train`, `[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
