"""A run on a terminal: lines that stay above a small live picture of what runs now.

The picture, and with it `rich`, appears with the first step that is started: a run of nothing but hits is plain text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from tiphys.workflows.display.narration import Narration
from tiphys.workflows.display.run_plain import Clock, CommandsFor, write_or_mute
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import summary_lines
from tiphys.workflows.display.tally import CallTally, Tally
from tiphys.workflows.display.text import cells, clock, cut
from tiphys.workflows.run.events import Event, RunEnded, StepStarted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

_ROWS = 12
_REASON = 16  # columns below which a reason is not worth its place
_REFRESH_PER_SECOND = 8


class LiveDisplay:
    """A listener that shows a run on a terminal. `console` is for tests; by default it is made when it is needed."""

    def __init__(self, screen: Screen, commands_for: CommandsFor, clock: Clock, console: Console | None = None) -> None:
        self._screen = screen
        self._commands_for = commands_for
        self._clock = clock
        self._console = console
        self._began = clock()
        self._tally = Tally()
        self._narration = Narration(screen, self._tally, items=False, starts=False)
        self._live: Live | None = None
        self._lock = threading.Lock()  # the picture is drawn by a thread of rich's

    def __enter__(self) -> LiveDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        write_or_mute(self._screen, self._narration.flush())

    def __call__(self, event: Event) -> None:
        now = self._clock()
        with self._lock:
            self._tally.see(event, now)
            lines = self._narration.tell(event, now)
        if isinstance(event, StepStarted) and self._live is None:
            self._start()
        if isinstance(event, RunEnded):
            self._stop()
            lines += summary_lines(self._screen, self._tally, event, self._commands_for(event))
        self._write(lines)

    def _start(self) -> None:
        from rich.console import Console  # 60 ms: only when something runs
        from rich.live import Live

        if self._console is None:
            self._console = Console(
                file=self._screen.stream,
                force_terminal=True,
                no_color=not self._screen.colour,
                width=self._screen.width,
                highlight=False,
            )
        self._live = Live(
            _Picture(self.picture),
            console=self._console,
            refresh_per_second=_REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _write(self, lines: list[str]) -> None:
        if self._live is None or self._console is None:
            write_or_mute(self._screen, lines)
            return
        from rich.text import Text

        for line in lines:
            self._console.print(Text.from_ansi(line), soft_wrap=True, highlight=False)

    def picture(self) -> Text:
        """What runs now, one line a call, and a last line for the whole run."""
        from rich.text import Text

        with self._lock:
            lines = picture_lines(self._screen, self._tally, self._clock(), self._began)
        return Text.from_ansi("\n".join(lines), no_wrap=True, overflow="crop")


class _Picture:
    """Asked anew whenever rich draws, also when a line is printed above: the picture is never older than the line."""

    def __init__(self, draw: Callable[[], Text]) -> None:
        self._draw = draw

    def __rich__(self) -> Text:
        return self._draw()


def picture_lines(screen: Screen, tally: Tally, now: float, began: float) -> list[str]:
    """The lines of the live picture, none wider than the screen."""
    busy = [call for call in tally.calls.values() if call.running]
    texts = [call_text(call, now) for call in busy[:_ROWS]]
    width = screen.width - 1  # the last column of a terminal wraps
    lines = [_line(screen, call, text, width) for call, text in zip(busy, texts, strict=False)]
    if len(busy) > _ROWS:
        lines.append(cut(f"  … and {len(busy) - _ROWS} more", width))
    total = max(tally.instances, tally.done)
    cached = tally.counts.get("hit", 0)
    parts = [f"{tally.done} of {total} steps", f"{cached} cached" if cached else "", clock(now - began)]
    return [*lines, screen.paint(cut("  " + ", ".join(p for p in parts if p), width), "bold")]


def call_text(call: CallTally, now: float) -> str:
    """What is said behind an address: `7/12 (5 cached, 2 running)  0:08`, `attempt 2  0:12`."""
    if call.items:
        waiting = f"{len(call.running)} running"
        inner = ", ".join(part for part in (call.summary(), waiting) if part)
        return f"{call.done}/{call.total} ({inner})  {clock(now - (call.since or now))}"
    running = next(iter(call.running.values()))
    attempt = f"attempt {running.attempt}" if running.attempt > 1 else "running"
    return f"{'waits for its next attempt' if running.waits else attempt}  {clock(now - running.since)}"


def _line(screen: Screen, call: CallTally, text: str, width: int) -> str:
    room = max(min(8, width - 4), width - cells(text) - 4)
    address = cut(call.address, room)
    text = cut(text, max(0, width - cells(address) - 4))
    left = width - cells(address) - cells(text) - 6
    reason = "  " + screen.paint(cut(call.reason, left), "dim") if call.reason and left >= _REASON else ""
    return f"  {screen.address(address)}  {text}{reason}"
