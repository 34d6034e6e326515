"""One run as its events, with the times at which they are told; and a clock that is set by hand."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence

from tests.builders import a_run
from tiphys.cluster.store.records import StepRecord
from tiphys.workflows.display.run_plain import RunDisplay
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.run.events import (
    Event,
    LogLine,
    RunEnded,
    RunStarted,
    StepEnded,
    StepRetrying,
    StepsKnown,
    StepStarted,
    Warned,
)

RUN_ID = "20261125-013642-9f3a"
_CODES = re.compile(r"\x1b\[[0-9;]*m")


class HandClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def a_record(address: str, state: str = "succeeded", **changes: object) -> StepRecord:
    """A step record; `started` and `ended` in seconds of the epoch."""
    given: dict[str, object] = {"address": address, "state": state, "reason": f"because of {address}"}
    return StepRecord(**(given | changes))  # type: ignore[arg-type]


def hit(address: str, saved: float = 1.5) -> StepEnded:
    """A hit."""
    return StepEnded(a_record(address, "hit", reason="unchanged since run r0, 2 h ago", saved_seconds=saved))


def started(address: str, attempt: int = 1, reason: str = "code changed: flights.train") -> StepStarted:
    """The start of an attempt."""
    return StepStarted(address, attempt, reason, 4711, 1000.0)


def done(address: str, seconds: float = 3.0) -> StepEnded:
    """A step that ran as it should."""
    return StepEnded(a_record(address, started=1000.0, ended=1000.0 + seconds, attempts=1))


def failed(address: str, error: str, attempts: int = 1) -> StepEnded:
    """A step that failed."""
    record = a_record(address, "failed", error=error, started=1000.0, ended=1003.0, attempts=attempts)
    return StepEnded(record)


def skipped(address: str, reason: str = "upstream failed: train") -> StepEnded:
    """A skipped step."""
    return StepEnded(a_record(address, "skipped", reason=reason))


def beginning(instances: int, calls: dict[str, int] | None = None) -> RunStarted:
    """The first event."""
    run = a_run(RUN_ID, state="running", ended=None, exit_code=None, pipeline="flights:flights")
    return RunStarted(run, instances, 0, calls or {})


def ending(state: str = "succeeded", exit_code: int = 0, **more: object) -> RunEnded:
    """The last event."""
    run = a_run(RUN_ID, state=state, exit_code=exit_code, pipeline="flights:flights")
    return RunEnded(run, **more)  # type: ignore[arg-type]


TRACEBACK = """Traceback (most recent call last):
  File "flights.py", line 40, in train
    fit(features)
ValueError: no rows of carrier 'ÜÖ'"""

FAILING: tuple[tuple[float, Event], ...] = (
    (0.0, beginning(16, {"ingest": 1, "featurize": 12, "train": 1, "evaluate": 1, "register": 1})),
    (0.0, hit("ingest", 20.0)),
    *((0.0, hit(f"featurize[{i}]", 1.0)) for i in range(11)),
    (0.1, Warned("featurize[11]: asks for 64 GB of 16 GB, runs alone")),
    (0.1, started("featurize[11]", reason="arguments changed: month 12 -> 13")),
    (0.5, LogLine("featurize[11]", "27,000 rows")),
    (0.9, done("featurize[11]", 0.8)),
    (1.0, started("train")),
    (1.2, LogLine("train", "epoch 1: 10%\repoch 1: \x1b[2K100%")),
    (3.0, StepRetrying("train", 1, TRACEBACK, 2.0)),
    (5.0, started("train", 2)),
    (8.0, failed("train", TRACEBACK, 2)),
    (8.0, skipped("evaluate")),
    (8.0, skipped("register", "upstream was skipped: evaluate")),
    (
        8.1,
        ending(
            "failed",
            1,
            counts={"hit": 12, "succeeded": 1, "failed": 1, "skipped": 2},
            seconds=8.1,
            saved_seconds=31.0,
        ),
    ),
)
"""Hits, an item that runs, a retry, a failure and what it skips."""

GROWING: tuple[tuple[float, Event], ...] = (
    (0.0, beginning(1, {"list": 1})),
    (0.0, started("list", reason="never run before")),
    (1.0, done("list", 1.0)),
    (1.0, StepsKnown("", 3, {"list": 1, "work": 3})),
    (1.0, started("work[0]", reason="never run before")),
    (1.5, hit("work[1]")),
    (2.0, done("work[0]", 1.0)),
    (2.0, started("work[2]", reason="never run before")),
    (4.0, done("work[2]", 2.0)),
    (4.0, ending(counts={"hit": 1, "succeeded": 3}, seconds=4.0, saved_seconds=1.5, outputs=[1, 2, 3])),
)
"""The list of an `each` is produced; hits come between steps that run."""


def play(events: Iterable[tuple[float, Event]], display: RunDisplay, clock: HandClock) -> None:
    """Tell a display the events at their times."""
    with display as listen:
        for offset, event in events:
            clock.now = 100.0 + offset
            listen(event)


def a_screen(*, colour: bool = False, terminal: bool = False, width: int = 80) -> tuple[Screen, io.StringIO]:
    """A screen on a text that can be read afterwards."""
    stream = io.StringIO()
    return Screen(stream, colour=colour, terminal=terminal, width=width), stream


def uncoloured(text: str) -> str:
    """The text without colours."""
    return _CODES.sub("", text)


def assert_lines(found: str | Sequence[str], expected: str) -> None:
    """Compare text line by line; `expected` may be indented as a block."""
    import textwrap

    lines = found.splitlines() if isinstance(found, str) else list(found)
    assert [line.rstrip() for line in lines] == textwrap.dedent(expected).strip("\n").splitlines()
