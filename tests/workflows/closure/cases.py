"""Tiny projects with one edit each, read from `data/*.cases`.

A case is `=== NAME | changes` (or `same`), files (`--- PATH` and the text), and the edit: `--- replace in PATH`, the
old text, `--- by`, the new text; or `--- then PATH` and the text of a file that is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HEAD = "from tiphys import step\n"

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Case:
    """`edit` is (path, old, new), or texts by path. `changes`: whether the digest must change."""

    name: str
    files: Mapping[str, str]
    edit: tuple[str, str, str] | Mapping[str, str]
    changes: bool


def load(name: str) -> list[Case]:
    """The cases of `data/NAME.cases`."""
    text = (DATA / f"{name}.cases").read_text(encoding="utf-8")
    return [_case(block) for block in ("\n" + text).split("\n=== ")[1:]]


def _case(block: str) -> Case:
    head, _, rest = block.partition("\n")
    name, _, verdict = head.partition(" | ")
    assert verdict in ("changes", "same"), head
    sections = []
    for section in ("\n" + rest).split("\n--- ")[1:]:
        title, _, text = section.partition("\n")
        sections.append((title, text.rstrip("\n")))
    files = {title: text + "\n" for title, text in sections if " " not in title and title != "by"}
    written = {title.removeprefix("then "): text + "\n" for title, text in sections if title.startswith("then ")}
    for position, (title, old) in enumerate(sections):
        if title.startswith("replace in "):
            assert sections[position + 1][0] == "by", head
            edit = (title.removeprefix("replace in "), old, sections[position + 1][1])
            return Case(name, files, edit, verdict == "changes")
    assert written, head
    return Case(name, files, written, verdict == "changes")


def step_of(body: str, top: str = "") -> dict[str, str]:
    """A `main.py` with the step `go`; `top` goes before it."""
    return {"main.py": f"{HEAD}{top}\n@step\ndef go(x: int) -> int:\n    {body}\n"}
