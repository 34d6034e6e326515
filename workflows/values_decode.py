"""Decoding of values by shape."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cluster.artifact import Artifact
from tiphys.cluster.errors import InputError
from tiphys.workflows.shapes import (
    ANYTHING,
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
    text_of,
)

if TYPE_CHECKING:
    from tiphys.cluster.store.records import Json

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_ACCEPTED: dict[type, tuple[type, ...]] = {float: (int, bool), int: (bool,)}  # as type checkers do
_NATURAL = (bool, int, float, str, type(None))


class _Misfit(Exception):
    """The data has another shape; a union tries its next option."""

    def __init__(self, where: str, data: Json, shape: Shape) -> None:
        super().__init__(where)
        self.where, self.data, self.shape = where, data, shape


class Decoder:
    """Turns encoded values into real ones. Artifacts are written out by `materialize(node) -> path`."""

    def __init__(self, materialize: Callable[[Json], Path], root: Path) -> None:
        self._materialize = materialize
        self._root = root

    def decode(self, data: Json, shape: Shape, where: str) -> Any:
        """The value; `InputError` when `data` does not have the shape."""
        try:
            return self._decode(data, shape, where)
        except _Misfit as misfit:
            raise InputError(
                f"{misfit.where} is {_brief(misfit.data)}, declared {text_of(misfit.shape)}",
                fix="declare what the producer returns, or pass what is declared",
            ) from None

    def _decode(self, data: Json, shape: Shape, where: str) -> Any:
        match shape:
            case Plain(kind):
                return self._plain(data, kind, shape, where)
            case Made(made):
                return self._artifact(data, made, shape, where)
            case Record(record, form):
                return self._record(data, record, form, shape, where)
            case OneOf(options):
                return self._union(data, options, shape, where)
            case Many() | Product() | Mapped():
                return self._container(data, shape, where)
            case Enumeration(enum):
                return self._choice(data, tuple(enum.__members__.values()), shape, where)
            case Choice(values):
                return self._choice(data, values, shape, where)
            case Anything():
                return self._anything(data, shape, where)
        raise _Misfit(where, data, shape)

    def _plain(self, data: Json, kind: type, shape: Shape, where: str) -> Any:
        if isinstance(data, dict):
            if kind is float and "$float" in data:
                return _FLOATS[data["$float"]]
            if kind is Path and "$path" in data:
                return self._root / data["$path"]
            if kind is date and "$date" in data:
                return date.fromisoformat(data["$date"])
            if kind is datetime and "$datetime" in data:
                return datetime.fromisoformat(data["$datetime"]).replace(fold=data.get("fold", 0))
        elif type(data) is kind or type(data) in _ACCEPTED.get(kind, ()):
            return data
        raise _Misfit(where, data, shape)

    def _artifact(self, data: Json, made: type[Artifact], shape: Shape, where: str) -> Artifact:
        if not (isinstance(data, dict) and "$artifact" in data):
            raise _Misfit(where, data, shape)
        artifact = object.__new__(made)  # like dataclasses, restored without `__init__`
        artifact._path = self._materialize(data)
        return artifact

    def _record(self, data: Json, record: type, form: str, shape: Record, where: str) -> Any:
        parts = shape.fields
        named = isinstance(data, dict) and data.get(f"${form}") == record.__qualname__
        if not named or set(data["fields"]) != set(parts):
            raise _Misfit(where, data, shape)
        values = {n: self._decode(data["fields"][n], part, f"{where}.{n}") for n, part in parts.items()}
        if form == "named":
            return tuple.__new__(record, values.values())
        value: Any = object.__new__(record)
        for name, part in values.items():
            object.__setattr__(value, name, part)
        return value

    def _union(self, data: Json, options: tuple[Shape, ...], shape: Shape, where: str) -> Any:
        """The option that fits as it is goes before one that converts (an int for a float)."""
        exact = [o for o in options if isinstance(o, Plain) and type(data) is o.kind]
        for option in (*exact, *options):
            try:
                return self._decode(data, option, where)
            except _Misfit:
                continue
        raise _Misfit(where, data, shape)

    def _container(self, data: Json, shape: Many | Product | Mapped, where: str) -> Any:
        match shape:
            case Mapped(part, _) if isinstance(data, dict) and "$dict" in data:
                values = data["$dict"]
                keys = data["order"] if "order" in data else sorted(values)
                return {key: self._decode(values[key], part, f"{where}[{key!r}]") for key in keys}
            case Product(parts) if (inner := _tuple_parts(data)) is not None and len(inner) == len(parts):
                return tuple(
                    self._decode(v, part, f"{where}[{i}]") for i, (v, part) in enumerate(zip(inner, parts, strict=True))
                )
            case Many(part, form):
                inner = _tuple_parts(data)
                if isinstance(data, list) and form != "tuple":
                    return [self._decode(v, part, f"{where}[{i}]") for i, v in enumerate(data)]
                if inner is not None and form != "list":
                    return tuple(self._decode(v, part, f"{where}[{i}]") for i, v in enumerate(inner))
        raise _Misfit(where, data, shape)

    def _choice(self, data: Json, values: tuple[object, ...], shape: Shape, where: str) -> object:
        for value in values:
            if type(value) is type(data) and value == data:
                return value
            if isinstance(value, Enum) and data == {"$enum": type(value).__qualname__, "name": value.name}:
                return value
        raise _Misfit(where, data, shape)

    def _anything(self, data: Json, shape: Shape, where: str) -> Any:
        """A value whose type nobody declared: only what its encoding tells by itself."""
        if isinstance(data, _NATURAL):
            return data
        if isinstance(data, list):
            return self._container(data, Many(ANYTHING), where)
        if "$tuple" in data:
            return self._container(data, Many(ANYTHING, "tuple"), where)
        if "$dict" in data:
            return self._container(data, Mapped(ANYTHING), where)
        for tag, kind in (("$float", float), ("$path", Path), ("$date", date), ("$datetime", datetime)):
            if tag in data:
                return self._plain(data, kind, shape, where)
        raise _Misfit(where, data, shape)


def _tuple_parts(data: Json) -> list[Json] | None:
    return data["$tuple"] if isinstance(data, dict) and "$tuple" in data else None


def _brief(data: Json) -> str:
    if isinstance(data, dict):
        tag = next(iter(data))
        for named in ("$data", "$named", "$artifact", "$enum"):
            if named in data:
                return f"a {data[named]}"
        return f"a {tag.lstrip('$')}"
    text = repr(data)
    return f"{type(data).__name__} {text if len(text) < 80 else text[:80] + '…'}"
