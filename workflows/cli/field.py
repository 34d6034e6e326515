"""A part of an encoded value, named as a person writes it: `train`, `parts[3].auc`, `scores.north` (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Json

_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_SHOWN = 10


def split_field(text: str) -> tuple[str, ...]:
    """`a.b[3]` -> ("a", "b", "3")."""
    parts: list[str] = []
    place = 0
    while place < len(text):
        match = _PART.match(text, place)
        if match is None:
            raise InputError(f"{text!r} is not a field", fix="write name, name.inner or name[3]")
        parts.append(match[1] or match[2])
        place = match.end()
    return tuple(parts)


def parts_of(value: Json) -> Mapping[str, Json]:
    """The parts of a value by name or number; none for a plain value or an artifact."""
    if isinstance(value, list):
        return {str(i): part for i, part in enumerate(value)}
    if not isinstance(value, dict):
        return {}
    if "$tuple" in value:
        return {str(i): part for i, part in enumerate(value["$tuple"])}
    if "$dict" in value:
        return dict(value["$dict"])
    return dict(value.get("fields", {}))


def select(value: Json, text: str, *, where: str) -> Json:
    """The part that `text` names. `InputError` with the parts that there are; `where` names the whole in it."""
    for part in split_field(text):
        parts = parts_of(value)
        if part not in parts:
            raise _unknown(where, part, parts)
        where, value = f"{where}.{part}", parts[part]
    return value


def _unknown(where: str, part: str, parts: Mapping[str, Json]) -> InputError:
    if not parts:
        return InputError(f"{where} is one value and has no field {part!r}", fix="leave the field out")
    known = list(parts)
    close = get_close_matches(part, known, n=1)
    listed = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    return InputError(
        f"{where} has no field {part!r}", fix=f"did you mean {close[0]}?" if close else f"it has {listed}"
    )
