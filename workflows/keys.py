"""Makes the key of a call: gathers the facts of a step once (code, environment, reads), then hashes per call."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tiphys.cluster.errors import InputError
from tiphys.cluster.fingerprint import Fingerprints
from tiphys.cluster.store.records import Json
from tiphys.workflows.cache_key import StaticKey, call_key
from tiphys.workflows.closure import CodeBase, CodeClosure
from tiphys.workflows.environment import Environments
from tiphys.workflows.graph import StepInfo

_LONGEST_PATH = 255


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What all calls of a step share. `reads`: path -> digest of files that its code or declaration names."""

    info: StepInfo
    closure: CodeClosure
    static: StaticKey
    static_digest: str
    reads: Mapping[str, str | None]
    notes: tuple[str, ...]


class Keys:
    """Facts by step and keys by call, for one project as it is now."""

    def __init__(
        self,
        root: Path,
        code: CodeBase,
        environments: Environments,
        fingerprints: Fingerprints,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._root = root
        self._code = code
        self._environments = environments
        self._fingerprints = fingerprints
        self._environ = environ
        self._facts: dict[str, StepFacts] = {}
        self._named: dict[tuple[str, bool], tuple[str, str] | None] = {}

    def facts(self, info: StepInfo) -> StepFacts:
        """The facts of a step, gathered at its first call."""
        if info.ref not in self._facts:
            self._facts[info.ref] = self._gather(info)
        return self._facts[info.ref]

    def remember(self, facts: StepFacts, *, code_units: str, bundle: str) -> StepFacts:
        """Note where the units and the bundle of a step's code were written in the store."""
        facts = replace(facts, static=replace(facts.static, code_units=code_units, bundle=bundle))
        self._facts[facts.info.ref] = facts
        return facts

    def key(self, info: StepInfo, arguments: Mapping[str, Json]) -> tuple[str, Mapping[str, str | None]]:
        """The key of a call with these encoded arguments, and the reads that entered it."""
        facts = self.facts(info)
        reads = facts.reads
        named = dict(self._argument_reads(arguments))
        if named:
            reads = {**reads, **named}
        return call_key(facts.static_digest, arguments, reads), reads

    def _gather(self, info: StepInfo) -> StepFacts:
        settings = info.settings
        if info.container is not None:
            closure = CodeClosure.of_container(info.ref, info.container)
        else:
            closure = self._code.step(
                info.module, info.name, strict=settings.cache
            )  # uncached: nothing to be sound about
        component = self._environments.component(settings.environment, closure.imports)
        static = StaticKey(
            code=closure.digest,
            python=component.python,
            environment=component.versions,
            env={name: self._environ.get(name) for name in settings.env},
            secrets=settings.secrets,
        )
        reads = dict(self._declared_reads(info))
        reads.update(self._literal_reads(closure.paths))
        notes = (*closure.notes, *component.notes)
        return StepFacts(info, closure, static, static.digest(), reads, notes)

    def require_reads(self, info: StepInfo) -> None:
        """`InputError` when a file or folder of `reads=[…]` is not there; a pattern may match nothing."""
        for pattern in info.settings.reads:
            if not glob.has_magic(pattern) and not (self._root / pattern).exists():
                raise InputError(
                    f"{info.file}:{info.line}: step {info.name!r} declares reads={pattern!r}: there is no such file",
                    fix=f"paths are relative to {self._root}; correct or remove it",
                )

    def _declared_reads(self, info: StepInfo) -> Iterator[tuple[str, str | None]]:
        """`reads=[…]`: files, folders and patterns below the project root (or absolute)."""
        self.require_reads(info)
        for pattern in info.settings.reads:
            for match in sorted(glob.glob(str(self._root / pattern), recursive=True)):
                yield self._shown(Path(match)), self._content(Path(match))

    def _literal_reads(self, candidates: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Files that the text of the code names and that exist. One that appears later changes the key by itself."""
        for candidate in candidates:
            found = self._existing(candidate, folders=True)
            if found is not None:
                yield found

    def _argument_reads(self, arguments: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
        for value in arguments.values():
            for text, folders in _texts(value):
                found = self._existing(text, folders=folders)
                if found is not None:
                    yield found

    def _existing(self, text: str, *, folders: bool) -> tuple[str, str] | None:
        """The path as recorded and its digest when `text` names a file, or (with `folders`) a folder below the root."""
        asked = (text, folders)
        if asked not in self._named:
            self._named[asked] = self._examine(text, folders)
        return self._named[asked]

    def _examine(self, text: str, folders: bool) -> tuple[str, str] | None:
        path = self._root / text
        try:
            if path.is_file():
                return self._shown(path), self._fingerprints.file(path)
            if folders and path.is_dir() and self._strictly_below(path):
                return self._shown(path), self._fingerprints.folder(path)
        except (OSError, ValueError):  # not a path after all: a NUL byte, a name too long, a folder closed to us
            return None
        return None

    def _strictly_below(self, path: Path) -> bool:
        """A folder of data below the root, not the root, a parent of it, or a hidden folder."""
        full = os.path.normpath(path)
        relative = os.path.relpath(full, self._root)
        parts = relative.split(os.sep)
        return relative != "." and not any(p.startswith(".") for p in parts)

    def _content(self, path: Path) -> str:
        return self._fingerprints.folder(path) if path.is_dir() else self._fingerprints.file(path)

    def _shown(self, path: Path) -> str:
        full = os.path.normpath(path)
        relative = os.path.relpath(full, self._root)
        return full if relative.startswith("..") else relative.replace(os.sep, "/")


def _texts(value: Json) -> Iterator[tuple[str, bool]]:
    """Texts in an encoded argument that could name a file: (text, whether it may name a folder)."""
    if isinstance(value, str):
        if 0 < len(value) <= _LONGEST_PATH and "\n" not in value and "://" not in value:
            yield value, "/" in value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        if "$path" in value:
            yield value["$path"], True
        elif "$artifact" not in value:
            for part in value.values():
                yield from _texts(part)
