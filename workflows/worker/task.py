"""What a worker process is told (`Task`) and what it answers (`Done`), as frozen values with a JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from tiphys.cluster.store.records import Json, ObjectRef, Observed

FailureKind = Literal["", "user", "input", "contract", "memory", "platform", "timeout", "lost"]
"""Why an attempt failed. A worker answers `user` (an exception of the user's), `input` (wrong whatever is retried),
`contract`, `memory` or `platform` (the store refused); `timeout` and `lost` (it left no answer) are said of it."""


_TUPLES = ("search", "notes", "declared", "planner_env_names")


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt of one step instance. Travels in memory only, because it carries the values of secrets.

    `module`, `name`: where the step is; `file` is its file relative to `root`. `search`: absolute folders that go
    first on `sys.path`. `bundle`: path (relative to `root`, or absolute) -> BLAKE3 of the frozen bytes of every
    first-party module that is executed, all of them in `store`. `arguments`: encoded values by name. `env`: the whole
    closed environment but `secrets`. `work_dir`: a folder of this attempt alone; the step runs in `out` below it.
    `log_path`: where its output goes (the client writes it); `done_path`: where `Done` is written. `components`: what
    `key` was made of, stored with the entry. `cache`: whether later runs may be served from the entry; it is
    published either way, since a rerun of this run keeps the result. `declared`: names of variables that the step may
    read; `planner_env_names`: names that are set where the run was planned. `producers`: address of the step that made
    an argument, for messages. `versions`: all distributions of the step's environment. `local_ok`: the step says what
    its subprocesses and sockets depend on. `closure_lines`: file -> the first and last lines of the units in its code
    digest; empty: not checked.
    """

    run: str
    address: str
    attempt: int
    module: str
    name: str
    file: str
    root: str
    search: tuple[str, ...]
    bundle: Mapping[str, str]
    store: str
    scope: str
    arguments: Mapping[str, Json]
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    work_dir: str
    log_path: str
    done_path: str
    key: str
    components: Json
    pipeline: str
    profile: str
    cache: bool = True
    notes: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    planner_env_names: tuple[str, ...] = ()
    local_ok: bool = False
    producers: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    closure_lines: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Task({self.run!r}, {self.address!r}, attempt={self.attempt})"  # never the secrets

    def to_json(self) -> Json:
        data = {name: getattr(self, name) for name in _names(Task)}
        lines = {path: [list(pair) for pair in pairs] for path, pairs in self.closure_lines.items()}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in data.items()} | {"closure_lines": lines}

    @classmethod
    def from_json(cls, data: Json) -> Task:
        lines = {path: tuple((first, last) for first, last in pairs) for path, pairs in data["closure_lines"].items()}
        tuples = {name: tuple(data[name]) for name in _TUPLES}
        return cls(**(data | tuples | {"closure_lines": lines}))


@dataclass(frozen=True, slots=True)
class Done:
    """How an attempt ended, in the worker's own words. No answer at all means that the worker was lost.

    `reason`: one sentence about a failure; `error`: all that the user is shown (a traceback without our frames).
    `entry`: digest of the published entry, None when it failed or the net forbade it. `seconds`: from the start of
    the process to its answer. `max_rss_bytes`: the peak of the process. `notes`: sentences stored with the entry.
    """

    state: Literal["succeeded", "failed"]
    kind: FailureKind = ""
    reason: str = ""
    error: str = ""
    outputs: Json = None
    objects: tuple[ObjectRef, ...] = ()
    entry: str | None = None
    observed: Observed = field(default_factory=Observed)
    seconds: float = 0.0
    max_rss_bytes: int = 0
    notes: tuple[str, ...] = ()

    def to_json(self) -> Json:
        data = {name: getattr(self, name) for name in _names(Done)}
        return data | {
            "objects": [o.to_json() for o in self.objects],
            "observed": self.observed.to_json(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Json) -> Done:
        objects = tuple(ObjectRef.from_json(o) for o in data["objects"])
        observed = Observed.from_json(data["observed"])
        return cls(**(data | {"objects": objects, "observed": observed, "notes": tuple(data["notes"])}))


def _names(kind: type[Task] | type[Done]) -> list[str]:
    return [f.name for f in fields(kind)]
