"""Tables of text. The last column holds sentences: it is wrapped on a terminal and never cut."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.workflows.display.screen import Screen, wrap
from tiphys.workflows.display.text import cells, cut

_GAP = 2
_SENTENCE = 24  # columns below which the last column moves to a line of its own
_NARROWEST = 8


def table(
    screen: Screen, headers: Sequence[str], rows: Sequence[Sequence[str]], *, state: int | None = None
) -> list[str]:
    """Lines of a table with aligned columns. Column `state` holds states or verdicts and is coloured."""
    if not rows:
        return []
    texts = [list(headers), *(list(row) for row in rows)]
    widths = [max(cells(row[i]) for row in texts) for i in range(len(headers) - 1)]
    room = _room(screen, widths)
    lines: list[str] = []
    for number, row in enumerate(texts):
        painted = [
            _cell(screen, text, width, number, i == state)
            for i, (text, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines += _row(screen, painted, row[-1], widths, room, bold=number == 0)
    return lines


def _room(screen: Screen, widths: list[int]) -> int:
    """Columns for the last cell, 0 when it needs lines of its own; shrinks the widest columns of a narrow terminal."""
    if not screen.terminal:
        return 1_000_000
    while sum(widths) + _GAP * len(widths) > screen.width and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    room = screen.width - sum(widths) - _GAP * len(widths)
    return room if room >= _SENTENCE else 0


def _cell(screen: Screen, text: str, width: int, number: int, is_state: bool) -> str:
    shown = cut(text, width)
    padding = " " * (width - cells(shown))
    if number == 0:
        return screen.paint(shown, "bold") + padding
    return (screen.state(text, shown) if is_state else shown) + padding


def _row(screen: Screen, painted: list[str], last: str, widths: list[int], room: int, *, bold: bool) -> list[str]:
    gap = " " * _GAP
    if room:
        pieces = wrap(last, room) if screen.terminal else [last]
        indent = " " * (sum(widths) + _GAP * len(widths))
    else:
        pieces = ["", *(wrap(last, max(_NARROWEST, screen.width - 4)) if last else [])]
        indent = " " * 4
    style = "bold" if bold else ""
    first = gap.join([*painted, screen.paint(pieces[0], style)]).rstrip()
    return [first, *(indent + screen.paint(piece, style) for piece in pieces[1:])]
