"""Encoding of values: what a step returns, or a pipeline passes, as JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cluster.artifact import Artifact
from tiphys.cluster.errors import InputError
from tiphys.workflows.advice import advice_for
from tiphys.workflows.values import ordered

if TYPE_CHECKING:
    from tiphys.cluster.store.records import Json


class Encoder:
    """Encodes values of the project at `root`. `store_artifact` gives the `$artifact` node, None refuses artifacts."""

    def __init__(self, root: Path, store_artifact: Callable[[Artifact], Json] | None) -> None:
        self._root = root
        self._store_artifact = store_artifact

    def encode(self, value: Any, where: str) -> Json:
        """The value as JSON. `InputError` that names the part (from `where` on) which has no encoding."""
        kind = type(value)
        if value is None or kind is str or kind is int or kind is bool:
            return value
        if isinstance(value, Enum):
            return _encode_enum(value, where)
        if isinstance(value, float):
            return _encode_float(float(value))
        if isinstance(value, int | str):  # subclasses, such as numpy's str: the plain value is what is kept
            return int(value) if isinstance(value, int) else str(value)
        if kind is datetime or kind is date:
            fold = {"fold": 1} if getattr(value, "fold", 0) else {}
            return {"$datetime" if kind is datetime else "$date": value.isoformat()} | fold
        if isinstance(value, list):
            return [self.encode(part, f"{where}[{i}]") for i, part in enumerate(value)]
        if isinstance(value, dict):
            return ordered({_text_key(k, where): self.encode(v, f"{where}[{k!r}]") for k, v in value.items()})
        return self._encode_object(value, where)

    def _encode_object(self, value: Any, where: str) -> Json:
        if isinstance(value, tuple):
            return self._encode_tuple(value, where)
        if isinstance(value, Path):
            return {"$path": _relative(value, self._root)}
        if isinstance(value, Artifact):
            return self._encode_artifact(value, where)
        if is_dataclass(value) and not isinstance(value, type):
            _refuse_extra(value, where)
            parts = {f.name: self._field(value, f.name, where) for f in fields(value)}
            return {"$data": type(value).__qualname__, "fields": parts}
        raise _unserialisable(value, where)

    def _field(self, value: Any, name: str, where: str) -> Json:
        if not hasattr(value, name):
            raise InputError(f"{where}.{name} was never set", fix="give the field a value before it is returned")
        return self.encode(getattr(value, name), f"{where}.{name}")

    def _encode_tuple(self, value: tuple[Any, ...], where: str) -> Json:
        names: tuple[str, ...] | None = getattr(value, "_fields", None)
        if names is None:
            return {"$tuple": [self.encode(part, f"{where}[{i}]") for i, part in enumerate(value)]}
        parts = {n: self.encode(part, f"{where}.{n}") for n, part in zip(names, value, strict=True)}
        return {"$named": type(value).__qualname__, "fields": parts}

    def _encode_artifact(self, value: Artifact, where: str) -> Json:
        if self._store_artifact is None:
            raise InputError(
                f"{where} is the artifact {value!r}, which no step has made",
                fix="pass the path as a `Path` (the file's content then counts), or return the artifact from a step",
            )
        for name in vars(value):
            if name not in ("_path", "_origin") and not isinstance(getattr(type(value), name, None), cached_property):
                raise InputError(
                    f"{where} has the attribute {name!r}, which is not in the file",
                    fix="return a dataclass that holds the artifact and the value",
                )
        return self._store_artifact(value)


def _encode_float(value: float) -> Json:
    if math.isfinite(value):
        return value
    return {"$float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}


def _encode_enum(value: Enum, where: str) -> Json:
    if value.name is None or value.name not in type(value).__members__:
        raise InputError(
            f"{where} is {value!r}, a combination without a name", fix="use single members, or a list of them"
        )
    return {"$enum": type(value).__qualname__, "name": value.name}


def _text_key(key: object, where: str) -> str:
    if type(key) is not str:
        raise InputError(
            f"{where} has the key {key!r} of type {type(key).__qualname__}", fix="use str for the keys of dictionaries"
        )
    return key


def _relative(path: Path, root: Path) -> str:
    """POSIX text: below the root relative to it, elsewhere as it is (relative paths are below the root)."""
    if not path.is_absolute():
        return path.as_posix()
    full = os.path.normpath(path)
    inside = os.path.relpath(full, root)
    return full if inside.startswith("..") else Path(inside).as_posix()


def _refuse_extra(value: Any, where: str) -> None:
    """Attributes that are no fields would be lost in silence."""
    known = {f.name for f in fields(value)}
    for name in getattr(value, "__dict__", ()):
        if name not in known and not isinstance(getattr(type(value), name, None), cached_property):
            raise InputError(
                f"{where} has the attribute {name!r}, which is not a field of {type(value).__qualname__}",
                fix="declare it as a field, or compute it in a property",
            )


def _unserialisable(value: object, where: str) -> InputError:
    kind = type(value)
    return InputError(
        f"{where} is a {kind.__module__}.{kind.__qualname__}, which has no encoding", fix=advice_for(kind)
    )
