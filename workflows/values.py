"""Values as JSON: what steps pass to each other, cache keys are made of and run records hold.

One value has one encoding and one encoding one value: `1`, `1.0` and `true` differ, dates, tuples, dataclasses and
artifacts are tagged objects (`{"$date": "2013-10-01"}`), every dictionary is tagged too, so that no key can be
mistaken for a tag. A dataclass is restored field by field without running its `__init__`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from tiphys.cluster.artifact import Artifact
from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Json
from tiphys.workflows.advice import advice_for
from tiphys.workflows.graph import FieldPath
from tiphys.workflows.shape_checks import mismatch
from tiphys.workflows.shapes import Shape, shape_of
from tiphys.workflows.values_decode import Decoder
from tiphys.workflows.values_parse import parse as parse


def canonical(data: Json) -> bytes:
    """The one text of an encoded value: sorted keys, no spaces, UTF-8. Lone surrogates are kept."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def encode(value: object, *, where: str, root: Path, store_artifact: Callable[[Artifact], Json] | None = None) -> Json:
    """Encode a value. `where` names it in messages, `root` is the project's: paths below it are written relative to it.

    `store_artifact` puts the files of an artifact into the store and returns its `$artifact` node; without it
    artifacts are refused. Whatever has no encoding is an `InputError` that names the part and says what to write.
    """
    return _Encoder(root, store_artifact).encode(value, where)


class _Encoder:
    def __init__(self, root: Path, store_artifact: Callable[[Artifact], Json] | None) -> None:
        self._root = root
        self._store_artifact = store_artifact

    def encode(self, value: Any, where: str) -> Json:
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
            return {"$datetime" if kind is datetime else "$date": value.isoformat()}
        if isinstance(value, list):
            return [self.encode(part, f"{where}[{i}]") for i, part in enumerate(value)]
        if isinstance(value, dict):
            return {"$dict": {_text_key(k, where): self.encode(v, f"{where}[{k!r}]") for k, v in value.items()}}
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


def decode(
    data: Json, annotation: object, *, materialize: Callable[[Json], Path], root: Path, where: str = "the value"
) -> Any:
    """The value that `data` encodes, as `annotation` declares it. Artifacts get the path from `materialize(node)`.

    Relative `$path` are below `root`. Data of another shape is an `InputError` that names the part.
    """
    return Decoder(materialize, root).decode(data, shape_of(annotation), where)


def check_result(value: object, annotation: object, *, where: str) -> None:
    """`InputError` naming the declared and the actual type when a value is not what was declared."""
    check_shape(value, shape_of(annotation), where=where)


def check_shape(value: object, shape: Shape, *, where: str) -> None:
    """`check_result` for an annotation that is worked out already."""
    wrong = mismatch(value, shape, where)
    if wrong is not None:
        raise InputError(wrong, fix=f"return what is declared, or declare what is returned; {advice_for(type(value))}")


def follow(data: Json, path: FieldPath) -> Json:
    """A part of an encoded value: fields of dataclasses and NamedTuples by name, parts of tuples by number."""
    for part in path:
        try:
            if isinstance(part, str):
                data = data["fields"][part]
            else:
                data = data[part] if isinstance(data, list) else data["$tuple"][part]
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"the recorded value has no part {part!r}: {canonical(data)[:80].decode(errors='replace')}",
                fix="it was made by other code; run the pipeline again",
            ) from error
    return data


def compose(form: str, name: str, parts: Mapping[str, Json]) -> Json:
    """The encoded value of a `Build` binding whose parts are known."""
    if form == "list":
        return list(parts.values())
    if form == "tuple":
        return {"$tuple": list(parts.values())}
    if form == "dict":
        return {"$dict": dict(parts)}
    return {f"${form}": name, "fields": dict(parts)}


def artifacts(data: Json) -> Iterator[Json]:
    """All `$artifact` nodes in an encoded value, in order."""
    todo = [data]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(reversed(node))
        elif isinstance(node, dict):
            if "$artifact" in node:
                yield node
            elif "$dict" in node:
                todo.extend(reversed(list(node["$dict"].values())))
            elif "fields" in node:
                todo.extend(reversed(list(node["fields"].values())))
            elif "$tuple" in node:
                todo.append(cast("list[Json]", node["$tuple"]))
