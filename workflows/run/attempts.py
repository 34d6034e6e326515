"""Starts an attempt of an instance in a worker process, watches its time-out, and tells how it ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Json, RunRecord
from tiphys.workflows.bindings import producers_of
from tiphys.workflows.cache_key import components
from tiphys.workflows.decide import span
from tiphys.workflows.decider import Decided
from tiphys.workflows.fit import Request
from tiphys.workflows.graph import Graph, StepInfo
from tiphys.workflows.keys import StepFacts
from tiphys.workflows.run.interrupts import Interrupts
from tiphys.workflows.run.progress import Instance, label
from tiphys.workflows.why import units_json
from tiphys.workflows.worker.client import Exited, LogLines, Workers
from tiphys.workflows.worker.environment_variables import secret_values, worker_environment
from tiphys.workflows.worker.task import Done, Task
from tiphys.workflows.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of one instance."""

    instance: Instance
    info: StepInfo
    arguments: dict[str, Json]
    decided: Decided
    number: int
    request: Request
    gpus: tuple[str, ...] = ()
    drift: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `reason` is one sentence, `error` what the user sees; `retryable` by kind of failure."""

    state: str
    reason: str
    error: str = ""
    entry: str | None = None
    outputs: Json = None
    kind: str = ""
    retryable: bool = False


@dataclass(slots=True)
class _Live:
    attempt: Attempt
    done_path: Path
    work: Path
    components: Json
    deadline: float | None
    timed_out: bool = False


class Attempts:
    """All attempts of one run. Owns the fork server; `close` ends whatever is left."""

    def __init__(self, workspace: Workspace, graph: Graph, run: RunRecord) -> None:
        self._workspace = workspace
        self._graph = graph
        self._run = run
        self._workers = Workers()
        self._live: dict[int, _Live] = {}
        self._pids: dict[Instance, int] = {}
        self._components: dict[Instance, Json] = {}
        self._work = workspace.config.store / "work" / run.id

    def start(self, attempt: Attempt) -> int:
        """Start a worker process and return its pid."""
        facts = self._stored(attempt.info)
        parts = components(facts.static, attempt.arguments, attempt.decided.reads)
        self._components[attempt.instance] = parts
        shown = label(*attempt.instance)
        work = self._work / f"{len(self._components)}-{attempt.number}"
        work.mkdir(parents=True)
        timeout = attempt.info.settings.timeout_seconds
        deadline = None if timeout is None else time.monotonic() + timeout
        task = self._task(attempt, shown, work, parts)
        pid = self._workers.start(task)
        self._live[pid] = _Live(attempt, Path(task.done_path), work, parts, deadline)
        self._pids[attempt.instance] = pid
        return pid

    def wait(self, timeout: float | None, interrupts: Interrupts) -> Iterator[tuple[Instance, list[str] | Ended]]:
        """Block until something happens, at most `timeout` seconds; then all that did."""
        deadlines = [live.deadline for live in self._live.values() if live.deadline is not None and not live.timed_out]
        if deadlines:
            left = max(0.0, min(deadlines) - time.monotonic())
            timeout = left if timeout is None else min(left, timeout)
        events = self._workers.events(timeout, wake=interrupts.fileno())
        interrupts.drain()
        self._enforce_deadlines()
        for event in events:
            if isinstance(event, LogLines) and event.pid in self._live:
                yield self._live[event.pid].attempt.instance, list(event.lines)
            elif isinstance(event, Exited) and event.pid in self._live:
                live = self._live.pop(event.pid)
                self._pids.pop(live.attempt.instance, None)
                yield live.attempt.instance, _ended(live, event)
                shutil.rmtree(live.work, ignore_errors=True)

    def stop(self, instance: Instance, *, at_once: bool = False) -> None:
        """End all processes of a running instance: SIGTERM, after a grace period (or `at_once`) SIGKILL."""
        pid = self._pids.get(instance)
        if pid is not None:
            self._workers.kill(pid, at_once=at_once)

    def components(self, instance: Instance) -> Json:
        """What the key of a started instance was made of."""
        return self._components.get(instance)

    def close(self) -> None:
        """End all processes, remove the working folders."""
        self._workers.close()
        shutil.rmtree(self._work, ignore_errors=True)

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for pid, live in self._live.items():
            if live.deadline is not None and not live.timed_out and now >= live.deadline:
                live.timed_out = True
                self._workers.kill(pid)

    def _stored(self, info: StepInfo) -> StepFacts:
        """The facts of a step, with its units and its frozen files in the store (written once a step)."""
        facts = self._workspace.keys.facts(info)
        if facts.static.bundle:
            return facts
        store, root = self._workspace.store, self._workspace.root
        units = store.put_bytes(json.dumps(units_json(facts.closure.units), sort_keys=True).encode())
        files = {path: store.put_file(root / path) for path in facts.closure.files}
        for path, digest in facts.closure.files.items():
            if files[path].digest != digest:
                raise InputError(f"{path} was edited while the run was planned", fix="run again")
        bundle = store.put_manifest(files)
        return self._workspace.keys.remember(facts, code_units=units.digest, bundle=bundle.digest)

    def _task(self, attempt: Attempt, shown: str, work: Path, parts: Json) -> Task:
        workspace, info = self._workspace, attempt.info
        settings = info.settings
        facts = workspace.keys.facts(info)
        return Task(
            run=self._run.id,
            address=shown,
            attempt=attempt.number,
            module=info.module,
            name=info.name,
            file=info.file,
            root=str(workspace.root),
            search=tuple(str(p) for p in workspace.project.search),
            bundle=dict(facts.closure.files),
            store=str(workspace.config.store),
            scope=workspace.config.scope,
            arguments=attempt.arguments,
            env=worker_environment(os.environ, settings.env, attempt.request.cpu, attempt.gpus),
            secrets=secret_values(os.environ, settings.secrets),
            work_dir=str(work),
            log_path=str(workspace.store.log_path(self._run.id, shown)),
            done_path=str(work / "done.json"),
            key=attempt.decided.key,
            components=parts,
            pipeline=self._graph.pipeline,
            profile=workspace.config.profile,
            cache=settings.cache,
            notes=(*facts.notes, *([attempt.drift] if attempt.drift else [])),
            declared=tuple(settings.env) + tuple(settings.secrets),
            planner_env_names=tuple(os.environ),
            producers=producers_of(self._graph, attempt.instance[0]),
            versions=workspace.environments.environment(settings.environment).versions,
            closure_lines=_lines(facts),
            local_ok=bool(settings.reads) or settings.cache_for_seconds is not None or not settings.cache,
        )


def _lines(facts: StepFacts) -> dict[str, tuple[tuple[int, int], ...]]:
    """First and last lines of the units in a step's code digest, by file: where Python can, the worker checks them."""
    found: dict[str, list[tuple[int, int]]] = {}
    for unit in facts.closure.units:
        found.setdefault(unit.file, []).append((unit.first_line, unit.last_line))
    return {file: tuple(sorted(set(pairs))) for file, pairs in found.items()}


def _ended(live: _Live, exited: Exited) -> Ended:
    """What the end of a process means: its own word when it left one, else by time-out, signal or exit code."""
    settings = live.attempt.info.settings
    if live.timed_out:
        text = f"timed out after {span(settings.timeout_seconds or 0)}"
        return Ended("failed", text, text, kind="timeout", retryable=True)
    try:
        done = Done.from_json(json.loads(live.done_path.read_text("utf-8")))
    except FileNotFoundError:
        return _lost(exited, settings.memory_bytes)
    if done.state == "succeeded":
        return Ended("succeeded", "", "", done.entry, done.outputs)
    return Ended("failed", done.reason, done.error, kind=done.kind, retryable=done.kind in ("user", "platform"))


def _lost(exited: Exited, memory_bytes: int | None) -> Ended:
    """The process ended without a word: killed from outside, or the machine ran out of memory."""
    if os.WIFSIGNALED(exited.status):
        name = signal.Signals(os.WTERMSIG(exited.status)).name
        text = f"the worker was ended by {name}"
        if name == "SIGKILL":
            asked = f", asked {memory_bytes / 2**30:.2g}Gi" if memory_bytes else ""
            text += f" (out of memory, or killed by hand; peak {exited.max_rss_bytes / 2**30:.2f}Gi{asked})"
            fix = "when memory is short (`dmesg` says so), let fewer steps run at once or read less at once"
        else:
            fix = "its last lines are in the log"
    else:
        code = os.waitstatus_to_exitcode(exited.status)
        text = f"the worker exited with {code} and left no result"
        fix = "a step ends by returning: look for os._exit in what it calls"
    return Ended("failed", text, f"{text}\nfix: {fix}", kind="lost", retryable=True)
