"""What `--json` prints: one JSON object a command. Keys are frozen by a test; times are ISO 8601 in UTC.

Encoded values (parameters, outputs) are those of `workflows.values`: JSON with tags such as `{"$date": "2013-10-01"}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tiphys.cluster.errors import TiphysError
from tiphys.cluster.store.records import Json, RunRecord, StepRecord
from tiphys.workflows.display.text import iso

if TYPE_CHECKING:
    from tiphys.workflows.plan_model import Plan, PlannedStep
    from tiphys.workflows.why import Why


def run_json(run: RunRecord) -> dict[str, Json]:
    """A run, without its steps."""
    return {
        "run": run.id,
        "pipeline": run.pipeline,
        "state": run.state,
        "exit_code": run.exit_code,
        "started": iso(run.started),
        "ended": iso(run.ended),
        "seconds": None if run.ended is None else run.ended - run.started,
        "parameters": dict(run.parameters),
        "profile": run.profile,
        "scope": run.scope,
        "parent": run.parent,
        "file": run.file,
        "root": run.root,
        "host": run.host,
        "argv": list(run.argv),
    }


def step_json(record: StepRecord) -> dict[str, Json]:
    """One instance in a run."""
    timed = record.started is not None and record.ended is not None
    return {
        "address": record.address,
        "state": record.state,
        "reason": record.reason,
        "key": record.key,
        "entry": record.entry,
        "outputs": record.outputs,
        "started": iso(record.started),
        "ended": iso(record.ended),
        "seconds": (record.ended or 0.0) - (record.started or 0.0) if timed else None,
        "saved_seconds": record.saved_seconds,
        "attempts": record.attempts,
        "error": record.error,
    }


def runs_json(runs: Sequence[tuple[RunRecord, Mapping[str, int]]]) -> Json:
    """`tiphys runs`."""
    return {"runs": [{**run_json(run), "counts": dict(counts)} for run, counts in runs]}


def show_json(run: RunRecord, records: Sequence[StepRecord], counts: Mapping[str, int], result: Json) -> Json:
    """`tiphys show`: every instance, in the order of the graph."""
    return {**run_json(run), "counts": dict(counts), "result": result, "steps": [step_json(r) for r in records]}


def plan_json(plan: Plan) -> Json:
    """`tiphys plan`. `hours`: sums of what is known; `unknown`: addresses without a known duration."""
    costs = [step for step in plan.steps if step.hours is not None]
    return {
        "pipeline": plan.pipeline,
        "parameters": dict(plan.parameters),
        "profile": plan.profile,
        "counts": dict(plan.counts),
        "hours": {
            "cpu": sum(s.hours.cpu or 0.0 for s in costs if s.hours),
            "gpu": sum(s.hours.gpu or 0.0 for s in costs if s.hours),
            "unknown": [s.address for s in costs if s.hours and (s.hours.cpu is None or s.hours.gpu is None)],
        },
        "notes": list(plan.notes),
        "steps": [planned_json(step) for step in plan.steps],
    }


def planned_json(step: PlannedStep) -> Json:
    """One step of a plan. `instances` is null while its items are not known; `hours` is null for a hit."""
    hours = step.hours
    return {
        "address": step.address,
        "step": step.step,
        "verdict": step.verdict,
        "reason": step.reason,
        "instances": step.instances,
        "hours": None if hours is None else {"cpu": hours.cpu, "gpu": hours.gpu, "limit": hours.limit},
        "entry": step.entry,
        "writer": step.writer,
        "notes": list(step.notes),
    }


def why_json(why: Why) -> Json:
    """`tiphys why`."""
    fields = ("component", "what", "before", "after", "diff")
    return {
        "run": why.run,
        "address": why.address,
        "verdict": why.verdict,
        "base": why.base,
        "sentence": why.sentence,
        "changes": [{name: getattr(change, name) for name in fields} for change in why.changes],
    }


def error_json(error: TiphysError) -> Json:
    """What stands on standard output when a command with `--json` cannot answer."""
    kind = type(error).__name__
    told = {"kind": kind, "message": error.message, "fix": error.fix, "exit_code": error.exit_code}
    return {"error": told}
