"""What `plan` answers: frozen values, shown by the command line and compared by tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tiphys.cluster.store.records import Json

Verdict = Literal["HIT", "RUN", "MAYBE", "CHECK", "SKIP"]
"""SKIP: a `when` is known to be false, or what it needs is skipped."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Resource hours that a step is expected to take: request x median duration of its last runs.

    None is unknown; then `limit` says the most it could be (`limit 2 h`, from the time-out) or `no time-out`.
    """

    cpu: float | None
    gpu: float | None
    limit: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One instance, or a whole call whose items are not known yet (`instances` None)."""

    address: str
    step: str
    verdict: Verdict
    reason: str
    instances: int | None = 1
    hours: Hours | None = None  # None for HIT
    entry: str | None = None
    writer: str = ""  # "run 20261125-…, scope user/ann" for a HIT
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one pipeline with one set of parameters, before anything is started."""

    pipeline: str
    parameters: Mapping[str, Json]
    profile: str
    steps: tuple[PlannedStep, ...]
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)  # Verdict -> instances (unknown counts as 1)
