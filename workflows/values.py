"""Values as JSON: what steps pass to each other, cache keys are made of and run records hold.

One value has one encoding and one encoding one value: `1`, `1.0` and `true` differ, dates, tuples, dataclasses and
artifacts are tagged objects (`{"$date": "2013-10-01"}`), every dictionary is tagged too, so that no key can be
mistaken for a tag. A dataclass is restored field by field without running its `__init__`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from tiphys.cluster.errors import InputError
from tiphys.workflows.graph import FieldPath

if TYPE_CHECKING:
    from pathlib import Path

    from tiphys.cluster.artifact import Artifact
    from tiphys.cluster.store.records import Json

# Who follows, composes and writes encoded values, a run of hits for example, needs neither the coders nor what they
# import: those are loaded by the functions that use them.


def canonical(data: Json) -> bytes:
    """The one text of an encoded value: sorted keys, no spaces, UTF-8. Lone surrogates are kept."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def encode(value: object, *, where: str, root: Path, store_artifact: Callable[[Artifact], Json] | None = None) -> Json:
    """Encode a value. `where` names it in messages, `root` is the project's: paths below it are written relative to it.

    `store_artifact` puts the files of an artifact into the store and returns its `$artifact` node; without it
    artifacts are refused. Whatever has no encoding is an `InputError` that names the part and says what to write.
    """
    from tiphys.workflows.values_encode import Encoder

    return Encoder(root, store_artifact).encode(value, where)


def ordered(parts: dict[str, Json]) -> Json:
    """A `$dict`. Python's dictionaries have an order that code can see; it is kept when it is not that of the keys."""
    node: dict[str, Json] = {"$dict": parts}
    if list(parts) != sorted(parts):
        node["order"] = list(parts)
    return node


def decode(
    data: Json, annotation: object, *, materialize: Callable[[Json], Path], root: Path, where: str = "the value"
) -> Any:
    """The value that `data` encodes, as `annotation` declares it. Artifacts get the path from `materialize(node)`.

    Relative `$path` are below `root`. Data of another shape is an `InputError` that names the part.
    """
    from tiphys.workflows.shapes import shape_of
    from tiphys.workflows.values_decode import Decoder

    return Decoder(materialize, root).decode(data, shape_of(annotation), where)


def check_result(value: object, annotation: object, *, where: str) -> None:
    """`InputError` naming the declared and the actual type when a value is not what was declared."""
    from tiphys.workflows.advice import ALLOWED, advice_for
    from tiphys.workflows.shape_checks import mismatch
    from tiphys.workflows.shapes import shape_of

    wrong = mismatch(value, shape_of(annotation), where)
    if wrong is not None:
        advice = advice_for(type(value))
        more = "" if advice == ALLOWED else f"; {advice}"
        raise InputError(wrong, fix=f"return what is declared, or declare what is returned{more}")


def parse(text: str, annotation: object, *, name: str) -> Any:
    """The value that `text` means for the parameter `name` of this annotation; `InputError` when it fits none."""
    from tiphys.workflows.values_parse import parse as parse_text

    return parse_text(text, annotation, name=name)


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
        return ordered(dict(parts))
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
