"""A past run as the commands look at it: its records in the order of its graph, its counts, its result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError, PlatformError
from tiphys.cluster.store.records import Json, RunRecord, StepRecord
from tiphys.workflows.display.text import call_of

if TYPE_CHECKING:
    from tiphys.cluster.store.port import Store
    from tiphys.workflows.graph import Graph

_INDEX = re.compile(r"\[(\d+)\]")
_SHOWN = 8


def in_order(records: Iterable[StepRecord], graph: Graph | None) -> tuple[StepRecord, ...]:
    """Records by call in the order of the graph, then by item; without a graph by start."""
    found = list(records)
    if graph is None:
        return tuple(sorted(found, key=lambda r: (r.started or r.ended or 0.0, call_of(r.address), indices(r.address))))
    order = {call.address: number for number, call in enumerate(graph.calls)}
    return tuple(sorted(found, key=lambda r: (order.get(call_of(r.address), len(order)), indices(r.address))))


def indices(address: str) -> tuple[int, ...]:
    """`clean[3][2]` -> (3, 2)."""
    return tuple(int(number) for number in _INDEX.findall(address))


def counts_of(records: Iterable[StepRecord]) -> Mapping[str, int]:
    """How many instances ended in which state."""
    return dict(Counter(record.state for record in records))


def graph_or_none(store: Store, run: RunRecord) -> Graph | None:
    """The graph of a run, None when the store no longer has it."""
    from tiphys.workflows.api import graph_of

    try:
        return graph_of(store, run)
    except PlatformError:
        return None


def result_of(graph: Graph | None, records: Mapping[str, StepRecord]) -> Json:
    """The encoded result of a run, put together from its records; None when it has none."""
    if graph is None or graph.result is None:
        return None
    from tiphys.workflows.run.progress import Absent, Progress, Skip, label

    progress = Progress(graph)
    while progress.ready:
        instance = progress.ready.popleft()
        record = records.get(label(*instance))
        if record is not None and record.state in ("hit", "succeeded"):
            progress.finish(instance, "ok", record.outputs)
            continue
        resolved = progress.resolve(instance)
        progress.finish(instance, resolved.status if isinstance(resolved, Skip) else "failed")
    try:
        return progress.result()
    except Absent:
        return None


def records_at(run: RunRecord, records: Sequence[StepRecord], address: str) -> tuple[StepRecord, ...]:
    """The record at an address, or all items when it names a call under `each`. `InputError` with close matches."""
    found = tuple(r for r in records if r.address == address or call_of(r.address) == address)
    if not found:
        found = tuple(r for r in records if r.address.startswith(f"{address}["))
    if not found:
        raise unknown_address(run, [r.address for r in records], address)
    return found


def unknown_address(run: RunRecord, known: Sequence[str], address: str) -> InputError:
    """The error for an address that a run does not have."""
    from difflib import get_close_matches

    calls = list(dict.fromkeys(call_of(name) for name in known))
    close = get_close_matches(address, list(dict.fromkeys([*calls, *known])), n=3) or calls[:_SHOWN]
    fix = f"it has {', '.join(close)}" if close else f"no step of it has ended; its state is {run.state}"
    return InputError(f"run {run.id} has no step {address!r}", fix=fix)
