"""The answer of `tiphys why` as a tree: the base, each difference below it, small diffs below those (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.text import clean

if TYPE_CHECKING:
    from tiphys.workflows.difference import Change
    from tiphys.workflows.why import Why

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def why_lines(screen: Screen, why: Why) -> list[str]:
    """The sentence first, then the tree."""
    lines = [
        f"{screen.address(why.address)} in run {why.run}: {screen.state(why.verdict)}",
        f"  {why.sentence}",
    ]
    if not why.base:
        return lines
    lines.append(f"compared with {why.base}")
    for number, change in enumerate(why.changes, start=1):
        last = number == len(why.changes)
        lines.append(f"{'└─' if last else '├─'} {_change(screen, change)}")
        stem = "   " if last else "│  "
        lines += [f"{stem}  {_diff(screen, line)}" for line in change.diff.splitlines()]
    return lines


def _change(screen: Screen, change: Change) -> str:
    named = " ".join(part for part in (screen.paint(change.component, "bold"), change.what) if part)
    if change.component == "code":
        return f"{named}: {change.after}" if change.after == "edited" else named
    return f"{named}: {change.before} -> {change.after}"


def _diff(screen: Screen, line: str) -> str:
    text = clean(line)
    return screen.paint(text, _DIFF_STYLES.get(text[:1], "dim"))
