"""Hit or run: the one decision of the cache, used by `plan` and at run time alike (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiphys.cluster.store.records import Entry, Json
from tiphys.workflows.graph import Settings


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry of the right key, with what was found out about it now.

    `changed`: the first observation that no longer holds ("data/x.csv changed"), "" when all hold. `broken`: the
    first object that is missing or corrupt, "" when all are intact.
    """

    entry: Entry
    changed: str = ""
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person or the run wants: forced, caching off, the time by which age is judged, the run that is redone.

    `now`: seconds since the epoch; a rerun keeps that of its run, so `clock` is the time by which ages are told (None:
    `now`). `parents`: ids of the runs whose results of `cache=False` steps are kept.
    `host`: entries that depend on an unseen subprocess or socket count on the machine that wrote them only.
    """

    now: float
    forced: bool = False
    cache: bool = True
    parents: tuple[str, ...] = ()
    host: str = ""
    clock: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """Serve this entry."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """Execute the step. `missing`: there was no entry at all for the key, so `why` has something to explain."""

    reason: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """An effect: it observes the outside world and acts only on a difference. `last`: what it gave for these inputs."""

    reason: str
    last: Entry | None = None

    def after(self, outputs: Json) -> str:
        """What to say when it has run: it had nothing to do when the same inputs gave the same result as last time."""
        if self.last is None or self.last.outputs != outputs:
            return ""
        return f"nothing to do: the same inputs and the same result as in run {self.last.writer.run}"


def decide(settings: Settings, candidates: Sequence[Candidate], wish: Wish) -> Hit | Run | Check:
    """The newest entry whose observations hold, whose age is allowed and whose objects are intact; else run."""
    if settings.effect:
        last = candidates[0].entry if candidates else None
        return Check("an effect looks at the outside world every time, and acts on a difference", last)
    if wish.forced:
        return Run("forced")
    if not wish.cache:
        return Run("the cache is off for this run (--no-cache)")
    if not candidates:
        return Run("no entry for this key", missing=True)
    refusals: list[str] = []
    for candidate in candidates:
        refusal = _refusal(settings, candidate, wish)
        if not refusal:
            return Hit(candidate.entry, _hit_reason(candidate.entry, wish.now if wish.clock is None else wish.clock))
        refusals.append(refusal)
    if not settings.cache:
        return Run("cache=False")
    return Run(refusals[0])


def _refusal(settings: Settings, candidate: Candidate, wish: Wish) -> str:
    """Why this entry may not be served, or ""."""
    entry = candidate.entry
    if not settings.cache and entry.writer.run not in wish.parents:
        return "cache=False"
    if candidate.changed:
        return candidate.changed
    age = wish.now - entry.created
    if settings.cache_for_seconds is not None and age > settings.cache_for_seconds:
        return f"the entry is {span(age)} old, cache_for={span(settings.cache_for_seconds)}"
    if entry.observed.local and entry.writer.host != wish.host:
        return f"made on {entry.writer.host}, where {entry.observed.local[0]}"
    return candidate.broken


def _hit_reason(entry: Entry, now: float) -> str:
    return f"unchanged since run {entry.writer.run}, {span(max(0.0, now - entry.created))} ago"


def span(seconds: float) -> str:
    """A duration in two units at most: `3 d 4 h`, `12 min`, `5 s`."""
    whole = round(seconds)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = []
    for size, name in units:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
