"""What the command line and the Python face call: run, plan, rerun, spin, why. Composes; decides nothing itself.

Imports of the working parts are inside the functions: `tiphys --help` and `tiphys runs` need none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.cluster.store.records import Json, RunRecord, StepRecord

if TYPE_CHECKING:
    from tiphys.cluster.store.port import Store
    from tiphys.workflows.authoring.pipeline import Pipeline
    from tiphys.workflows.graph import Graph
    from tiphys.workflows.plan_model import Plan
    from tiphys.workflows.run.events import Event, Listener
    from tiphys.workflows.settings import Config
    from tiphys.workflows.why import Why


@dataclass(frozen=True, slots=True)
class Target:
    """A pipeline in a file, and its parameters: text from the command line, or encoded values.

    `pipeline` None: the only one in the file. `parameters`: name -> text as typed by the user (parsed by annotation);
    `encoded`: name -> encoded value (`values.encode`), as a run record or the Python face has them.
    """

    file: Path
    pipeline: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    encoded: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run or plan. `flags`: settings given on the command line (`store`, `profile`, `parallel`, …), by name.

    `force`: addresses that run even if they would hit. `cache` False: look nothing up. `until`: these addresses and
    what they need. `only`: these addresses alone, everything that they need must be a hit.
    """

    force: tuple[str, ...] = ()
    cache: bool = True
    only: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    allow_drift: bool = False
    flags: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run: `exit_code` as in `tiphys run`, a record an instance, the encoded result of the pipeline."""

    run: RunRecord
    exit_code: int
    records: Mapping[str, StepRecord]
    outputs: Json = None


def ignore(event: Event) -> None:
    """A listener that shows nothing."""


def run(target: Target, options: RunOptions, listen: Listener = ignore) -> RunResult:
    """Run a pipeline on this machine. Raises `InputError` or `PlatformError`; a failed step is a result."""
    from tiphys.workflows.run.session import run_target

    return run_target(target, options, listen)


def plan(target: Target, options: RunOptions) -> Plan:
    """What `run` would do now, and why, without starting anything."""
    from tiphys.workflows.planning import plan_target

    return plan_target(target, options)


def rerun(
    run_id: str,
    *,
    from_failed: bool = False,
    parameters: Mapping[str, str] | None = None,
    options: RunOptions,
    listen: Listener = ignore,
) -> RunResult:
    """Run a past run again: its parameters, its frozen time, its results of `cache=False` steps, today's code."""
    from tiphys.workflows.run.session import rerun_past

    return rerun_past(run_id, from_failed, parameters or {}, options, listen)


def spin(run_id: str, address: str, options: RunOptions, listen: Listener = ignore) -> RunResult:
    """Run one instance on the inputs it had in a past run, with today's code."""
    from tiphys.workflows.run.session import spin_past

    return spin_past(run_id, address, options, listen)


def why(run_id: str, address: str, options: RunOptions) -> Why:
    """Which part of the key of an instance differs from the entry that it could have hit."""
    from tiphys.workflows.why import explain

    return explain(run_id, address, options)


def load_config(options: RunOptions, start: Path | None = None) -> Config:
    """The settings of the project around `start` (default: the current folder)."""
    import os

    from tiphys.workflows import settings
    from tiphys.workflows.project import find_project

    folder = start or Path.cwd()
    return settings.load_config(find_project(folder / "pyproject.toml").root, options.flags, os.environ)


def open_store(config: Config, *, create: bool = False) -> Store:
    """The store that the settings name."""
    from tiphys.cluster.store.folder import FolderStore

    return FolderStore(config.store, scope=config.scope, create=create)


def graph_of(store: Store, run: RunRecord) -> Graph:
    """The graph that a run was built with."""
    import json

    from tiphys.workflows.graph import Graph

    return Graph.from_json(json.loads(store.read_bytes(run.graph)))


def run_pipeline(pipeline: Pipeline[..., Any], parameters: Mapping[str, object], *, store: Path | None = None) -> Any:
    """`pipeline.run(…)` of the Python face: the decoded result; a failed step raises `StepFailed`."""
    from tiphys.workflows.face import run_object

    return run_object(pipeline, parameters, store)


def plan_pipeline(pipeline: Pipeline[..., Any], parameters: Mapping[str, object], *, store: Path | None = None) -> Plan:
    """`pipeline.plan(…)` of the Python face."""
    from tiphys.workflows.face import plan_object

    return plan_object(pipeline, parameters, store)
