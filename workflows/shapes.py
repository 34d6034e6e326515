"""Shapes: annotations worked out once, for checks, placeholders, encoding and parsing of values.

An annotation becomes a small tree. What no tree describes is `Unknown` with a reason; who may use which shapes is
decided elsewhere. Fields of classes are worked out at the first use, so that classes may refer to each other.
"""

from __future__ import annotations

import types
import typing
from collections import abc
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union

from tiphys.cluster.artifact import Artifact
from tiphys.cluster.errors import InputError


@dataclass(frozen=True, slots=True)
class Plain:
    """NoneType, bool, int, float, str, date, datetime or Path."""

    kind: type


@dataclass(frozen=True, slots=True)
class Anything:
    """`Any` or `object`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A `Literal`: one of these values (None, bool, int, str or a member of an enumeration)."""

    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A member of an `Enum` class."""

    cls: type[Enum]


@dataclass(frozen=True, slots=True)
class OneOf:
    """A union; `Optional` is one with None."""

    options: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A dataclass (`form` "data") or NamedTuple (`form` "named")."""

    cls: type
    form: Literal["data", "named"]

    @property
    def fields(self) -> dict[str, Shape]:
        """Shapes by field name, in order of definition."""
        return _fields_of(self.cls, self.form)


@dataclass(frozen=True, slots=True)
class Product:
    """`tuple[A, B]`: a fixed number of parts."""

    parts: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of parts: `form` "list", "tuple" (`tuple[T, ...]`) or "sequence" (either)."""

    part: Shape
    form: Literal["list", "tuple", "sequence"] = "list"


@dataclass(frozen=True, slots=True)
class Mapped:
    """`dict[str, T]`, or `Mapping[str, T]` when `form` is "mapping"."""

    part: Shape
    form: Literal["dict", "mapping"] = "dict"


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact of a class."""

    cls: type[Artifact]


@dataclass(frozen=True, slots=True)
class Unknown:
    """An annotation that Tiphys has no encoding for."""

    annotation: object
    reason: str


Shape: TypeAlias = Plain | Anything | Choice | Enumeration | OneOf | Record | Product | Many | Mapped | Made | Unknown

NOTHING = Plain(types.NoneType)
ANYTHING = Anything()

_KINDS: tuple[type, ...] = (types.NoneType, bool, int, float, str, date, datetime, Path)
_PLAIN = {kind: Plain(kind) for kind in _KINDS}
_MANY: dict[object, Literal["list", "sequence"]] = {
    list: "list",
    abc.Sequence: "sequence",
    abc.Collection: "sequence",
    abc.Iterable: "sequence",
}
_MAPPED: dict[object, Literal["dict", "mapping"]] = {dict: "dict", abc.Mapping: "mapping"}

_shapes: dict[tuple[object, type], Shape] = {}
_fields: dict[type, dict[str, Shape]] = {}


def shape_of(annotation: object) -> Shape:
    """The shape of a resolved annotation (no text, no forward references)."""
    key = (annotation, type(annotation))
    try:
        hash(key)
    except TypeError:  # a `Literal` of a list, for example
        return Unknown(annotation, f"{name_of(annotation)} has no encoding")
    if key not in _shapes:
        _shapes[key] = _compile(annotation)
    return _shapes[key]


def _compile(annotation: Any) -> Shape:
    if annotation is None:
        return NOTHING
    if annotation is Any or annotation is object:
        return ANYTHING
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _class_shape(annotation)
    if isinstance(annotation, typing.NewType):
        return shape_of(annotation.__supertype__)
    if hasattr(annotation, "__value__"):  # `type Name = …` of Python 3.12
        return shape_of(annotation.__value__)
    return _generic_shape(annotation, typing.get_origin(annotation), typing.get_args(annotation))


def _class_shape(cls: type) -> Shape:
    if cls in _PLAIN:
        return _PLAIN[cls]
    if cls in (list, tuple, dict):
        bare: dict[type, Shape] = {list: Many(ANYTHING), tuple: Many(ANYTHING, "tuple"), dict: Mapped(ANYTHING)}
        return bare[cls]
    if issubclass(cls, Artifact):
        return Made(cls)
    if issubclass(cls, Enum):
        return Enumeration(cls)
    if is_dataclass(cls):
        return Record(cls, "data")
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return Record(cls, "named")
    return Unknown(cls, f"{cls.__module__}.{cls.__qualname__} has no encoding")


def _generic_shape(annotation: Any, origin: Any, args: tuple[Any, ...]) -> Shape:
    if origin is typing.Annotated:
        return shape_of(args[0])
    if origin is Union or origin is types.UnionType:
        return _union(args)
    if origin is Literal:
        return Choice(args)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return Many(shape_of(args[0]), "tuple")
        return Product(tuple(shape_of(a) for a in args))
    if origin in _MANY:
        return Many(shape_of(args[0]) if args else ANYTHING, _MANY[origin])
    if origin in _MAPPED:
        if args and args[0] is not str:
            return Unknown(annotation, "keys of a dictionary are str")
        return Mapped(shape_of(args[1]) if args else ANYTHING, _MAPPED[origin])
    if isinstance(annotation, typing.TypeVar):
        return Unknown(annotation, "a type variable has no values of its own")
    return Unknown(annotation, f"{name_of(annotation)} has no encoding")


def _union(args: tuple[Any, ...]) -> Shape:
    options = tuple(dict.fromkeys(shape_of(a) for a in args))
    unknown = next((o for o in options if isinstance(o, Unknown)), None)
    return unknown or OneOf(options)


def _fields_of(cls: type, form: str) -> dict[str, Shape]:
    if cls not in _fields:
        names = [f.name for f in fields(cls)] if form == "data" else list(cls._fields)  # type: ignore[attr-defined]
        hints = resolve(cls, where=f"class {cls.__qualname__}")
        _fields[cls] = {n: shape_of(hints[n]) if n in hints else Unknown(None, "has no annotation") for n in names}
    return _fields[cls]


class Unresolved(InputError):
    """An annotation names what is not defined: never, or not yet (a class further down the file)."""


def resolve(owner: Any, *, where: str) -> dict[str, Any]:
    """The annotations of a function or class with all text in them evaluated; `Unresolved` when a name is not there."""
    try:
        return typing.get_type_hints(owner)
    except NameError as error:
        raise Unresolved(
            f"{where}: an annotation cannot be resolved: {error}",
            fix="define or import the name at module level (outside `if TYPE_CHECKING:`)",
        ) from error
    except (TypeError, AttributeError, SyntaxError) as error:
        raise InputError(
            f"{where}: an annotation cannot be resolved: {type(error).__name__}: {error}", fix="correct the annotation"
        ) from error


def takes_none(shape: Shape) -> bool:
    """Whether None is a value of this shape."""
    match shape:
        case Anything():
            return True
        case Plain(kind):
            return kind is types.NoneType
        case OneOf(options):
            return any(takes_none(option) for option in options)
        case Choice(values):
            return None in values
        case _:
            return False


_MANY_NAMES = {"list": "list[{}]", "tuple": "tuple[{}, ...]", "sequence": "Sequence[{}]"}
_MAPPED_NAMES = {"dict": "dict[str, {}]", "mapping": "Mapping[str, {}]"}


def text_of(shape: Shape) -> str:
    """The shape as an annotation is written."""
    match shape:
        case Plain(kind):
            return "None" if kind is types.NoneType else kind.__name__
        case Anything():
            return "Any"
        case Choice(values):
            return f"Literal[{', '.join(map(_literal_text, values))}]"
        case OneOf(options):
            return " | ".join(map(text_of, options))
        case Enumeration(cls) | Record(cls, _) | Made(cls):
            return cls.__qualname__
        case Product(parts):
            return f"tuple[{', '.join(map(text_of, parts))}]"
        case Many(part, form):
            return _MANY_NAMES[form].format(text_of(part))
        case Mapped(part, mapped_form):
            return _MAPPED_NAMES[mapped_form].format(text_of(part))
        case Unknown(annotation, _):
            return name_of(annotation)


def _literal_text(value: object) -> str:
    return str(value) if isinstance(value, Enum) else repr(value)


def name_of(annotation: object) -> str:
    """An annotation as a person would write it."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")
