"""The lines of a run that stay: one an event, but what never started is one line a call, however many items it has."""

from __future__ import annotations

from dataclasses import dataclass

from tiphys.cluster.store.records import StepRecord
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.tally import WORDS, Tally, counts_text
from tiphys.workflows.display.text import call_of, clean, counted, duration, headline
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

_LOG_COLUMNS = 2_000


@dataclass(slots=True)
class _Quiet:
    """Instances of one call that ended without work, held back until something else is told."""

    count: int
    first: StepRecord


class Narration:
    """Turns events into lines.

    `items` True: every executed instance of an `each` has its lines (a log file wants all); False: one line when its
    call is complete, since a live picture shows the rest. `starts`: whether the start of an attempt is told; if not,
    the line at the end says why it ran.
    """

    def __init__(self, screen: Screen, tally: Tally, *, items: bool = True, starts: bool = True) -> None:
        self._screen = screen
        self._tally = tally
        self._items = items
        self._starts = starts
        self._quiet: dict[tuple[str, str], _Quiet] = {}
        self._mixed: set[str] = set()  # calls without lines of their own so far, told when they are complete

    def tell(self, event: Event, now: float) -> list[str]:
        """The lines of an event; the tally has seen it already."""
        if isinstance(event, StepEnded) and event.record.started is None:
            return self._hold(event.record, now)
        return [*self.flush(), *self._lines(event, now)]

    def flush(self) -> list[str]:
        """The lines of what was held back."""
        if not self._quiet:
            return []
        lines = [self._quiet_line(state, quiet) for (_, state), quiet in self._quiet.items()]
        self._quiet.clear()
        return lines

    def _hold(self, record: StepRecord, now: float) -> list[str]:
        call = self._tally.call(record.address)
        if call.address in self._mixed:
            return self._completed(record.address, now)
        held = self._quiet.get((call.address, record.state))
        if held is None:
            self._quiet[(call.address, record.state)] = _Quiet(1, record)
        else:
            held.count += 1
        return []

    def _quiet_line(self, state: str, quiet: _Quiet) -> str:
        record = quiet.first
        call = self._tally.call(record.address)
        word = self._screen.state(state, WORDS[state])
        reason = self._screen.paint(reason_of(record), "dim")
        if not call.items:
            return f"{self._screen.address(record.address)}  {word}: {reason}"
        many = f"{quiet.count:,} of {call.total:,}" if call.total > quiet.count else f"{quiet.count:,}"
        return f"{self._screen.address(call.address)}  {many} {word}: {reason}"

    def _lines(self, event: Event, now: float) -> list[str]:
        screen = self._screen
        if isinstance(event, LogLine):
            return [f"{screen.address(event.address)} {screen.paint('|', 'dim')} {log_text(event.text)}"]
        if isinstance(event, StepEnded):
            return self._ended(event.record, now)
        if isinstance(event, StepStarted):
            return self._started(event)
        if isinstance(event, StepRetrying):
            again = f"attempt {event.attempt} failed, again in {duration(event.delay_seconds)}: {headline(event.error)}"
            return [f"{screen.address(event.address)}  {screen.paint(again, 'yellow')}"]
        if isinstance(event, Warned):
            return [screen.paint(f"warning: {clean(event.text)}", "yellow")]
        if isinstance(event, RunStarted):
            return [
                f"run {screen.paint(event.run.id, 'bold')} of {event.run.pipeline}, {counted(event.instances, 'step')}"
            ]
        if isinstance(event, StepsKnown):
            open_now = self._items and self._tally.done < self._tally.instances  # not when all of them were hits
            return [f"{counted(event.instances, 'more step')} known"] if open_now and event.instances else []
        assert isinstance(event, RunEnded)
        return []  # the summary says it

    def _started(self, event: StepStarted) -> list[str]:
        if not self._items and event.address != call_of(event.address):
            self._mixed.add(call_of(event.address))
        if not self._starts:  # the line at the end says why it ran
            return []
        attempt = f" attempt {event.attempt}" if event.attempt > 1 else ""
        return [f"{self._screen.address(event.address)}  started{attempt}: {self._screen.paint(event.reason, 'dim')}"]

    def _ended(self, record: StepRecord, now: float) -> list[str]:
        address = self._screen.address(record.address)
        if record.state == "failed":
            tries = f" after {record.attempts} attempts" if record.attempts > 1 else ""
            word = self._screen.state("failed", f"failed{tries}")
            line = f"{address}  {word}: {reason_of(record)}"
            return [line, *self._completed(record.address, now)]
        if record.state == "cancelled":
            return [f"{address}  {self._screen.state('cancelled')}: {record.reason}"]
        if call_of(record.address) in self._mixed:
            return self._completed(record.address, now)
        took = f" in {duration(seconds)}" if (seconds := seconds_of(record)) is not None else ""
        return [f"{address}  {self._screen.state('succeeded', 'done')}{took}{self._because(record.address)}"]

    def _completed(self, address: str, now: float) -> list[str]:
        """One line for all instances of a call, once nothing of it is open."""
        call = self._tally.call(address)
        if call.address not in self._mixed or not call.complete:
            return []
        self._mixed.discard(call.address)
        took = f" in {duration(now - call.since)}" if call.since is not None else ""
        counts = counts_text(call.counts, self._screen)
        return [f"{self._screen.address(call.address)}  {counts}{took}{self._because(address)}"]

    def _because(self, address: str) -> str:
        reason = "" if self._starts else self._tally.call(address).reason
        return f"  {self._screen.paint(reason, 'dim')}" if reason else ""


def log_text(text: str) -> str:
    """A line of a step's output; of a very long one the start, since the log has it whole."""
    if len(text) <= _LOG_COLUMNS:
        return clean(text)
    return f"{clean(text[:_LOG_COLUMNS])}… ({len(text):,} characters, whole in the log)"


def reason_of(record: StepRecord) -> str:
    """Why an instance ended as it did, in a line."""
    return headline(record.error) if record.state == "failed" and record.error else record.reason


def seconds_of(record: StepRecord) -> float | None:
    """How long an instance took, from its first start to its end; None when it never started."""
    if record.started is None or record.ended is None:
        return None
    return max(0.0, record.ended - record.started)
