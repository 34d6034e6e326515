"""Values from text, as typed after `-p name=`: by the annotation of the parameter (pure)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from tiphys.cluster.errors import InputError
from tiphys.workflows.shapes import (
    Anything,
    Choice,
    Enumeration,
    Many,
    Mapped,
    OneOf,
    Plain,
    Product,
    Record,
    Shape,
    shape_of,
    takes_none,
    text_of,
)

_NONE = ("none", "null")
_BOOLS = {"true": True, "false": False}


def parse(text: str, annotation: object, *, name: str) -> Any:
    """The value that `text` means for a parameter of this annotation.

    true/false, numbers, ISO dates, names of enumeration members, `none` for optional parameters; lists, tuples,
    dictionaries and dataclasses as JSON. Else `InputError` with the name, the text and what is expected.
    """
    shape = shape_of(annotation)
    try:
        return _from_text(text, shape)
    except ValueError as error:
        said = f" ({error})" if str(error) else ""
        raise InputError(f"-p {name}={text} is not {_a(shape)}{said}", fix=_hint(shape, name)) from None


def _from_text(text: str, shape: Shape) -> Any:
    match shape:
        case Plain(kind):
            return _plain(text, kind)
        case Anything():
            return text
        case Enumeration(cls):
            return _member(text, cls)
        case Choice(values):
            return _choice(text, values)
        case OneOf(options):
            return _union(text, options)
        case Many() | Product() | Mapped() | Record():
            return _from_json(_loads(text), shape)
    raise ValueError("such a value cannot be typed")


def _plain(text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() not in _BOOLS:
            raise ValueError("true or false")
        return _BOOLS[text.lower()]
    if kind is type(None):
        if text.lower() not in _NONE:
            raise ValueError("none")
        return None
    read: dict[type, Callable[[str], Any]] = {
        int: int,
        float: float,
        str: str,
        Path: Path,
        date: date.fromisoformat,
        datetime: datetime.fromisoformat,
    }
    return read[kind](text)


def _member(text: str, cls: type[Enum]) -> Enum:
    if text not in cls.__members__:
        raise ValueError(f"one of {', '.join(cls.__members__)}")
    return cls[text]


def _choice(text: str, values: tuple[object, ...]) -> object:
    for value in values:
        if text == (value.name if isinstance(value, Enum) else str(value)):
            return value
        if (value is None and text.lower() in _NONE) or (isinstance(value, bool) and text == str(value).lower()):
            return value
    raise ValueError(f"one of {', '.join(map(str, values))}")


def _union(text: str, options: tuple[Shape, ...]) -> Any:
    """None first, then the other options in the order of the annotation, text last (it takes everything)."""
    if any(takes_none(o) for o in options) and text.lower() in _NONE:
        return None
    ordered = sorted(options, key=lambda option: isinstance(option, Plain) and option.kind in (str, Path))
    for option in ordered:
        try:
            return _from_text(text, option)
        except ValueError:
            continue
    raise ValueError("none of the alternatives")


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None


def _from_json(data: Any, shape: Shape) -> Any:
    """A value from natural JSON: texts in it mean what they would mean on their own."""
    match shape:
        case Many(part, form) if isinstance(data, list):
            values = [_from_json(v, part) for v in data]
            return tuple(values) if form == "tuple" else values
        case Product(parts) if isinstance(data, list) and len(data) == len(parts):
            return tuple(_from_json(v, part) for v, part in zip(data, parts, strict=True))
        case Mapped(part, _) if isinstance(data, dict):
            return {k: _from_json(v, part) for k, v in data.items()}
        case Record(cls, _) if isinstance(data, dict):
            unknown = sorted(set(data) - set(shape.fields))
            if unknown:
                raise ValueError(f"{cls.__qualname__} has no field {unknown[0]!r}")
            try:
                return cls(**{k: _from_json(v, shape.fields[k]) for k, v in data.items()})
            except TypeError as error:
                raise ValueError(str(error)) from None
        case OneOf(options):
            return _json_union(data, options)
        case Anything():
            return data
    return _json_leaf(data, shape)


def _json_leaf(data: Any, shape: Shape) -> Any:
    if isinstance(shape, Plain):
        if type(data) is shape.kind or (shape.kind is float and type(data) is int):
            return data
        if not isinstance(data, str) or shape.kind in (bool, int, float, type(None)):
            raise ValueError(f"{json.dumps(data)} is not {_a(shape)}")
        return _plain(data, shape.kind)
    if isinstance(shape, Choice):
        for value in shape.values:
            if type(value) is type(data) and value == data:
                return value
    if isinstance(shape, Enumeration | Choice) and isinstance(data, str):
        return _from_text(data, shape)
    raise ValueError(f"{json.dumps(data)} is not {_a(shape)}")


def _json_union(data: Any, options: tuple[Shape, ...]) -> Any:
    for option in sorted(options, key=lambda o: isinstance(o, Plain) and o.kind in (str, Path)):
        try:
            return _from_json(data, option)
        except ValueError:
            continue
    raise ValueError(f"{json.dumps(data)} is none of the alternatives")


def _hint(shape: Shape, name: str) -> str:
    examples: dict[type, str] = {
        bool: "true",
        int: "5",
        float: "0.5",
        date: "2013-10-01",
        datetime: "2013-10-01T12:00:00",
        type(None): "none",
    }
    match shape:
        case Plain(kind) if kind in examples:
            return f"write it as in -p {name}={examples[kind]}"
        case Enumeration(cls):
            return f"write one of {', '.join(cls.__members__)}"
        case Choice(values):
            return f"write one of {', '.join(map(str, values))}"
        case Many() | Product():
            return f"write JSON, such as -p '{name}=[1, 2]'"
        case Mapped() | Record():
            return f"""write JSON, such as -p '{name}={{"key": 1}}'"""
        case _:
            return f"write {_a(shape)}"


def _a(shape: Shape) -> str:
    text = text_of(shape)
    return f"an {text}" if text[0] in "aeioAEIO" else f"a {text}"
