"""A plan as a table: one line a call, verdict and reason, however many items it has (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.table import table
from tiphys.workflows.display.text import amount_of_hours, call_of, counted, hours_text, value_text, without_age
from tiphys.workflows.plan_model import Hours, Plan, PlannedStep

VERDICTS = ("HIT", "RUN", "MAYBE", "CHECK", "SKIP")
_REASONS = 3  # reasons of one call and verdict that get lines of their own


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One line: steps of one call with one verdict. `count` None: its items are not known yet."""

    address: str
    verdict: str
    count: int | None
    of: int
    items: bool
    reason: str
    hours: Hours | None


def plan_rows(steps: Iterable[PlannedStep]) -> tuple[PlanRow, ...]:
    """Steps grouped by call, verdict and reason; many reasons of one call and verdict become one line."""
    grouped: dict[str, dict[str, dict[str, list[PlannedStep]]]] = {}
    for step in steps:
        reasons = grouped.setdefault(call_of(step.address), {}).setdefault(step.verdict, {})
        reasons.setdefault(without_age(step.reason), []).append(step)
    rows: list[PlanRow] = []
    for call, verdicts in grouped.items():
        total = sum(len(group) for reasons in verdicts.values() for group in reasons.values())
        for verdict, reasons in verdicts.items():
            rows += _rows_of(call, verdict, reasons, total)
    return tuple(rows)


def _rows_of(call: str, verdict: str, reasons: dict[str, list[PlannedStep]], total: int) -> list[PlanRow]:
    if len(reasons) <= _REASONS:
        return [_row(call, verdict, group, total, group[0].reason) for group in reasons.values()]
    together = [step for group in reasons.values() for step in group]
    return [_row(call, verdict, together, total, f"{together[0].reason} (and {len(reasons) - 1:,} other reasons)")]


def _row(call: str, verdict: str, group: Sequence[PlannedStep], total: int, reason: str) -> PlanRow:
    known = None if any(step.instances is None for step in group) else len(group)
    items = any(step.address != call for step in group)
    address = group[0].address if len(group) == 1 else call
    return PlanRow(address, verdict, known, total, items, reason, sum_hours(group))


def sum_hours(steps: Iterable[PlannedStep]) -> Hours | None:
    """Hours of several steps; one that is unknown makes the sum unknown. None when there is nothing to spend."""
    costs = [step.hours for step in steps if step.hours is not None]
    if not costs:
        return None
    cpu = None if any(h.cpu is None for h in costs) else sum(h.cpu or 0.0 for h in costs)
    gpu = None if any(h.gpu is None for h in costs) else sum(h.gpu or 0.0 for h in costs)
    limits = {h.limit for h in costs if h.limit}
    limit = limits.pop() if len(limits) == 1 else ", ".join(sorted(limits))
    return Hours(cpu, gpu, f"{limit} each" if limit.startswith("limit") and len(costs) > 1 else limit)


def plan_lines(screen: Screen, plan: Plan) -> list[str]:
    """The whole plan as it is shown."""
    lines = [f"{screen.paint(plan.pipeline, 'bold')}, profile {plan.profile}"]
    lines += [f"  {name} = {value_text(value)}" for name, value in plan.parameters.items()]
    cells = [
        [row.address, _count(row), row.verdict, hours_text(row.hours), row.reason] for row in plan_rows(plan.steps)
    ]
    lines += ["", *table(screen, ("address", "items", "verdict", "hours", "reason"), cells, state=2), ""]
    notes = dict.fromkeys([*plan.notes, *(note for step in plan.steps for note in step.notes)])
    lines += [f"note: {note}" for note in notes]
    return [*lines, total_line(screen, plan)]


def total_line(screen: Screen, plan: Plan) -> str:
    """`plan: 12 HIT, 3 RUN; 0.4 CPU h and 2 steps of unknown length`."""
    counts = [screen.state(v, f"{plan.counts[v]:,} {v}") for v in VERDICTS if plan.counts.get(v)]
    costs = [step.hours for step in plan.steps if step.hours is not None]
    parts = []
    if cpu := sum(h.cpu or 0.0 for h in costs):
        parts.append(amount_of_hours(cpu, "CPU"))
    if gpu := sum(h.gpu or 0.0 for h in costs):
        parts.append(amount_of_hours(gpu, "GPU"))
    if unknown := sum(h.cpu is None or h.gpu is None for h in costs):
        parts.append(f"{counted(unknown, 'step')} of unknown length")
    spending = " and ".join([part for part in (", ".join(parts[:-1]), *parts[-1:]) if part]) or "nothing to spend"
    return "plan: " + (", ".join(counts) or "no steps") + f"; {spending}"


def _count(row: PlanRow) -> str:
    if row.count is None:
        return "?"
    if not row.items:
        return ""
    return f"{row.count:,}" if row.count == row.of else f"{row.count:,} of {row.of:,}"
