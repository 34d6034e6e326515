"""A project on disk, its store, and workers that run its steps: what the tests of this folder share."""

from __future__ import annotations

import json
import os
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import Json, ObjectRef
from tiphys.workflows.worker.client import Exited, LogLines, Workers
from tiphys.workflows.worker.environment_variables import worker_environment
from tiphys.workflows.worker.task import Done, Task

LIMIT_SECONDS = 30.0
PATIENCE_SECONDS = 1.0


@dataclass
class Ended:
    """How an attempt ended, and the lines it wrote. `done` is None when the worker left no answer."""

    exited: Exited
    done: Done | None
    lines: list[str] = field(default_factory=list)

    @property
    def answer(self) -> Done:
        """The answer; there must be one."""
        assert self.done is not None, self.lines
        return self.done

    @property
    def output(self) -> Json:
        """The result of a step that must have succeeded."""
        assert self.answer.state == "succeeded", self.answer.error
        return self.answer.outputs


class Bench:
    """`root` is the project; `workers` are made at the first use, and closed by the fixture."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.root.mkdir()
        self.store = FolderStore(folder / "store", scope="user/ann", create=True)
        self.folder = folder
        self.bundle: dict[str, str] = {}
        self._workers: Workers | None = None
        self._count = 0

    @property
    def workers(self) -> Workers:
        """The fork server's client."""
        if self._workers is None:
            self._workers = Workers(grace_seconds=0.3)
        return self._workers

    def close(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers.close()

    def write(self, name: str, text: str) -> Path:
        """A file of the project that is not frozen: data, or code outside the closure."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def freeze(self, name: str, text: str) -> Path:
        """A source file, with its bytes as they are now in the store and the bundle."""
        path = self.write(name, text)
        self.bundle[name] = self.store.put_file(path).digest
        return path

    def step(self, body: str, *, head: str = "", signature: str = "work() -> int") -> Path:
        """`flow.py` with one step."""
        lines = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        text = f"from tiphys import step\n{textwrap.dedent(head)}\n\n@step\ndef {signature}:\n{lines}\n"
        return self.freeze("flow.py", text)

    def task(self, **changes: Any) -> Task:
        """An attempt of `flow:work`."""
        self._count += 1
        work = self.folder / "work" / str(self._count)
        work.mkdir(parents=True)
        declared = tuple(changes.pop("env_names", ()))
        given: dict[str, Any] = {
            "run": "r1",
            "address": "work",
            "attempt": 1,
            "module": "flow",
            "name": "work",
            "file": "flow.py",
            "root": str(self.root),
            "search": (str(self.root),),
            "bundle": dict(self.bundle),
            "store": str(self.store.root),
            "scope": "user/ann",
            "arguments": {},
            "env": worker_environment(os.environ, declared, 1.0),
            "secrets": {},
            "work_dir": str(work),
            "log_path": str(self.store.log_path("r1", f"work{self._count}")),
            "done_path": str(work / "done.json"),
            "key": f"{self._count:064x}",
            "components": {"code": "c", "environment": {}},
            "pipeline": "flow:p",
            "profile": "local",
            "declared": declared,
            "planner_env_names": tuple(os.environ),
        }
        return Task(**(given | changes))

    def run(self, **changes: Any) -> Ended:
        """Run one attempt to its end."""
        task = self.task(**changes)
        return self.wait(self.workers.start(task), task)

    def wait(self, pid: int, task: Task) -> Ended:
        """Wait for the end of a worker."""
        lines: list[str] = []
        limit = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < limit:
            for event in self.workers.events(PATIENCE_SECONDS):
                if isinstance(event, LogLines):
                    lines += event.lines
                elif event.pid == pid:
                    return Ended(event, read_done(task), lines)
        raise AssertionError(f"worker {pid} did not end; it wrote {lines}")

    def put(self, text: str, name: str = "in.txt", kind: str = "File") -> Json:
        """An encoded artifact with this content."""
        path = self.folder / name
        path.write_text(text)
        ref: ObjectRef = self.store.put_file(path)
        return {"$artifact": kind, "kind": "file", "digest": ref.digest, "size": ref.size, "name": name}


def read_done(task: Task) -> Done | None:
    """The answer that a worker left."""
    path = Path(task.done_path)
    return Done.from_json(json.loads(path.read_text("utf-8"))) if path.exists() else None
