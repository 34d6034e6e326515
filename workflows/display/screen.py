"""Where text goes: a stream, how wide it is, whether it takes colour, and what to do when nobody reads any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TextIO

from tiphys.workflows.display.text import cells

if TYPE_CHECKING:
    from tiphys.cluster.store.records import Json

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "bold red": "1;31",
}
_PREFIXES = ("cyan", "magenta", "blue", "green", "yellow")
_STATES = {
    "hit": "cyan",
    "succeeded": "green",
    "failed": "bold red",
    "lost": "bold red",
    "cancelled": "yellow",
    "skipped": "dim",
    "running": "blue",
    "HIT": "cyan",
    "RUN": "green",
    "MAYBE": "yellow",
    "CHECK": "magenta",
    "SKIP": "dim",
}


class Screen:
    """Standard output of a command. `width` in columns bounds lines on a terminal only: a pipe gets whole lines."""

    def __init__(self, stream: TextIO, *, terminal: bool = False, colour: bool = False, width: int = 80) -> None:
        self.stream = stream
        self.terminal = terminal
        self.colour = colour
        self.width = width
        self._muted = False

    def paint(self, text: str, style: str) -> str:
        """The text in a style of `_CODES`, or as it is."""
        if not self.colour or not style or not text:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"

    def state(self, state: str, text: str = "") -> str:
        """The name of a state or verdict in its colour; `text` is shown in its place."""
        return self.paint(text or state, _STATES.get(state, ""))

    def address(self, address: str) -> str:
        """An address in a colour that all instances of a call share and that is the same in every run."""
        call = address.split("[", 1)[0]
        return self.paint(address, _PREFIXES[sum(call.encode()) % len(_PREFIXES)])

    def line(self, text: str = "") -> None:
        """Write one line. Raises `BrokenPipeError` when the reader has gone."""
        if not self._muted:
            self.stream.write(text + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        """Write lines and flush them."""
        for text in texts:
            self.line(text)
        self.stream.flush()

    def json(self, document: Json) -> None:
        """Write one JSON document on one line, and flush it."""
        import json

        self.line(json.dumps(document, ensure_ascii=False, allow_nan=False))
        self.stream.flush()

    def mute(self) -> None:
        """Nobody reads any more: from here on nothing is written."""
        self._muted = True
        silence(self.stream)


def silence(stream: TextIO) -> None:
    """Lead a stream whose reader has gone to nothing, so that the interpreter's last flush does not fail on it."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


def say(text: str) -> None:
    """A line for whoever asked: standard output."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A line that is not part of the answer: standard error."""
    sys.stderr.write(text + "\n")


def screen_for(
    stream: TextIO,
    environ: Mapping[str, str],
    *,
    no_colour: bool = False,
    columns: Callable[[int], int] = lambda descriptor: os.get_terminal_size(descriptor).columns,
) -> Screen:
    """The screen on a stream: a terminal or not, colour unless `NO_COLOR`, `--no-color` or a dumb terminal."""
    terminal = stream.isatty() and environ.get("TERM") != "dumb"
    colour = terminal and not no_colour and not environ.get("NO_COLOR")
    width = 80
    if terminal:
        try:
            width = int(environ.get("COLUMNS") or 0) or columns(stream.fileno()) or 80
        except (OSError, ValueError):
            width = 80
    return Screen(stream, terminal=terminal, colour=colour, width=width)


def wrap(text: str, width: int) -> list[str]:
    """Words on lines of at most `width` columns; a longer word is cut into pieces. Never empty."""
    lines = [""]
    for word in text.split():
        if lines[-1] and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += " " + word
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if lines[-1] and cells(lines[-1]) + cells(character) > width:
                lines.append("")
            lines[-1] += character
    return lines
