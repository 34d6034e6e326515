"""Looks up what the cache decision needs: the entries of a key, and what is true of each now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tiphys.cluster.fingerprint import Fingerprints
from tiphys.cluster.store.port import Store
from tiphys.cluster.store.records import FOLDER_PRESENT, Entry, Observed
from tiphys.workflows.closure import CodeBase
from tiphys.workflows.decide import Candidate


class Lookup:
    """Candidates of a key. Every file, folder and module is examined once, however many entries observed it."""

    def __init__(
        self,
        store: Store,
        root: Path,
        fingerprints: Fingerprints,
        code: CodeBase,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._environ = environ
        self._store = store
        self._root = root
        self._fingerprints = fingerprints
        self._code = code
        self._files: dict[str, str | None] = {}
        self._folders: dict[str, str | None] = {}
        self._modules: dict[str, str] = {}

    def candidates(self, key: str, versions: Mapping[str, str]) -> tuple[Candidate, ...]:
        """The entries of a key, newest first. `versions`: distributions of the step's environment."""
        return tuple([self.examine(entry, versions) for entry in self._store.entries(key)])

    def examine(self, entry: Entry, versions: Mapping[str, str]) -> Candidate:
        """What is true of an entry now: do its observations hold, are its objects intact?"""
        changed = self.changed(entry.observed) or _other_version(entry.observed, versions)
        broken = "" if changed or not entry.objects else (self._store.intact(entry.objects) or "")
        return Candidate(entry, changed, broken)

    def changed(self, observed: Observed) -> str:
        """The first observation that no longer holds, as a sentence, or ""."""
        for path, digest in observed.files.items():
            now = self.file(path)
            if now != digest:
                return _file_sentence(path, digest, now)
        for path, digest in observed.folders.items():
            if digest == FOLDER_PRESENT:
                if self.folder(path) is None:
                    return f"the folder {path} is gone"
            elif self.folder(path) != digest:
                return f"the list of files in {path} changed"
        return self._changed_elsewhere(observed)

    def _target(self, path: str) -> str:
        try:
            return os.readlink(self._root / path)
        except OSError:
            return ""

    def _changed_elsewhere(self, observed: Observed) -> str:
        for path, target in observed.links.items():
            if self._target(path) != target:
                return f"the link {path} points elsewhere"
        for name in observed.own_env:
            if name in self._environ:
                return f"reads the environment variable {name}, which is set now"
        for module, digest in observed.modules.items():
            if self.module(module) != digest:
                return f"module {module}, imported while the step ran, changed"
        return ""

    def file(self, path: str) -> str | None:
        """BLAKE3 of a file (relative paths: below the project root), None when there is none."""
        if path not in self._files:
            self._files[path] = self._digest(path)
        return self._files[path]

    def folder(self, path: str) -> str | None:
        """Digest of the names in a folder, None when there is none."""
        if path not in self._folders:
            full = self._root / path
            self._folders[path] = self._fingerprints.listing(full) if full.is_dir() else None
        return self._folders[path]

    def module(self, name: str) -> str:
        """Digest of a first-party module with all that it reaches, "" when it is gone."""
        if name not in self._modules:
            self._modules[name] = self._code.module(name)
        return self._modules[name]

    def _digest(self, path: str) -> str | None:
        full = self._root / path
        try:
            return self._fingerprints.file(full)
        except FileNotFoundError:
            return None
        except IsADirectoryError:
            return self._fingerprints.listing(full)
        except NotADirectoryError:
            return None


def _other_version(observed: Observed, versions: Mapping[str, str]) -> str:
    """The first distribution, used without standing in the key, that has another version now, as a sentence."""
    for name, version in observed.distributions.items():
        now = versions.get(name, "absent")
        if now != version:
            return f"{name}, which the step used, is {now} now (was {version})"
    return ""


def _file_sentence(path: str, before: str | None, now: str | None) -> str:
    if before is None:
        return f"{path}, which was absent, is there now"
    return f"{path} is gone" if now is None else f"{path} changed"
