"""A run on a terminal: the picture of what runs now, and the lines that stay."""

from __future__ import annotations

import io
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.workflows.display.story import (
    FAILING,
    GROWING,
    HandClock,
    a_screen,
    assert_lines,
    beginning,
    done,
    ending,
    failed,
    play,
    started,
)
from tiphys.workflows.display.run_live import LiveDisplay, picture_lines
from tiphys.workflows.display.summary import Commands
from tiphys.workflows.display.tally import Tally
from tiphys.workflows.display.text import cells
from tiphys.workflows.run.events import Event


def recorded(events: tuple[tuple[float, Event], ...], *, colour: bool = True) -> str:
    """All that a console of 80 columns was told, without what erases the picture."""
    screen, stream = a_screen(colour=colour, terminal=True)
    console = Console(file=stream, record=True, width=80, force_terminal=True, no_color=not colour)
    clock = HandClock()
    play(events, LiveDisplay(screen, lambda end: Commands(), clock, console), clock)
    return console.export_text()


def picture(events: tuple[tuple[float, Event], ...], now: float, *, width: int = 80) -> list[str]:
    """The picture after these events."""
    screen, _ = a_screen(terminal=True, width=width)
    tally = Tally()
    for offset, event in events:
        tally.see(event, offset)
    return picture_lines(screen, tally, now, 0.0)


def test_the_picture_shows_what_runs_and_the_whole() -> None:
    assert picture(FAILING[:16], 0.9) == [
        "  featurize  11/12 (11 cached, 1 running)  0:00  arguments changed: month 12 -…",
        "  12 of 16 steps, 12 cached, 0:00",
    ]
    assert picture(FAILING[:18], 13.0) == [
        "  train  running  0:12  code changed: flights.train",
        "  13 of 16 steps, 12 cached, 0:13",
    ]
    assert picture(FAILING[:20], 4.0)[0].startswith("  train  waits for its next attempt  0:03  code")
    assert picture(FAILING[:21], 6.0)[0] == "  train  attempt 2  0:05  code changed: flights.train"


def test_more_calls_than_fit_are_counted() -> None:
    events = tuple((0.0, started(f"step{i}")) for i in range(15))
    lines = picture(events, 1.0)
    assert len(lines) == 14
    assert lines[-2:] == ["  … and 3 more", "  0 of 0 steps, 0:01"]


@given(st.integers(12, 100), st.text("aé日ö[", min_size=1, max_size=60))
def test_no_line_of_the_picture_reaches_the_edge(width: int, name: str) -> None:
    lines = picture(((0.0, started(f"{name}[3]")), (0.0, started(name))), 3.0, width=width)
    assert all(cells(line) < width for line in lines)


def test_the_lines_that_stay() -> None:
    screen, stream = a_screen(terminal=True)
    console = Console(file=io.StringIO(), record=True, width=80, force_terminal=True)
    clock = HandClock()
    play(FAILING, LiveDisplay(screen, lambda end: Commands(), clock, console), clock)
    before, after = stream.getvalue().split("flights:flights failed")
    assert_lines(
        before,
        """
        run 20261125-013642-9f3a of flights:flights, 16 steps
        ingest  cached: unchanged since run r0, 2 h ago
        featurize  11 of 12 cached: unchanged since run r0, 2 h ago
        warning: featurize[11]: asks for 64 GB of 16 GB, runs alone
        evaluate  skipped: upstream failed: train
        register  skipped: upstream was skipped: evaluate
        """,
    )
    assert "train | epoch 1: 100%" in console.export_text(clear=False)
    assert "next:   tiphys rerun 20261125-013642-9f3a --from-failed" in after


def test_what_runs_is_told_above_the_picture() -> None:
    text = recorded(FAILING)
    for line in (
        "featurize[11] | 27,000 rows",
        "featurize  11 cached, 1 ran in 0.80 s  arguments changed: month 12 -> 13",
        "train  attempt 1 failed, again in 2.0 s: ValueError: no rows of carrier 'ÜÖ'",
        "train  failed after 2 attempts: ValueError: no rows of carrier 'ÜÖ'",
    ):
        assert line in text
    assert "featurize[11]  done" not in text


def test_a_call_is_told_once_however_many_items_it_has() -> None:
    events = (
        (0.0, beginning(300, {"work": 300})),
        *((float(i), event) for i in range(300) for event in (started(f"work[{i}]"), done(f"work[{i}]"))),
        (300.0, ending(counts={"succeeded": 300})),
    )
    text = recorded(events)
    assert text.count("work  ") == 1
    assert "work  300 ran in 4 min 59 s" in text


def test_a_failed_item_is_told_at_once() -> None:
    events = (
        (0.0, beginning(2, {"work": 2})),
        (0.0, started("work[0]")),
        (0.0, started("work[1]")),
        (1.0, failed("work[0]", "ValueError: x")),
        (2.0, done("work[1]")),
        (2.0, ending("failed", 1)),
    )
    text = recorded(events)
    assert text.index("work[0]  failed: ValueError: x") < text.index("work  1 ran, 1 failed in 2.0 s")


def test_colours_are_kept_and_can_be_off() -> None:
    assert "\x1b[" not in recorded(GROWING, colour=False)
    screen, stream = a_screen(colour=True, terminal=True)
    clock = HandClock()
    play(GROWING, LiveDisplay(screen, lambda end: Commands(), clock), clock)
    assert "\x1b[36m1 cached\x1b[0m" in stream.getvalue()
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 1  # the cursor is back


def test_hostile_logs_move_nothing() -> None:
    from tiphys.workflows.run.events import LogLine

    events = ((0.0, started("work")), (0.0, LogLine("work", "a\x1b[2J\x1b[3A[bold]b[/bold]\x07")), (1.0, ending()))
    assert "work | a[bold]b[/bold]" in recorded(events)


def test_the_cursor_is_back_when_the_run_breaks_off() -> None:
    screen, stream = a_screen(terminal=True)
    display = LiveDisplay(screen, lambda end: Commands(), HandClock())
    display(started("work"))
    assert "\x1b[?25h" not in stream.getvalue()
    display.__exit__(RuntimeError, RuntimeError(), None)
    assert "\x1b[?25h" in stream.getvalue()


def test_nothing_but_hits_needs_no_rich() -> None:
    code = """
import io, sys
from tests.workflows.display.story import HandClock, beginning, ending, hit, play, a_screen
from tiphys.workflows.display.run_live import LiveDisplay
from tiphys.workflows.display.summary import Commands
screen, stream = a_screen(colour=True, terminal=True)
events = ((0.0, beginning(2)), (0.0, hit("a")), (0.0, hit("b")), (0.1, ending(counts={"hit": 2})))
play(events, LiveDisplay(screen, lambda end: Commands(), HandClock()), HandClock())
assert "2 cached" in stream.getvalue()
print(sorted(m for m in sys.modules if m.split(".")[0] in ("rich", "asyncio", "pyarrow", "multiprocessing")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
