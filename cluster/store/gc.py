"""What a store no longer needs: the decision, from facts to a list of deletions with reasons (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

MOST = 16
"""Entries of one key that are kept."""

DAY_SECONDS = 86_400.0

Kind = Literal["run", "entry", "object", "leftover"]


@dataclass(frozen=True, slots=True)
class Item:
    """A thing in the store. `mentions`: every text of 64 hex digits in it, whatever it names; times since the epoch.

    `name`: the path below the store's root. `digest` is empty for runs and leftovers. `size_bytes`: on the disk.
    `written`: when its file was last written. `created`: when the run started, the entry was made (else `written`).
    """

    name: str
    digest: str
    size_bytes: int
    written: float
    created: float
    mentions: frozenset[str] = frozenset()
    is_open: bool = False  # a run whose writer lives


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything in a store. `entries` by key; `refs`: what refs mention; `leftovers`: of `tmp/` and `quarantine/`."""

    runs: tuple[Item, ...]
    entries: Mapping[str, tuple[Item, ...]]
    objects: tuple[Item, ...]
    leftovers: tuple[Item, ...]
    refs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to keep. `entries_seconds` None: the newest 16 of a key are kept for ever. Nothing younger than
    `grace_seconds` is deleted: somebody may be about to refer to it."""

    runs_seconds: float = 30 * DAY_SECONDS
    entries_seconds: float | None = None
    grace_seconds: float = DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing to delete and the sentence that says why."""

    kind: Kind
    item: Item
    reason: str


@dataclass(frozen=True, slots=True)
class Collection:
    """What to delete, in an order in which nothing that stays refers to what is gone. `now`: when it was decided."""

    deletions: tuple[Deletion, ...]
    kept_objects: int
    kept_bytes: int
    now: float
    grace_seconds: float

    @property
    def size_bytes(self) -> int:
        """What the deletions free."""
        return sum(deletion.item.size_bytes for deletion in self.deletions)


def plan_gc(facts: Facts, policy: Policy, now: float) -> Collection:
    """Runs past their time; entries past the 16th of a key or their time that no kept run used; objects that no kept
    run, entry, ref or kept object mentions; leftovers. Nothing within the grace time."""
    runs = _old_runs(facts, policy, now)
    gone = {deletion.item.name for deletion in runs}
    used = facts.refs.union(*(run.mentions for run in facts.runs if run.name not in gone))
    entries = list(_old_entries(facts, policy, now, used))
    gone.update(deletion.item.name for deletion in entries)
    kept = [entry for group in facts.entries.values() for entry in group if entry.name not in gone]
    young = {item.digest for item in facts.objects if not _is_old(item, policy, now)}  # an entry may be on its way
    needed = _reachable(used.union(young, *(entry.mentions for entry in kept)), facts.objects)
    objects = [
        Deletion("object", item, "no kept run, entry or ref needs it")
        for item in facts.objects
        if item.digest not in needed and _is_old(item, policy, now)
    ]
    dropped = {deletion.item.digest for deletion in objects}
    stay = [item for item in facts.objects if item.digest not in dropped]
    return Collection(
        deletions=(*runs, *entries, *objects, *_old_leftovers(facts, policy, now)),
        kept_objects=len(stay),
        kept_bytes=sum(item.size_bytes for item in stay),
        now=now,
        grace_seconds=policy.grace_seconds,
    )


def _old_runs(facts: Facts, policy: Policy, now: float) -> list[Deletion]:
    newest = max((run.created for run in facts.runs), default=now)
    return [
        Deletion("run", run, f"it started {_days(now - run.created)} ago, runs are kept {_days(policy.runs_seconds)}")
        for run in facts.runs
        if now - run.created > policy.runs_seconds
        and run.created != newest
        and not run.is_open
        and _is_old(run, policy, now)
    ]


def _old_entries(facts: Facts, policy: Policy, now: float, used: frozenset[str]) -> Iterator[Deletion]:
    for group in facts.entries.values():
        newest_first = sorted(group, key=lambda entry: (entry.created, entry.digest), reverse=True)
        for position, entry in enumerate(newest_first):
            if entry.digest in used or not _is_old(entry, policy, now):
                continue
            age = now - entry.created
            if position >= MOST:
                yield Deletion("entry", entry, f"{MOST} newer entries have the same key")
            elif policy.entries_seconds is not None and age > policy.entries_seconds:
                yield Deletion("entry", entry, f"it is {_days(age)} old and no kept run used it")


def _old_leftovers(facts: Facts, policy: Policy, now: float) -> Iterator[Deletion]:
    for item in facts.leftovers:
        if _is_old(item, policy, now):
            what = "it was found corrupt" if item.name.startswith("quarantine/") else "its writer died"
            yield Deletion("leftover", item, f"{what} {_days(now - item.written)} ago")


def _reachable(roots: Iterable[str], objects: Iterable[Item]) -> set[str]:
    """Digests of objects that the roots name, directly or through other objects."""
    by_digest = {item.digest: item for item in objects}
    found: set[str] = set()
    waiting = [digest for digest in roots if digest in by_digest]
    while waiting:
        digest = waiting.pop()
        if digest not in found:
            found.add(digest)
            waiting.extend(name for name in by_digest[digest].mentions if name in by_digest)
    return found


def _is_old(item: Item, policy: Policy, now: float) -> bool:
    return now - item.written > policy.grace_seconds


def _days(seconds: float) -> str:
    days = seconds / DAY_SECONDS
    return f"{days:.0f} d" if days >= 2 else f"{seconds / 3_600:.0f} h"
