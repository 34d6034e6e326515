"""What happens during a run, told to whoever shows it (terminal, plain lines, JSON). The engine never prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tiphys.cluster.store.records import Json, RunRecord, StepRecord


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The graph is built and hits are decided. `instances`: calls times items as far as known now.

    `calls`: how many of them each call has, by its address (`featurize` -> 12).
    """

    run: RunRecord
    instances: int
    hits: int
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepsKnown:
    """An `each` over a produced list has its items: so many more instances are known; `calls`: all of each call now."""

    scope: str
    instances: int
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A worker process has begun (`pid`), for the given attempt (from 1), for `reason`."""

    address: str
    attempt: int
    reason: str
    pid: int
    now: float


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a step wrote to its standard output or error."""

    address: str
    text: str


@dataclass(frozen=True, slots=True)
class StepRetrying:
    """An attempt failed and another one begins after `delay_seconds`."""

    address: str
    attempt: int
    error: str
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class StepEnded:
    """The final record of one instance: hit, succeeded, failed, skipped or cancelled."""

    record: StepRecord


@dataclass(frozen=True, slots=True)
class Warned:
    """Something to tell that stops nothing (runs alone because it asks for more memory than there is, …)."""

    text: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The end. `saved_seconds`: durations of the hits. `outputs`: the encoded result of the pipeline, if any."""

    run: RunRecord
    counts: dict[str, int] = field(default_factory=dict)  # StepState -> number of instances
    seconds: float = 0.0
    saved_seconds: float = 0.0
    outputs: Json = None


Event: TypeAlias = RunStarted | StepsKnown | StepStarted | LogLine | StepRetrying | StepEnded | Warned | RunEnded
Listener: TypeAlias = Callable[[Event], None]
