"""What a store holds, what was found wrong in it, what may go: facts to tables and JSON (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tiphys.cluster.store.naming import text_of
from tiphys.cluster.store.records import Entry, Json
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.table import table
from tiphys.workflows.display.text import ago, bytes_text, call_of, counted, iso

if TYPE_CHECKING:
    from tiphys.cluster.store.gc import Collection, Deletion, Facts
    from tiphys.cluster.store.verify import Checked

_PLURALS = {
    "run": "runs",
    "entry": "entries",
    "object": "objects",
    "leftover": "leftovers",
    "step": "steps",
    "ref": "refs",
}
_LISTED = 10


@dataclass(slots=True)
class StepHolding:
    """What one step of one pipeline has in the store. `objects`: digest -> bytes; `newest`: seconds of the epoch."""

    pipeline: str
    step: str
    entries: int = 0
    objects: dict[str, int] = field(default_factory=dict)
    newest: float = 0.0


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a store holds; sizes in bytes on the disk."""

    steps: tuple[StepHolding, ...]
    entries: int
    objects: int
    size_bytes: int
    runs: int
    quarantined: int


def holdings_of(facts: Facts, entries_of: Callable[[str], Iterable[Entry]], runs: int) -> Holdings:
    """Group all entries by pipeline and step. An entry without an address is a built graph."""
    held: dict[tuple[str, str], StepHolding] = {}
    for name in facts.entries:
        for entry in entries_of(text_of(name) or name):
            writer = entry.writer
            step = call_of(writer.address) or "(graph)"
            holding = held.setdefault((writer.pipeline, step), StepHolding(writer.pipeline, step))
            holding.entries += 1
            holding.newest = max(holding.newest, entry.created)
            holding.objects.update({ref.digest: ref.size for ref in entry.objects})
    return Holdings(
        steps=tuple(held[key] for key in sorted(held)),
        entries=sum(len(group) for group in facts.entries.values()),
        objects=len(facts.objects),
        size_bytes=sum(item.size_bytes for item in facts.objects),
        runs=runs,
        quarantined=sum(item.name.startswith("quarantine/") for item in facts.leftovers),
    )


def holdings_lines(screen: Screen, root: str, held: Holdings, now: float) -> list[str]:
    """`tiphys store ls`."""
    rows = [
        [
            s.pipeline,
            s.step,
            f"{s.entries:,}",
            f"{len(s.objects):,}",
            bytes_text(sum(s.objects.values())),
            ago(now - s.newest),
        ]
        for s in held.steps
    ]
    headers = ("pipeline", "step", "entries", "objects", "size", "newest")
    counts = (
        f"{counted(held.entries, 'entry', 'entries')}, {counted(held.objects, 'object')}, {counted(held.runs, 'run')}"
    )
    lines = [f"store {root}", "", *table(screen, headers, rows), *([""] if rows else [])]
    lines.append(f"{counts}; {bytes_text(held.size_bytes)} of objects")
    if held.quarantined:
        lines.append(screen.paint(f"{counted(held.quarantined, 'corrupt file')} in quarantine/", "yellow"))
    return lines


def holdings_json(root: str, held: Holdings) -> Json:
    """`tiphys store ls --json`."""
    return {
        "store": root,
        "entries": held.entries,
        "objects": held.objects,
        "size_bytes": held.size_bytes,
        "runs": held.runs,
        "quarantined": held.quarantined,
        "steps": [
            {
                "pipeline": s.pipeline,
                "step": s.step,
                "entries": s.entries,
                "objects": len(s.objects),
                "size_bytes": sum(s.objects.values()),
                "newest": iso(s.newest),
            }
            for s in held.steps
        ],
    }


def verify_lines(screen: Screen, checked: Mapping[str, int], size: int, wrong: Sequence[Checked]) -> list[str]:
    """`tiphys store verify`."""
    lines = [f"{screen.state('failed', one.kind)} {one.name}: {one.problem}" for one in wrong]
    counts = ", ".join(_counted(kind, checked[kind]) for kind in _PLURALS if checked.get(kind)) or "nothing"
    return [*lines, f"checked {counts}; {bytes_text(size)} read, {counted(len(wrong), 'problem')}"]


def verify_json(checked: Mapping[str, int], size: int, wrong: Sequence[Checked]) -> Json:
    """`tiphys store verify --json`."""
    problems = [{"kind": one.kind, "name": one.name, "problem": one.problem} for one in wrong]
    return {"checked": dict(checked), "size_bytes": size, "problems": problems}


def gc_lines(screen: Screen, collection: Collection, done: Sequence[Deletion], *, deleted: bool) -> list[str]:
    """`tiphys store gc`: a row a kind, the first ones by name, and what `--yes` would free or has freed."""
    shown = done if deleted else collection.deletions
    lines: list[str] = []
    for kind in _PLURALS:
        group = [d for d in shown if d.kind == kind]
        if group:
            lines.append(f"{_counted(kind, len(group))}, {bytes_text(sum(d.item.size_bytes for d in group))}")
            lines += [f"  {_name(d)}: {d.reason}" for d in group[:_LISTED]]
            lines += [f"  … and {len(group) - _LISTED:,} more"] if len(group) > _LISTED else []
    kept = f"{counted(collection.kept_objects, 'object')} ({bytes_text(collection.kept_bytes)}) kept"
    size = bytes_text(sum(d.item.size_bytes for d in shown))
    if deleted:
        return [*lines, f"{size} freed, {kept}"]
    if not shown:
        return [f"nothing to delete, {kept}"]
    return [*lines, f"{size} would be freed, {kept}", screen.paint("nothing was deleted: --yes does it", "bold")]


def gc_json(collection: Collection, done: Sequence[Deletion], *, deleted: bool) -> Json:
    """`tiphys store gc --json`."""
    shown = done if deleted else collection.deletions
    return {
        "deleted": deleted,
        "size_bytes": sum(d.item.size_bytes for d in shown),
        "kept_objects": collection.kept_objects,
        "kept_bytes": collection.kept_bytes,
        "counts": dict(Counter(d.kind for d in shown)),
        "deletions": [
            {"kind": d.kind, "name": d.item.name, "size_bytes": d.item.size_bytes, "reason": d.reason} for d in shown
        ],
    }


def _counted(kind: str, count: int) -> str:
    return counted(count, kind, _PLURALS[kind])


def _name(deletion: Deletion) -> str:
    name = deletion.item.name
    if deletion.kind == "run":
        return name.split("/")[1]
    return deletion.item.digest[:12] or name
