"""Questions about bindings: which calls they need, and how a person would write them (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from tiphys.workflows.graph import Binding, Build, Choose, FieldPath, Gather, Item, Literal, Output


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
