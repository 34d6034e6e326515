"""Artifacts in and out of a worker: written out before the step runs, checked and stored when it has returned them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from tiphys.cluster.artifact import Artifact
from tiphys.cluster.contract import check_contract
from tiphys.cluster.errors import InputError
from tiphys.cluster.store.port import Store
from tiphys.cluster.store.records import Json, ObjectRef

T = TypeVar("T")

_LISTED = 5


class Inputs:
    """Writes artifacts below `inputs` of the working folder, each in a folder of its own, as copies the step may edit.

    `producers`: address of the step that made an argument, by parameter.
    """

    def __init__(self, store: Store, work_dir: str, address: str, producers: Mapping[str, str]) -> None:
        self._store = store
        self._folder = Path(work_dir) / "inputs"
        self._address = address
        self._producers = producers
        self._count = 0

    def materialize(self, node: Json) -> Path:
        """Where the content of an `$artifact` node is now."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir(parents=True)
        path: Path = folder / node["name"]
        self._store.materialize(ObjectRef(node["digest"], node["kind"], node["size"]), path)
        return path

    def check(self, value: T, parameter: str) -> T:
        """The value, after all artifacts in it were held against the contracts of the classes declared here."""
        producer = self._producers.get(parameter, "an earlier step")
        for artifact in artifacts_in(value):
            check_contract(type(artifact), artifact.path, producer=producer, consumer=self._address)
        return value


class Outputs:
    """Stores artifacts that a step returns. `objects` are all that were stored, in order, once each."""

    def __init__(self, store: Store, work_dir: str, address: str) -> None:
        self._store = store
        self._folders = tuple(os.path.realpath(os.path.join(work_dir, name)) for name in ("out", "inputs"))
        self._address = address
        self._objects: dict[str, ObjectRef] = {}

    @property
    def objects(self) -> tuple[ObjectRef, ...]:
        """References of what was stored."""
        return tuple(self._objects.values())

    def store(self, artifact: Artifact) -> Json:
        """The `$artifact` node. `InputError` for what is missing or outside; `ContractError` as the class declares."""
        kind, path = type(artifact), artifact.path
        self._check_place(kind, path)
        check_contract(kind, path, producer=self._address)
        ref = self._store.put_tree(path) if path.is_dir() else self._store.put_file(path)
        self._objects[ref.digest] = ref
        name = path.name or "out"
        return {"$artifact": kind.__qualname__, "kind": ref.kind, "digest": ref.digest, "size": ref.size, "name": name}

    def _check_place(self, kind: type[Artifact], path: Path) -> None:
        real = os.path.realpath(path)
        if not any(real == folder or real.startswith(folder + os.sep) for folder in self._folders):
            link = f"a link to {real}, " if path.is_symlink() else ""
            shown = path.name if link else str(path)
            raise InputError(
                f"{self._address} returns {kind.__qualname__}({shown!r}), which is {link}outside its working folder",
                fix=f"write the file in the current folder and return {kind.__qualname__}({path.name!r})",
            )
        if not path.exists():
            raise InputError(
                f"{self._address} returns {kind.__qualname__}({os.path.relpath(path, self._folders[0])!r}), and there "
                f"is no such file: {self._listing()}",
                fix="write it before it is returned, or correct the name",
            )

    def _listing(self) -> str:
        names = sorted(os.listdir(self._folders[0]))
        if not names:
            return "the step wrote nothing"
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return f"the step wrote {', '.join(names[:_LISTED])}{more}"


def artifacts_in(value: Any) -> Iterator[Artifact]:
    """All artifacts in a decoded value, in order."""
    if isinstance(value, Artifact):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from artifacts_in(part)
    elif isinstance(value, dict):
        yield from artifacts_in(list(value.values()))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from artifacts_in([getattr(value, f.name) for f in fields(value)])
