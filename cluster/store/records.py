"""What the store holds, as frozen values: object references, cache entries, run and step records.

Everything here is plain JSON on disk (`to_json`, `from_json`); unknown fields are an error of format, not ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""A value that `json.dumps` accepts: None, bool, int, float, str, list, dict with string keys."""

ObjectKind = Literal["file", "tree"]

FOLDER_PRESENT = "present"
"""In `Observed.folders`: the folder was found to be there, and its names were not read."""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Some bytes in the store: a file, or a folder as a tree manifest. `size` in bytes (a tree: of all its files)."""

    digest: str
    kind: ObjectKind
    size: int

    def to_json(self) -> Json:
        return {"digest": self.digest, "kind": self.kind, "size": self.size}

    @classmethod
    def from_json(cls, data: Json) -> ObjectRef:
        return cls(data["digest"], data["kind"], data["size"])


@dataclass(frozen=True, slots=True)
class Observed:
    """What a step was seen to read while it ran, beyond its declared inputs. A hit requires all of it unchanged.

    `files`: path -> BLAKE3 of its bytes, or None when it was tried and absent. `folders`: path -> digest of the
    listing, or `FOLDER_PRESENT`. Paths below the project root are relative POSIX, others absolute. `modules`:
    first-party modules that were imported outside the static closure -> digest of the whole module. `env`: undeclared
    names that were read; workers never see a value for them. `own_env`: those of them that first-party code reads: when
    one is set by now, the step runs and says that it must be declared. `distributions`: installed ones that were
    imported or read without standing in the key -> version in the step's environment. `local`: reasons why the entry
    counts on this machine only (an undeclared subprocess or socket). `links`: symbolic link -> where it pointed.
    """

    files: Mapping[str, str | None] = field(default_factory=dict)
    folders: Mapping[str, str | None] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    own_env: tuple[str, ...] = ()
    distributions: Mapping[str, str] = field(default_factory=dict)
    local: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {
            "links": dict(self.links),
            "files": dict(self.files),
            "folders": dict(self.folders),
            "modules": dict(self.modules),
            "env": list(self.env),
            "own_env": list(self.own_env),
            "distributions": dict(self.distributions),
            "local": list(self.local),
        }

    @classmethod
    def from_json(cls, data: Json) -> Observed:
        env, own_env, local = (tuple(data[name]) for name in ("env", "own_env", "local"))
        seen = (data["files"], data["folders"], data["modules"])
        return cls(*seen, env, own_env, data["distributions"], local, data["links"])


@dataclass(frozen=True, slots=True)
class Writer:
    """Who made an entry. `scope` is `main`, `pr/123` or `user/ann`; `profile` is the resource profile of the run."""

    run: str
    address: str
    pipeline: str
    scope: str
    profile: str
    host: str

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Json) -> Writer:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Entry:
    """One cached result of one key. Immutable, named by its own digest, which covers every field here.

    `outputs`: the encoded result (`workflows.values`). `objects`: all objects that the result needs. `components`:
    what the key was made of, for `why` (large parts as object digests). `created`: seconds since the epoch.
    `seconds`: how long the step ran. `notes`: sentences shown by `plan`. `digest`: its name in the store, known to
    whoever read it there ("" before it is published); no part of the entry itself.
    """

    key: str
    outputs: Json
    objects: tuple[ObjectRef, ...]
    observed: Observed
    components: Json
    created: float
    seconds: float
    writer: Writer
    notes: tuple[str, ...] = ()
    digest: str = field(default="", compare=False)

    def to_json(self) -> Json:
        return {
            "key": self.key,
            "outputs": self.outputs,
            "objects": [o.to_json() for o in self.objects],
            "observed": self.observed.to_json(),
            "components": self.components,
            "created": self.created,
            "seconds": self.seconds,
            "writer": self.writer.to_json(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Json, *, digest: str = "") -> Entry:
        return cls(
            key=data["key"],
            outputs=data["outputs"],
            objects=tuple(ObjectRef.from_json(o) for o in data["objects"]),
            observed=Observed.from_json(data["observed"]),
            components=data["components"],
            created=data["created"],
            seconds=data["seconds"],
            writer=Writer.from_json(data["writer"]),
            notes=tuple(data["notes"]),
            digest=digest,
        )


StepState = Literal["hit", "succeeded", "failed", "skipped", "cancelled", "running"]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What became of one call (address with its item indices, such as `featurize[3]`) in one run.

    `entry`: digest of the cache entry that holds the result (hit or succeeded), None otherwise. `reason`: one
    sentence (why it hit, ran, failed or was skipped). `error`: what the user sees when it failed. `outputs`: the
    encoded result, None when there is none. Times are seconds since the epoch; `attempts` counts starts.
    """

    address: str
    state: StepState
    reason: str
    key: str | None = None
    entry: str | None = None
    outputs: Json = None
    started: float | None = None
    ended: float | None = None
    attempts: int = 0
    error: str | None = None
    saved_seconds: float = 0.0
    components: Json = None  # what the key was made of, when there is no entry that holds it (a failed step)

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Json) -> StepRecord:
        return cls(**data)


RunState = Literal["running", "succeeded", "failed", "cancelled", "lost"]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of one pipeline: all that a later process needs to show it, explain it or go on with it.

    `file`: the pipeline's file relative to the project root. `parameters`: encoded values by name. `graph`: digest of
    the built graph's JSON in the store. `code`: digest of the closure of the pipeline function.
    `frozen_now`: the time that `cache_for` is judged by. `versions`: {"tiphys", "key_version", "format"}.
    `pid`, `host`, `boot`: who writes it, so that a dead writer's open run is shown as lost.
    """

    id: str
    pipeline: str
    file: str
    root: str
    parameters: Mapping[str, Json]
    graph: str
    code: str
    profile: str
    scope: str
    frozen_now: float
    started: float
    versions: Mapping[str, Json]
    argv: tuple[str, ...]
    pid: int
    host: str
    boot: str
    state: RunState = "running"
    ended: float | None = None
    parent: str | None = None  # the run that this one reruns
    exit_code: int | None = None
    spun: str | None = None  # the one instance that it ran: a `spin` of `parent`

    def to_json(self) -> Json:
        data = {name: getattr(self, name) for name in self.__slots__}
        return data | {"argv": list(self.argv), "parameters": dict(self.parameters), "versions": dict(self.versions)}

    @classmethod
    def from_json(cls, data: Json) -> RunRecord:
        return cls(**(data | {"argv": tuple(data["argv"])}))
