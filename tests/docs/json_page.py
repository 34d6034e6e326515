"""The tables of `docs/json.md`: which keys each document of `--json` has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from tests.docs.documents import ROOT
from tiphys.cluster.store.records import Json

PAGE = ROOT / "docs" / "json.md"

_HEADING = re.compile(r"^#{2,3} (?P<title>.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `(?P<key>[^`]+)` \|", re.MULTILINE)


@cache
def sections() -> Mapping[str, tuple[str, ...]]:
    """Heading without its backticks -> the keys of its table, such as `run` or `steps[].address`."""
    text = PAGE.read_text("utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    return {
        heading["title"].replace("`", ""): tuple(_ROW.findall(text[heading.end() : end]))
        for heading, end in zip(headings, ends, strict=True)
    }


def documented(*titles: str) -> set[str]:
    """The keys of one or more sections together."""
    return {key for title in titles for key in sections()[title]}


def keys_of(document: Json, known: set[str], prefix: str = "") -> set[str]:
    """The keys of a document, nested ones only where `known` has some: elsewhere are names, values and counts."""
    found = set()
    for name, value in document.items():
        path = f"{prefix}{name}"
        found.add(path)
        inner = f"{path}[]." if isinstance(value, list) else f"{path}."
        if value and any(key.startswith(inner) for key in known):
            found |= keys_of(value[0] if isinstance(value, list) else value, known, inner)
    return found
