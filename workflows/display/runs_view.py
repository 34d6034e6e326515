"""Past runs as tables: `tiphys runs` and `tiphys show` (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tiphys.cluster.store.records import Json, RunRecord, StepRecord
from tiphys.workflows.display.narration import reason_of, seconds_of
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import short_value
from tiphys.workflows.display.table import table
from tiphys.workflows.display.tally import counts_text
from tiphys.workflows.display.text import ago, call_of, duration, local_time, value_text, without_age

_REASONS = 3


def runs_lines(screen: Screen, runs: Sequence[tuple[RunRecord, Mapping[str, int]]], now: float) -> list[str]:
    """One line a run, newest first."""
    rows = []
    for run, counts in runs:
        took = duration(run.ended - run.started) if run.ended is not None else ""
        rows.append([run.id, run.pipeline, run.state, ago(now - run.started), took, counts_text(counts)])
    return table(screen, ("run", "pipeline", "state", "started", "took", "steps"), rows, state=2)


def show_lines(
    screen: Screen, run: RunRecord, records: Sequence[StepRecord], counts: Mapping[str, int], result: Json
) -> list[str]:
    """One run: what it was asked for, a table of its steps in the order of the graph, and what it returned."""
    took = f" in {duration(run.ended - run.started)}" if run.ended is not None else ""
    lines = [
        f"run {screen.paint(run.id, 'bold')} of {run.pipeline} ({run.file}): {screen.state(run.state)}{took}",
        f"  started {local_time(run.started)} on {run.host}, profile {run.profile}, scope {run.scope}",
    ]
    if run.parent:
        lines.append(f"  reruns {run.parent}")
    if run.exit_code is not None:
        lines.append(f"  exit code {run.exit_code}")
    lines += [f"  {name} = {value_text(value)}" for name, value in run.parameters.items()]
    rows = show_rows(records)
    if rows:
        lines += ["", *table(screen, ("address", "items", "state", "took", "reason"), rows, state=2)]
    lines += ["", counts_text(counts, screen)]
    if result is not None:
        lines.append(f"result: {short_value(result)}")
    return lines


def show_rows(records: Iterable[StepRecord]) -> list[list[str]]:
    """Cells of the table of `show`: instances of one call with the same end and reason share a line."""
    grouped: dict[tuple[str, str], dict[str, list[StepRecord]]] = {}
    for record in records:
        reasons = grouped.setdefault((call_of(record.address), record.state), {})
        reasons.setdefault(without_age(reason_of(record)), []).append(record)
    rows = []
    for (call, state), reasons in grouped.items():
        if len(reasons) <= _REASONS:
            rows += [_row(call, state, group, reason_of(group[0])) for group in reasons.values()]
            continue
        together = [record for group in reasons.values() for record in group]
        rows.append(_row(call, state, together, f"{reason_of(together[0])} (and {len(reasons) - 1:,} other reasons)"))
    return rows


def _row(call: str, state: str, group: Sequence[StepRecord], reason: str) -> list[str]:
    items = any(record.address != call for record in group)
    address = group[0].address if len(group) == 1 else call
    times = [seconds for record in group if (seconds := seconds_of(record)) is not None]
    took = duration(sum(times)) if times else ""
    return [address, f"{len(group):,}" if items and len(group) > 1 else "", state, took, reason]
