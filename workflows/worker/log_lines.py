"""Bytes of a step's output as lines, with the values of secrets hidden (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable

HIDDEN = "***"
_LONGEST_LINE = 1 << 20


class Redactor:
    """Replaces the values of secrets, also as `repr` and JSON write them, and line by line when they span lines."""

    def __init__(self, values: Iterable[str]) -> None:
        spellings: set[str] = set()
        for value in values:
            spellings |= {value, repr(value)[1:-1], json.dumps(value)[1:-1], *value.splitlines()}
        spellings = {s for s in spellings if s.strip()}
        longest_first = sorted(spellings, key=lambda s: (-len(s), s))
        self._texts = tuple(longest_first)
        self._bytes = tuple(s.encode("utf-8", "surrogateescape") for s in longest_first)
        self.overlap = max((len(b) for b in self._bytes), default=1) - 1

    def text(self, text: str) -> str:
        """`text` without any of the values."""
        for spelling in self._texts:
            text = text.replace(spelling, HIDDEN)
        return text

    def data(self, data: bytes) -> bytes:
        """`data` without any of the values."""
        for spelling in self._bytes:
            data = data.replace(spelling, HIDDEN.encode())
        return data


class LineReader:
    """Cuts a stream into lines. A line longer than 1 MiB comes in pieces; of a progress bar that rewrites its line

    (`\\r`), the last state is kept."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            # A secret may be cut by the end of what came so far: hide whole ones first, keep enough for a begun one.
            hidden = self._redactor.data(self._rest)
            keep = len(hidden) - self._redactor.overlap
            lines.append(hidden[:keep])
            self._rest = hidden[keep:]
        return [self._line(line) for line in lines]

    def end(self) -> list[str]:
        """The last line when it has no end."""
        rest, self._rest = self._rest, b""
        return [self._line(rest)] if rest else []

    def _line(self, line: bytes) -> str:
        text = self._redactor.data(line).decode("utf-8", "replace")
        return text.rstrip("\r").rpartition("\r")[2]
