"""What earlier processes found out: closures with the files and folders they depend on, and summaries of files.

Two levels. (1) `closures.json`, read once a process: a closure holds while every file has the digest, and every folder
the list of modules, that it was made from; unchanged files cost a `stat`. (2) `summaries.sqlite`: summaries by the
digest of the bytes, read when a closure must be made anew. Both are plain JSON (nothing is unpickled), and both can
be lost at any time: whatever is wrong with them means to compute again, never an error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from tiphys.workflows.closure.disk import Disk
from tiphys.workflows.closure.model import CodeClosure

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from tiphys.workflows.closure.facts import ModuleFacts

FORMAT = 1
"""Format of the cache files, raised together with any change of the analysis."""

_MOST_RESULTS = 5_000
_MOST_SUMMARIES = 20_000


def version() -> str:
    """Caches of another format or Python minor are not read: what a file parses to depends on the minor."""
    return f"{FORMAT}-{sys.version_info.major}.{sys.version_info.minor}"


class ClosureCache:
    """Closures by entry. `folder` None: nothing is kept."""

    def __init__(self, folder: Path | None, root: str) -> None:
        self._path = None if folder is None else os.path.join(folder, f"closures-{version()}.json")
        self._root = root
        data = _load(self._path)
        self.disk = Disk(_rooted(data, "files", root), _rooted(data, "folders", root))
        self._results: dict[str, Any] = data.get("results", {})
        self._sets: dict[str, dict[str, str]] = data.get("sets", {})
        self._holds: dict[str, bool] = {}
        self._new = False
        self._process = os.getpid()

    def get(self, key: str) -> CodeClosure | None:
        """The closure of an entry, when all that it was made from is unchanged."""
        result = self._results.get(key)
        if result is None:
            return None
        try:
            if not all(self._set_holds(name) for name in (result["folders"], result["made_from"])):
                return None
            return CodeClosure.from_json(result["closure"] | {"files": self._sets[result["files"]]})
        except (KeyError, TypeError, ValueError, AttributeError):
            self._results.pop(key, None)
            return None

    def put(self, key: str, closure: CodeClosure) -> None:
        """Keep a closure, with all files and folders looked at so far as what it was made from."""
        data = closure.to_json()
        self._results[key] = {
            "files": self._put_set(data.pop("files")),
            "made_from": self._put_set({path: self.disk.digest(path) or "" for path in self.disk.read_files()}),
            "folders": self._put_set({path + "/": self.disk.listing_digest(path) for path in self.disk.listed()}),
            "closure": data,
        }
        self._new = True

    def save(self) -> None:
        """Write what is new: atomically, and silently not at all when that fails."""
        if self._path is None or not (self._new or self.disk.changed) or os.getpid() != self._process:
            return
        results = dict(list(self._results.items())[-_MOST_RESULTS:])
        used = {result[name] for result in results.values() for name in ("files", "made_from", "folders")}
        data = {
            "results": results,
            "sets": {name: content for name, content in self._sets.items() if name in used},
            "files": _relative(self.disk.files, self._root),
            "folders": _relative(self.disk.folders, self._root),
        }
        partial = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(partial, "w", encoding="ascii") as file:
                json.dump(data, file, separators=(",", ":"))
            os.replace(partial, self._path)
        except OSError:
            return
        self._new = self.disk.changed = False

    def _put_set(self, content: dict[str, str]) -> str:
        """Sets of files are shared by all steps of a module: they are kept once, by what is in them."""
        from tiphys.workflows.closure.canonical import text_digest  # only when something is computed

        shown = {self._below(path): digest for path, digest in content.items()}
        name = text_digest(json.dumps(shown, sort_keys=True))[:16]
        self._sets[name] = shown
        return name

    def _set_holds(self, name: str) -> bool:
        if name not in self._holds:
            self._holds[name] = all(self._is_now(path, digest) for path, digest in self._sets[name].items())
        return self._holds[name]

    def _is_now(self, path: str, digest: str) -> bool:
        full = os.path.join(self._root, path)
        if path.endswith("/"):
            return self.disk.listing_digest(os.path.normpath(full)) == digest
        return (self.disk.digest(full) or "") == digest

    def _below(self, path: str) -> str:
        prefix = os.path.join(self._root, "")
        if path == prefix:
            return "./"
        return path[len(prefix) :] if path.startswith(prefix) else path


class SummaryCache:
    """Summaries by digest of the bytes of a file. Opened at the first look, so an unchanged project never does.

    New ones are written together at the end: two processes at work on one project do not wait for each other.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else os.path.join(folder, f"summaries-{version()}.sqlite")
        self._database: sqlite3.Connection | None = None
        self._broken = folder is None
        self._new: dict[str, str] = {}
        self._process = os.getpid()

    def get(self, digest: str) -> ModuleFacts | None:
        """The summary of these bytes, or None."""
        import sqlite3  # only when a closure must be made anew

        from tiphys.workflows.closure.facts import ModuleFacts

        try:
            database = self._open()
            if database is None:
                return None
            row = database.execute("SELECT facts FROM summaries WHERE digest = ?", (digest,)).fetchone()
            return None if row is None else ModuleFacts.from_json(json.loads(row[0]))
        except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError):
            self._broken = True
            return None

    def put(self, digest: str, facts: ModuleFacts) -> None:
        if not self._broken:
            self._new[digest] = json.dumps(facts.to_json(), separators=(",", ":"))

    def save(self) -> None:
        """Write what is new; the oldest summaries go when there are too many."""
        if self._broken or not self._new or os.getpid() != self._process:
            return
        import sqlite3

        try:
            database = self._open()
            if database is not None:
                with database:
                    database.executemany("INSERT OR REPLACE INTO summaries VALUES (?, ?)", self._new.items())
                    limit = "SELECT MAX(rowid) - ? FROM summaries"
                    database.execute(f"DELETE FROM summaries WHERE rowid <= ({limit})", (_MOST_SUMMARIES,))
                self._new.clear()
        except sqlite3.Error:
            self._broken = True

    def close(self) -> None:
        self.save()
        if self._database is not None and os.getpid() == self._process:
            self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection | None:
        if self._database is None and not self._broken and self._path is not None:
            import sqlite3

            try:
                os.makedirs(os.path.dirname(self._path), exist_ok=True)
                self._database = sqlite3.connect(self._path, timeout=1.0, check_same_thread=False)
                self._database.execute("CREATE TABLE IF NOT EXISTS summaries (digest TEXT PRIMARY KEY, facts TEXT)")
            except (sqlite3.Error, OSError):
                self._broken = True
        return None if self._broken else self._database


def _load(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    good = isinstance(data, dict) and all(isinstance(value, dict) for value in data.values())
    return data if good else {}


def _rooted(data: dict[str, Any], name: str, root: str) -> dict[str, Any]:
    table: dict[str, Any] = data.get(name, {})
    good = {path: known for path, known in table.items() if isinstance(known, list) and len(known) == 5}
    return {os.path.normpath(os.path.join(root, path)): known for path, known in good.items()}


def _relative(table: dict[str, Any], root: str) -> dict[str, Any]:
    prefix = os.path.join(root, "")
    return {("." if p == root else p[len(prefix) :] if p.startswith(prefix) else p): v for p, v in table.items()}
