"""`flights.run(…)` and `flights.plan(…)`: the Python face, typed and without a command line."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cluster.errors import InputError, TiphysError
from tiphys.cluster.store.records import Json, StepRecord
from tiphys.workflows.api import RunOptions, RunResult, Target, plan, run
from tiphys.workflows.values import decode, encode
from tiphys.workflows.workspace import Workspace

if TYPE_CHECKING:
    from tiphys.cluster.store.port import Store
    from tiphys.workflows.authoring.pipeline import Pipeline
    from tiphys.workflows.plan_model import Plan

_LOG_LINES = 20
_LOG_COLUMNS = 500


class StepFailed(TiphysError):
    """A step of a run failed; the message holds its error, `run` names the run for `tiphys show`."""

    def __init__(self, message: str, *, run: str, exit_code: int) -> None:
        super().__init__(message, fix=f"tiphys show {run}; mend it, then tiphys rerun {run} --from-failed")
        self.run = run
        self.exit_code = exit_code


def run_object(pipeline: Pipeline[..., Any], parameters: Mapping[str, object], store: Path | None) -> Any:
    """Run a pipeline object and return its result as the declared type; artifacts have a path that can be read."""
    target, flags = _target(pipeline, parameters, store)
    result = run(target, RunOptions(flags=flags))
    if result.exit_code:
        raise _failure(result, Workspace(target.file, flags).store)
    return decoded(pipeline, result, target, flags)


def plan_object(pipeline: Pipeline[..., Any], parameters: Mapping[str, object], store: Path | None) -> Plan:
    """The plan of a pipeline object."""
    target, flags = _target(pipeline, parameters, store)
    return plan(target, RunOptions(flags=flags))


def decoded(pipeline: Pipeline[..., Any], result: RunResult, target: Target, flags: Mapping[str, object]) -> Any:
    """The result of a run as Python values; artifacts are copied below the store, so that the store stays whole."""
    from tiphys.cluster.store.records import ObjectRef

    workspace = Workspace(target.file, flags)
    place = workspace.config.store / "results" / result.run.id

    def materialize(node: Json) -> Path:
        path: Path = place / node["digest"][:16] / node["name"]
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            workspace.store.materialize(ObjectRef(node["digest"], node["kind"], node["size"]), path)
        return path

    declared = pipeline.signature.hints.get("return", type(None))  # not annotated: it returns nothing
    return decode(result.outputs, declared, materialize=materialize, root=workspace.root)


def _target(
    pipeline: Pipeline[..., Any], parameters: Mapping[str, object], store: Path | None
) -> tuple[Target, Mapping[str, object]]:
    if pipeline.module == "__main__" or not pipeline.file:
        raise InputError(
            f"pipeline {pipeline.name!r} is defined in {pipeline.file or 'a notebook'}, which runs as __main__: "
            "its steps have no module that a worker could import",
            fix=f"move it to a file of its own, then `from thatfile import {pipeline.name}` or `tiphys run FILE`",
        )
    inspect.signature(pipeline.function).bind(**parameters)
    file = Path(pipeline.file)
    from tiphys.workflows.project import find_project

    root = find_project(file).root
    encoded = {name: encode(v, where=f"parameter {name!r}", root=root) for name, v in parameters.items()}
    flags = {} if store is None else {"store": str(store)}
    return Target(file, pipeline.name, {}, encoded), flags


def _failure(result: RunResult, store: Store) -> StepFailed:
    """The errors of the failed steps, each with the end of what the step wrote."""
    failed = [r for r in result.records.values() if r.state == "failed"]
    text = "\n".join(_told(r, store.log_path(result.run.id, r.address)) for r in failed)
    return StepFailed(text or f"run {result.run.state}", run=result.run.id, exit_code=result.exit_code)


def _told(record: StepRecord, log: Path) -> str:
    text = f"{record.address} failed: {record.error or record.reason}"
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    if not lines:
        return text
    head = "It wrote:" if len(lines) <= _LOG_LINES else f"The last of {len(lines):,} lines that it wrote:"
    return "\n".join([text, head, *(f"  {line[:_LOG_COLUMNS]}" for line in lines[-_LOG_LINES:])])
