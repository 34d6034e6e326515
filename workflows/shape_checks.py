"""Whether a value has a shape, and whether one shape may be used for another (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

from tiphys.cluster.artifact import Artifact
from tiphys.workflows.shapes import (
    ANYTHING,
    NOTHING,
    Anything,
    Choice,
    Enumeration,
    Made,
    Many,
    Mapped,
    OneOf,
    Plain,
    Product,
    Record,
    Shape,
    Unknown,
    shape_of,
    text_of,
)

Part: TypeAlias = tuple[str, object, Shape]
"""A part of a value: how it is written after the whole (`.train`, `[3]`), the value, and the shape it must have."""

Declared: TypeAlias = Callable[[object], Shape | None]

_SHOWN = 80


def mismatch(value: object, shape: Shape, where: str, declared: Declared | None = None) -> str | None:
    """What is wrong with a value, as `where is str 'x', declared float`; None when it has the shape.

    Numbers follow the rules of type checkers: an int does for a float, a bool for an int. `declared` gives the shape
    of values that stand for the result of a step; they are judged by it.
    """
    todo: list[Part] = [(where, value, shape)]
    while todo:
        at, part, wanted = todo.pop()
        promised = declared(part) if declared else None
        if promised is not None:
            if not assignable(promised, wanted):
                return f"{at} is {part!r}, declared {text_of(wanted)}"
        elif isinstance(wanted, OneOf):
            if not any(mismatch(part, option, at, declared) is None for option in wanted.options):
                return _sentence(at, part, wanted)
        elif not _outside_fits(part, wanted):
            return _sentence(at, part, wanted)
        else:
            todo.extend((at + suffix, inner, inner_shape) for suffix, inner, inner_shape in _parts(part, wanted))
    return None


def _sentence(where: str, value: object, shape: Shape) -> str:
    return f"{where} is {shown(value)}, declared {text_of(shape)}"


def shown(value: object) -> str:
    """A value with its type, in one line that is short enough for a message."""
    if value is None:
        return "None"
    kind, text = type(value).__qualname__, " ".join(repr(value).split())
    named = text if text.startswith(f"{kind}(") else f"{kind} {text}"
    return named if len(named) <= _SHOWN else named[:_SHOWN] + "…"


def _outside_fits(value: object, shape: Shape) -> bool:
    """Whether the outermost layer of a value fits."""
    match shape:
        case Anything():
            return True
        case Plain(kind):
            return _plain_fits(value, kind)
        case Choice(values):
            return any(value == v and type(value) is type(v) for v in values)
        case Enumeration(cls):
            return isinstance(value, cls)
        case Record(cls, _):
            return type(value) is cls
        case Made(cls):
            return isinstance(value, cls)
        case Product(parts):
            return isinstance(value, tuple) and len(value) == len(parts)
        case Many(_, form):
            return isinstance(value, {"list": list, "tuple": tuple, "sequence": list | tuple}[form])
        case Mapped():
            return isinstance(value, dict) and all(isinstance(key, str) for key in value)
        case _:
            return False


def _plain_fits(value: object, kind: type) -> bool:
    if isinstance(value, Enum):
        return False
    if kind is float:
        return isinstance(value, float | int)
    if kind is date:
        return isinstance(value, date) and not isinstance(value, datetime)
    return isinstance(value, kind)


def _parts(value: Any, shape: Shape) -> Iterator[Part]:
    match shape:
        case Record():
            for name, part in shape.fields.items():
                yield f".{name}", getattr(value, name, None), part
        case Product(parts):
            for i, part in enumerate(parts):
                yield f"[{i}]", value[i], part
        case Many(part, _):
            if not _all_fit(value, part):
                for i, inner in enumerate(value):
                    yield f"[{i}]", inner, part
        case Mapped(part, _):
            for key, inner in value.items():
                yield f"[{key!r}]", inner, part


def _all_fit(values: Any, shape: Shape) -> bool:
    """The quick answer for long lists of numbers and texts; False when each has to be looked at."""
    return isinstance(shape, Anything) or (isinstance(shape, Plain) and set(map(type, values)) <= {shape.kind})


def assignable(source: Shape, target: Shape) -> bool:
    """Whether a result declared `source` may be passed where `target` is declared. In doubt, yes."""
    if isinstance(source, Anything) or isinstance(target, Anything) or source == target:
        return True
    if isinstance(source, OneOf):
        return all(assignable(option, target) for option in source.options)
    if isinstance(target, OneOf):
        return any(assignable(source, option) for option in target.options)
    if isinstance(source, Choice):
        return all(mismatch(value, target, "") is None for value in source.values)
    return _layers_assignable(source, target)


def _layers_assignable(source: Shape, target: Shape) -> bool:
    match source, target:
        case Plain(a), Plain(b):
            return a is b or (a, b) in {(int, float), (bool, int), (bool, float)}
        case Made(a), Made(b):
            return issubclass(a, b)
        case Product(a), Product(b):
            return len(a) == len(b) and all(map(assignable, a, b))
        case Product(a), Many(part, "tuple" | "sequence"):
            return all(assignable(p, part) for p in a)
        case Many(part, form), Many(other, wanted):
            return (form == wanted or wanted == "sequence") and assignable(part, other)
        case Mapped(part, _), Mapped(other, _):
            return assignable(part, other)
        case _:
            return False


def shape_of_value(value: object, declared: Declared) -> Shape:
    """The shape that a value has, where `declared` knows the shapes of results of steps in it."""
    promised = declared(value)
    if promised is not None:
        return promised
    if value is None:
        return NOTHING
    if isinstance(value, Artifact):
        return Made(type(value))
    if isinstance(value, list):
        return Many(join(shape_of_value(v, declared) for v in value))
    if isinstance(value, dict):
        return Mapped(join(shape_of_value(v, declared) for v in value.values()))
    if type(value) is tuple:
        return Product(tuple(shape_of_value(v, declared) for v in value))
    if isinstance(value, Path):
        return Plain(Path)
    shape = shape_of(type(value))
    return ANYTHING if isinstance(shape, Unknown) else shape


def join(shapes: Iterable[Shape]) -> Shape:
    """One shape for values of several shapes: the same, or a union of them; anything when there are none."""
    different = tuple(dict.fromkeys(shapes))
    if not different:
        return ANYTHING
    if len(different) == 1:
        return different[0]
    options: dict[Shape, None] = {}
    for shape in different:
        options.update(dict.fromkeys(shape.options if isinstance(shape, OneOf) else (shape,)))
    return ANYTHING if ANYTHING in options else OneOf(tuple(options))


def walk(shape: Shape) -> Iterator[Shape]:
    """The shape and all shapes in it; classes that refer to themselves once."""
    todo: list[Shape] = [shape]
    seen: set[type] = set()
    while todo:
        shape = todo.pop()
        yield shape
        match shape:
            case OneOf(parts) | Product(parts):
                todo.extend(reversed(parts))
            case Many(part, _) | Mapped(part, _):
                todo.append(part)
            case Record(cls, _) if cls not in seen:
                seen.add(cls)
                todo.extend(reversed(shape.fields.values()))
