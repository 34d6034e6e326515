"""What is known of a run so far, folded from its events: counts a call, what runs now, what failed and was skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tiphys.cluster.store.records import RunRecord, StepRecord
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.text import call_of
from tiphys.workflows.run.events import Event, RunEnded, RunStarted, StepEnded, StepRetrying, StepsKnown, StepStarted

STATES = ("hit", "succeeded", "failed", "cancelled", "skipped")
"""Final states in the order in which they are told."""

WORDS: Mapping[str, str] = {
    "hit": "cached",
    "succeeded": "ran",
    "failed": "failed",
    "cancelled": "cancelled",
    "skipped": "skipped",
    "running": "running",
}
"""The word for a state in a sentence with a count."""


@dataclass(slots=True)
class Running:
    """An instance that has a worker now, or waits for its next attempt. `since` on the display's clock."""

    since: float
    attempt: int
    waits: bool = False


@dataclass(slots=True)
class CallTally:
    """One call: `known` instances so far (0: not told), final states, and what runs."""

    address: str
    known: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    since: float | None = None
    reason: str = ""  # why it runs, as its first instance says
    items: bool = False  # it stands in an `each`: there are addresses with an index

    @property
    def done(self) -> int:
        """Instances that ended."""
        return sum(self.counts.values())

    @property
    def total(self) -> int:
        """Instances that are known of, from what was told or from what was seen."""
        return max(self.known, self.done + len(self.running))

    @property
    def complete(self) -> bool:
        """Nothing of it is left to do."""
        return not self.running and self.done >= self.total

    def summary(self) -> str:
        """`5 cached, 1 failed`, without what ran as it should."""
        parts = [f"{self.counts[s]} {WORDS[s]}" for s in STATES if s != "succeeded" and self.counts.get(s)]
        return ", ".join(parts)


@dataclass(slots=True)
class Skipped:
    """Skipped instances of one call: the reason of the first one stands for all."""

    reason: str
    count: int = 0


class Tally:
    """The state of one run as its events tell it. `see` takes events in order; `now` is on the display's clock."""

    def __init__(self) -> None:
        self.run: RunRecord | None = None
        self.instances = 0
        self.calls: dict[str, CallTally] = {}
        self.counts: dict[str, int] = {}
        self.failed: list[StepRecord] = []
        self.skipped: dict[str, Skipped] = {}  # by call
        self.idle_effects: list[str] = []
        self.end: RunEnded | None = None

    @property
    def done(self) -> int:
        """Instances that ended."""
        return sum(self.counts.values())

    def call(self, address: str) -> CallTally:
        """The tally of the call that an instance belongs to."""
        name = call_of(address)
        if name not in self.calls:
            self.calls[name] = CallTally(name)
        call = self.calls[name]
        if len(name) != len(address):
            call.items = True
        return call

    def see(self, event: Event, now: float) -> None:
        """Fold one event in."""
        if isinstance(event, StepEnded):
            self._ended(event.record)
        elif isinstance(event, StepStarted):
            call = self.call(event.address)
            call.since = now if call.since is None else call.since
            call.reason = call.reason or event.reason
            known = call.running.get(event.address)
            call.running[event.address] = Running(known.since if known else now, event.attempt)
        elif isinstance(event, StepRetrying):
            running = self.call(event.address).running.setdefault(event.address, Running(now, event.attempt))
            running.waits = True
        elif isinstance(event, RunStarted):
            self.run = event.run
            self.instances = event.instances
            self._know(event.calls)
        elif isinstance(event, StepsKnown):
            self.instances += event.instances
            self._know(event.calls)
        elif isinstance(event, RunEnded):
            self.run = event.run
            self.end = event

    def _know(self, calls: Mapping[str, int]) -> None:
        for address, count in calls.items():
            self.call(address).known = count

    def _ended(self, record: StepRecord) -> None:
        call = self.call(record.address)
        call.running.pop(record.address, None)
        call.counts[record.state] = call.counts.get(record.state, 0) + 1
        self.counts[record.state] = self.counts.get(record.state, 0) + 1
        if record.state == "failed":
            self.failed.append(record)
        elif record.state == "skipped":
            self.skipped.setdefault(call.address, Skipped(record.reason)).count += 1
        elif record.reason.startswith("nothing to do"):
            self.idle_effects.append(record.address)


def counts_text(counts: Mapping[str, int], screen: Screen | None = None) -> str:
    """`12 cached, 3 ran, 1 failed`, in colours when a screen is given; `nothing to run` when there is nothing."""
    parts = [(s, f"{counts[s]:,} {WORDS[s]}") for s in (*STATES, "running") if counts.get(s)]
    shown = [screen.state(state, text) if screen else text for state, text in parts]
    return ", ".join(shown) or "nothing to run"
