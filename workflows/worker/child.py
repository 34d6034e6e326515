"""The step runner's act, in a forked process: resolve the inputs, run the user's function, store, publish, answer."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import tiphys.workflows.authoring.pipeline  # noqa: F401  # users import it: loaded before the fork, once
from tiphys.cluster.errors import InputError
from tiphys.cluster.fingerprint import Fingerprints
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import Entry, Json, ObjectRef, Writer
from tiphys.workflows.authoring.step import Step
from tiphys.workflows.values import canonical, check_result, decode, encode
from tiphys.workflows.worker.artifacts import Inputs, Outputs
from tiphys.workflows.worker.environment_variables import FIXED, GRANTED
from tiphys.workflows.worker.failure import describe_failure
from tiphys.workflows.worker.frozen_source import FrozenImporter
from tiphys.workflows.worker.log_lines import Redactor
from tiphys.workflows.worker.net import Digests, Expected, Net
from tiphys.workflows.worker.places import places_for
from tiphys.workflows.worker.task import Done, Task

_OOM_SCORE = "500"  # when memory runs out the kernel ends a step first, and not the engine


def main(descriptor: int, temporary: str) -> int:
    """Run the task that `descriptor` holds; 0 when it succeeded. The answer is in `done_path`, complete or absent."""
    started = time.monotonic()
    faulthandler.enable()
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        task = Task.from_json(json.loads(file.read()))
    _enter(task, temporary)
    act = Act(task, temporary)
    done = act.run()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    done = replace(done, seconds=time.monotonic() - started, max_rss_bytes=usage.ru_maxrss * 1024)
    _answer(done, task.done_path)
    return 0 if done.state == "succeeded" else 1


def _enter(task: Task, temporary: str) -> None:
    """The working folder, the closed environment and the search path."""
    out = os.path.join(task.work_dir, "out")
    os.makedirs(out)
    os.chdir(out)
    os.environ.clear()
    os.environ.update(task.env)
    os.environ.update(task.secrets)
    if "TMPDIR" not in task.declared:
        os.environ["TMPDIR"] = temporary
    time.tzset()
    sys.path[:0] = task.search
    sys.argv = [os.path.join(task.root, task.file)]
    try:
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    except OSError:
        return  # not allowed everywhere


def _answer(done: Done, path: str) -> None:
    part = f"{path}.part"
    text = json.dumps(done.to_json(), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    try:
        Path(part).write_bytes(text)
    except OSError:  # the disk is full, often of what the step itself wrote: nobody needs that any more
        import shutil  # for this alone

        shutil.rmtree(os.path.join(os.path.dirname(path), "out"), ignore_errors=True)
        Path(part).write_bytes(text)
    os.replace(part, path)


class Act:
    """One attempt. `run` never raises: whatever goes wrong is an answer."""

    def __init__(self, task: Task, temporary: str) -> None:
        self._task = task
        self._started = time.monotonic()
        self._redactor = Redactor(task.secrets.values())
        self._places = places_for(task.root, task.search, (task.work_dir, task.store, temporary))
        self._bundle = {os.path.join(task.root, path): digest for path, digest in task.bundle.items()}
        self._net = Net(self._places, _expected(task, self._bundle), _digests(task), f"{task.work_dir}/forked.jsonl")
        self._importing = False

    def run(self) -> Done:
        """The whole act."""
        try:
            return self._succeed()
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the user's code end the step alone
            with self._net.paused():
                failure = describe_failure(error, self._places, importing=self._importing)
            hide = self._redactor.text
            return Done("failed", failure.kind, hide(failure.reason), hide(failure.error))

    def _succeed(self) -> Done:
        task, net = self._task, self._net
        store = FolderStore(Path(task.store), scope=task.scope, create=False)
        FrozenImporter(self._places, self._bundle, store.read_bytes, net.imports.imported).install()
        net.install()
        step = self._import_step()
        with net.paused():
            arguments = self._arguments(step, store)
        net.functions.start()
        pid = os.getpid()
        try:
            result = step.function(**arguments)
        finally:
            if os.getpid() != pid:
                os._exit(0)  # the user's code forked, and this is the copy: the step is its parent's
        net.functions.stop()
        net.finish()
        if net.refused is not None:
            raise net.refused
        outputs = Outputs(store, task.work_dir, task.address)
        where = f"the result of {task.address}"
        check_result(result, step.hints["return"], where=where)
        encoded = encode(result, where=where, root=Path(task.root), store_artifact=outputs.store)
        encoded = json.loads(canonical(encoded))  # as a hit will give it: the keys of a dict in order
        return self._publish(store, encoded, outputs.objects)

    def _import_step(self) -> Step[..., Any]:
        task = self._task
        self._importing = True
        __import__(task.module)
        self._importing = False
        step = getattr(sys.modules[task.module], task.name, None)
        if not isinstance(step, Step):
            raise InputError(
                f"{task.file}: {task.name} is {type(step).__qualname__} when {task.module} is imported, not a step",
                fix=f"bind the step to the name {task.name} at module level",
            )
        return step

    def _arguments(self, step: Step[..., Any], store: FolderStore) -> dict[str, Any]:
        """The decoded arguments; artifacts are written below `inputs` and checked against their contracts."""
        task = self._task
        inputs = Inputs(store, task.work_dir, task.address, task.producers)
        hints = step.hints
        return {
            name: inputs.check(
                decode(
                    value,
                    hints[name],
                    materialize=inputs.materialize,
                    root=Path(task.root),
                    where=f"{task.address}: {name}",
                ),
                name,
            )
            for name, value in task.arguments.items()
        }

    def _publish(self, store: FolderStore, encoded: Json, objects: tuple[ObjectRef, ...]) -> Done:
        task, net = self._task, self._net
        notes = (*task.notes, *(self._redactor.text(note) for note in net.sightings.notes()))
        outside = net.functions.outside
        if outside:
            notes = (*notes, f"not cached, by a fault of Tiphys: {outside[0]} ran and is not in the step's code digest")
        observed = replace(net.observed(), distributions=_distributions(task, net.sightings.seen["installed"]))
        entry = Entry(
            key=task.key,
            outputs=encoded,
            objects=objects,
            observed=observed,
            components=task.components,
            created=time.time(),
            seconds=time.monotonic() - self._started,
            writer=Writer(task.run, task.address, task.pipeline, task.scope, task.profile, socket.gethostname()),
            notes=notes,
        )
        digest = None if outside and task.cache else store.publish(entry)
        return Done("succeeded", outputs=encoded, objects=objects, entry=digest, observed=entry.observed, notes=notes)


def _expected(task: Task, bundle: Mapping[str, str]) -> Expected:
    return Expected(
        step=task.name,
        bundle=bundle,
        closure_lines=task.closure_lines,
        declared=task.declared,
        harmless=(*FIXED, *GRANTED),
        planner=task.planner_env_names,
        local_ok=task.local_ok,
    )


def _distributions(task: Task, names: Iterable[str]) -> dict[str, str]:
    """Distributions behind top-level names that were imported or read, as far as the key does not hold them."""
    from tiphys.workflows.environment.model import normalized
    from tiphys.workflows.environment.owners import owners

    held = task.components["environment"]
    open_names = [name for name in names if normalized(name) not in held]
    if not open_names:
        return {}
    known = owners(Path(task.store) / "cache" / "environments")
    found = {distribution for name in open_names for distribution in known.get(name, ())}
    return {name: task.versions[name] for name in sorted(found - held.keys()) if name in task.versions}


def _digests(task: Task) -> Digests:
    """Digests as the planner takes them. What they need is loaded when the first one is asked for."""
    cache = Path(task.store) / "cache"
    fingerprints: list[Fingerprints] = []

    def known() -> Fingerprints:
        if not fingerprints:
            fingerprints.append(Fingerprints(cache / "fingerprints"))
        return fingerprints[0]

    def module(name: str, file: str) -> str:
        from tiphys.workflows.closure import CodeBase
        from tiphys.workflows.project import find_project

        return CodeBase(find_project(Path(task.root) / task.file), cache).module(name)

    return Digests(lambda path: known().file(Path(path)), lambda path: known().listing(Path(path)), module)
