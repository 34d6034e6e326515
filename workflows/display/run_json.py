"""A run as JSON lines: one object an event, the last one the summary. Its keys are frozen by a test.

Every line has `event`: `run_started`, `steps_known`, `step_started`, `log`, `step_retrying`, `step_ended`, `warned`,
and at the end `summary`. Times are ISO 8601 in UTC, durations seconds.
"""

from __future__ import annotations

from types import TracebackType

from tiphys.cluster.store.records import Json
from tiphys.workflows.display.documents import run_json, step_json
from tiphys.workflows.display.run_plain import CommandsFor
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import failures, next_command
from tiphys.workflows.display.tally import Tally
from tiphys.workflows.display.text import iso
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


class JsonDisplay:
    """A listener that writes JSON lines."""

    def __init__(self, screen: Screen, commands_for: CommandsFor) -> None:
        self._screen = screen
        self._commands_for = commands_for
        self._tally = Tally()

    def __enter__(self) -> JsonDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def __call__(self, event: Event) -> None:
        self._tally.see(event, 0.0)
        document = self._summary(event) if isinstance(event, RunEnded) else event_json(event)
        try:
            self._screen.json(document)
        except BrokenPipeError:
            self._screen.mute()

    def _summary(self, end: RunEnded) -> Json:
        following = next_command(end.run, self._commands_for(end))
        return {
            "event": "summary",
            **run_json(end.run),
            "seconds": end.seconds,
            "saved_seconds": end.saved_seconds,
            "counts": dict(end.counts),
            "outputs": end.outputs,
            "failed": [{"error": f.error, "addresses": list(f.addresses)} for f in failures(self._tally.failed)],
            "next": following or None,
        }


def event_json(event: Event) -> Json:
    """One event, but the last, as a JSON object."""
    match event:
        case RunStarted():
            return {
                "event": "run_started",
                **run_json(event.run),
                "instances": event.instances,
                "calls": dict(event.calls),
            }
        case StepsKnown(scope, instances, calls):
            return {"event": "steps_known", "scope": scope, "instances": instances, "calls": dict(calls)}
        case StepStarted(address, attempt, reason, pid, now):
            told = {"address": address, "attempt": attempt, "reason": reason, "pid": pid, "at": iso(now)}
            return {"event": "step_started", **told}
        case LogLine(address, text):
            return {"event": "log", "address": address, "text": text}
        case StepRetrying(address, attempt, error, delay):
            told = {"address": address, "attempt": attempt, "error": error, "delay_seconds": delay}
            return {"event": "step_retrying", **told}
        case StepEnded(record):
            return {"event": "step_ended", **step_json(record)}
        case Warned(text):
            return {"event": "warned", "text": text}
        case RunEnded(run):
            raise AssertionError(f"the end of run {run.id} is told as its summary")
