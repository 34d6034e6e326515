"""A run as plain lines: for pipes and files, and for a terminal while nothing but hits happens."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from tiphys.workflows.display.narration import Narration
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import Commands, summary_lines
from tiphys.workflows.display.tally import Tally
from tiphys.workflows.run.events import Event, RunEnded

Clock = Callable[[], float]
"""Seconds, monotonic."""
CommandsFor = Callable[[RunEnded], Commands]
"""How to write the next commands; asked at the end only."""


class RunDisplay(Protocol):
    """A listener of a run that must be closed, whatever happens."""

    def __enter__(self) -> RunDisplay: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, event: Event) -> None: ...


class PlainDisplay:
    """One line an event with the seconds since the start, flushed; then the summary.

    When the reader of a pipe goes away the run goes on without words: work is not lost for want of a listener.
    """

    def __init__(self, screen: Screen, commands_for: CommandsFor, clock: Clock) -> None:
        self._screen = screen
        self._commands_for = commands_for
        self._clock = clock
        self._began = clock()
        self._tally = Tally()
        self._narration = Narration(screen, self._tally)

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write([self._stamp(line) for line in self._narration.flush()])

    def __call__(self, event: Event) -> None:
        now = self._clock()
        self._tally.see(event, now)
        lines = [self._stamp(line) for line in self._narration.tell(event, now)]
        if isinstance(event, RunEnded):
            lines += summary_lines(self._screen, self._tally, event, self._commands_for(event))
        self._write(lines)

    def _stamp(self, line: str) -> str:
        return self._screen.paint(f"{self._clock() - self._began:8.1f}s", "dim") + "  " + line

    def _write(self, lines: list[str]) -> None:
        write_or_mute(self._screen, lines)


def write_or_mute(screen: Screen, lines: list[str]) -> None:
    """Write lines; from the first broken pipe on into nothing."""
    if not lines:
        return
    try:
        screen.lines(lines)
    except BrokenPipeError:
        screen.mute()
