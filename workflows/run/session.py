"""One run from its request to its record: opens the project, builds the graph, drives the engine, writes the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tiphys.cluster.errors import InputError, PlatformError, TiphysError
from tiphys.cluster.store.liveness import boot_mark
from tiphys.cluster.store.port import Store
from tiphys.cluster.store.records import Json, RunRecord, RunState, StepRecord
from tiphys.workflows.api import RunOptions, RunResult, Target, load_config, open_store
from tiphys.workflows.api import graph_of as stored_graph
from tiphys.workflows.cache_key import KEY_VERSION
from tiphys.workflows.decider import Decider, Wishes
from tiphys.workflows.fit import check_profile
from tiphys.workflows.graph import Call, Graph, Literal
from tiphys.workflows.graph_select import parse_address, select
from tiphys.workflows.graphs import BuiltGraph, graph_of, pipeline_name
from tiphys.workflows.run.engine import Engine
from tiphys.workflows.run.events import Listener, RunStarted
from tiphys.workflows.run.interrupts import Interrupts
from tiphys.workflows.run.progress import Instance, Progress, Skip, Start, label
from tiphys.workflows.workspace import Workspace

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: the graph, its object in the store, and what holds for the whole run."""

    graph: Graph
    stored: str
    code: str
    wishes: Wishes
    parent: str | None = None
    spun: str | None = None
    must_hit: frozenset[str] = frozenset()


def run_target(target: Target, options: RunOptions, listen: Listener) -> RunResult:
    """`tiphys run`."""
    workspace = Workspace(target.file, options.flags)
    built = _built(workspace, target)
    graph = select(built.graph, until=options.until, only=options.only)
    named = {parse_address(text, built.graph).call for text in options.only}
    must_hit = frozenset(c.address for c in graph.calls) - named if options.only else frozenset()
    wishes = Wishes(workspace.now, options.force, options.cache, (), options.allow_drift)
    return execute(workspace, Job(graph, built.ref.digest, built.closure.digest, wishes, must_hit=must_hit), listen)


def rerun_past(
    run_id: str, from_failed: bool, parameters: Mapping[str, str], options: RunOptions, listen: Listener
) -> RunResult:
    """`tiphys rerun`: all but the parameters and the frozen time is decided by key."""
    _, run, kept = _past(run_id, options)
    if from_failed and run.state == "succeeded":
        raise InputError(f"run {run.id} succeeded: there is no failed step to go on from", fix=f"tiphys rerun {run.id}")
    file = _file_of(run, options)
    workspace = Workspace(file, {"profile": run.profile, **options.flags})
    encoded = {name: value for name, value in run.parameters.items() if name not in parameters}
    built = _built(workspace, Target(file, run.pipeline.split(":")[1], parameters, encoded))
    graph = select(built.graph, until=options.until, only=options.only)
    wishes = Wishes(run.frozen_now, options.force, options.cache, kept, options.allow_drift)
    return execute(workspace, Job(graph, built.ref.digest, built.closure.digest, wishes, run.id), listen)


def spin_past(run_id: str, address: str, options: RunOptions, listen: Listener) -> RunResult:
    """`tiphys spin`: the instance runs, whatever the cache says; its entry is kept like any other."""
    store, run, kept = _past(run_id, options)
    past = stored_graph(store, run)
    wanted = parse_address(address, past)
    call = next(c for c in past.calls if c.address == wanted.call)
    if len(wanted.indices) != len(call.scopes):
        one = wanted.call + "[0]" * len(call.scopes)
        raise InputError(f"{address!r} names more than one item of an each", fix=f"name one: {one}")
    arguments = _past_arguments(past, store.step_records(run.id), (wanted.call, wanted.indices), run)
    file = _file_of(run, options)
    workspace = Workspace(file, {"profile": run.profile, **options.flags})
    today = _built(workspace, Target(file, run.pipeline.split(":")[1], {}, run.parameters))
    step = today.graph.steps.get(call.step)
    if step is None:
        raise InputError(f"the code has no step {call.step} any more", fix=f"tiphys run {run.file}")
    alone = Call(address, call.step, {name: Literal(value) for name, value in arguments.items()})
    graph = replace(today.graph, calls=(alone,), scopes={}, result=None, steps={call.step: step})
    stored = workspace.store.put_bytes(_json_bytes(graph.to_json())).digest
    wishes = Wishes(run.frozen_now, (address,), True, kept, options.allow_drift)
    return execute(workspace, Job(graph, stored, today.closure.digest, wishes, run.id, address), listen)


def execute(workspace: Workspace, job: Job, listen: Listener) -> RunResult:
    """Run a graph to its end and record it."""
    steps = job.graph.steps.values()
    check_profile(workspace.config.profile, (step.settings for step in steps), workspace.config)
    for step in steps:
        workspace.keys.require_reads(step)  # before hours of work for steps above it
    decider = Decider(workspace, job.graph, job.wishes)
    run = _record(workspace, job)
    workspace.store.create_run(run)
    started = time.monotonic()
    with Interrupts() as interrupts:
        engine = Engine(workspace, job.graph, run, decider, listen, interrupts=interrupts, must_hit=job.must_hit)
        listen(RunStarted(run, engine.progress.instances, 0, dict(engine.progress.known)))
        try:
            engine.execute()
        except TiphysError as error:
            _close(workspace.store, replace(run, state="failed", ended=time.time(), exit_code=error.exit_code))
            raise
        run = replace(run, state=_state(engine, interrupts), ended=time.time(), exit_code=_exit(engine, interrupts))
        workspace.store.finish_run(run)
    workspace.fingerprints.save()
    listen(engine.ended(run, time.monotonic() - started))
    return RunResult(run, run.exit_code or 0, engine.records, engine.result())


def _close(store: Store, run: RunRecord) -> None:
    """Record the end of a run that an error ended. The store may be what failed: then the run is shown as lost."""
    with contextlib.suppress(PlatformError):
        store.finish_run(run)


def _state(engine: Engine, interrupts: Interrupts) -> RunState:
    if interrupts.received is not None:
        return "cancelled"
    return "failed" if any(r.state in ("failed", "cancelled") for r in engine.records.values()) else "succeeded"


def _exit(engine: Engine, interrupts: Interrupts) -> int:
    """0 done, 130 interrupted, 2 when every failure was wrong input (a contract, a result type), else 1."""
    if interrupts.received is not None:
        return _INTERRUPTED
    if not engine.failures:
        return 0
    return 2 if engine.failures <= {"input", "contract"} else 1


def _built(workspace: Workspace, target: Target) -> BuiltGraph:
    name = pipeline_name(workspace, workspace.file, target.pipeline)
    return graph_of(workspace, workspace.file, name, target.parameters, target.encoded)


def _record(workspace: Workspace, job: Job) -> RunRecord:
    return RunRecord(
        id=f"{datetime.fromtimestamp(workspace.now, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        pipeline=job.graph.pipeline,
        file=job.graph.file,
        root=str(workspace.root),
        parameters=job.graph.parameters,
        graph=job.stored,
        code=job.code,
        profile=workspace.config.profile,
        scope=workspace.config.scope,
        frozen_now=job.wishes.now,
        started=workspace.now,
        versions={"key_version": KEY_VERSION, "python": f"{sys.version_info[0]}.{sys.version_info[1]}"},
        argv=tuple(sys.argv),
        pid=os.getpid(),
        host=socket.gethostname(),
        boot=boot_mark(),
        parent=job.parent,
        spun=job.spun,
    )


def _past(run_id: str, options: RunOptions) -> tuple[Store, RunRecord, tuple[str, ...]]:
    """The run to go on from, and the runs whose results of `cache=False` steps are kept.

    A spin is one step of the run that it was spun from: to go on from it is to go on from that run, so that
    `latest` still means the pipeline after some tries of one step.
    """
    store = open_store(load_config(options))
    run = store.find_run(run_id)
    kept = _ancestors(store, run)
    while run.spun is not None and run.parent is not None:
        run = store.run(run.parent)
    return store, run, kept


def _file_of(run: RunRecord, options: RunOptions) -> Path:
    """The pipeline's file: below the project that we stand in, else where it was."""
    here = load_config(options).root / run.file
    return here if here.is_file() else Path(run.root) / run.file


def _ancestors(store: Store, run: RunRecord) -> tuple[str, ...]:
    """The run, the run that it reran, and so on: whose results of `cache=False` steps are kept."""
    chain = [run.id]
    while run.parent is not None and run.parent not in chain:
        run = store.run(run.parent)
        chain.append(run.id)
    return tuple(chain)


def _past_arguments(
    graph: Graph, records: Mapping[str, StepRecord], wanted: Instance, run: RunRecord
) -> Mapping[str, Json]:
    """The encoded arguments that an instance had in a past run: the run is replayed from its records."""
    progress = Progress(graph)
    while progress.ready:
        instance = progress.ready.popleft()
        resolved = progress.resolve(instance)
        if instance == wanted:
            if isinstance(resolved, Start):
                return resolved.arguments
            raise InputError(
                f"{label(*wanted)} had no inputs in run {run.id}: {resolved.reason}", fix="name a run in which it ran"
            )
        record = records.get(label(*instance))
        if isinstance(resolved, Skip) or record is None or record.state not in ("hit", "succeeded"):
            progress.finish(instance, resolved.status if isinstance(resolved, Skip) else "failed")
        else:
            progress.finish(instance, "ok", record.outputs)
    raise InputError(f"run {run.id} never came to {label(*wanted)}", fix=f"tiphys show {run.id}")


def _json_bytes(data: Json) -> bytes:
    import json

    return json.dumps(data, separators=(",", ":"), sort_keys=True).encode()
