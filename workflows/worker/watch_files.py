"""Which files, folders and absent names a step looks at: an audit hook for opens and listings, wrappers for stats.

The digest is taken before the call that asked for the file returns, so the step cannot change it first. A file that
the step wrote itself is no input. C code that opens files (Arrow, polars, duckdb) is not seen: the key covers what the
text names, and the limits page says the rest.
"""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Iterable
from typing import Any

from tiphys.cluster.store.records import FOLDER_PRESENT
from tiphys.workflows.worker.frames import direct_caller, reading_source
from tiphys.workflows.worker.places import Places
from tiphys.workflows.worker.sightings import Sightings

Digest = Callable[[str], str]

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_SOURCES = (".py", ".pyc", ".so", ".pyi")


class WatchFiles:
    """Turns events about paths into sightings. `bundle`: absolute paths of first-party sources that the key covers.

    `digest`, `listing`: of a file's bytes, of a folder's names.
    """

    def __init__(
        self, places: Places, sightings: Sightings, digest: Digest, listing: Digest, bundle: Iterable[str] = ()
    ) -> None:
        self._places = places
        self._sightings = sightings
        self._digest = digest
        self._listing = listing
        self._bundle = frozenset(bundle)
        self._ancestors = frozenset(_ancestors(self._bundle))
        self._written: set[str] = set()
        self._unwatched: set[str] = set()  # paths found to be private or of a library

    # Audit events --------------------------------------------------------------------------------------------------
    def handlers(self) -> dict[str, Callable[[tuple[Any, ...]], None]]:
        """What to do at which audit event."""
        return {
            "open": lambda args: self.opened(args[0], args[1], args[2]),
            "os.listdir": lambda args: self.listed(args[0]),
            "os.scandir": lambda args: self.listed(args[0]),
            "os.rename": lambda args: self.moved(args[0], args[1]),
            "os.link": lambda args: self.moved(args[0], args[1]),
            "os.symlink": lambda args: self.wrote(args[1]),
            "os.mkdir": lambda args: self.wrote(args[0]),
            "os.rmdir": lambda args: self.wrote(args[0]),
            "os.remove": lambda args: self.wrote(args[0]),
            "os.truncate": lambda args: self.wrote(args[0]),
            "sqlite3.connect": lambda args: self.opened(_database(args[0]), "r", 0),
            "ctypes.dlopen": lambda args: self.opened(args[0], "r", 0) if args[0] and "/" in str(args[0]) else None,
        }

    def opened(self, path: Any, mode: str | None, flags: int) -> None:
        """A file is about to be opened."""
        full = _absolute(path)
        if full is None or full in self._unwatched:
            return
        full = self._behind_link(full)
        if self._places.is_private(full) or self._places.is_library(full):
            self._unwatched.add(full)
            if not full.endswith(_SOURCES) and not reading_source(self._places):
                name = self._places.installed_name(full)
                if name:
                    self._sightings.add("installed", name)  # data of a package counts with the package's version
        elif _writes(mode, flags):
            if not _truncates(mode, flags) or _exclusive(mode, flags):
                self._read(full)  # `a` and `r+` see what is there, `x` whether something is
            self.wrote(full)
        elif not (full.endswith(_SOURCES) and reading_source(self._places)):  # loaded as code: a module, not a file
            self._read(full)

    def listed(self, path: Any) -> None:
        """The names in a folder are about to be read."""
        if isinstance(path, int):  # `os.fwalk`, `os.listdir(fd)`
            path = os.path.realpath(f"/proc/self/fd/{path}")
        full = _absolute(os.curdir if path is None else path)
        if full is None or self._is_known("folders", full) or self._ignored(full) or reading_source(self._places):
            return
        try:
            self._sightings.add("folders", self._places.shown(full), self._listing(full))
        except FileNotFoundError:
            self._sightings.add("files", self._places.shown(full), None)
        except OSError:
            return  # the step is about to get the same error

    def moved(self, source: Any, target: Any) -> None:
        """A file gets another name: what it holds is read later under that one."""
        full = _absolute(source)
        if full is not None:
            self._read(full)
        self.wrote(source, target)

    def _behind_link(self, full: str) -> str:
        """The file that a name in the working folder leads to, when it leads out of it by a link."""
        if not self._places.is_private(full):
            return full
        real = os.path.realpath(full)
        return full if self._places.is_private(real) else real

    def wrote(self, *paths: Any) -> None:
        """The step makes, changes or removes these itself: what it finds there later is its own."""
        for path in paths:
            full = _absolute(path)
            if full is None or self._places.is_private(full):
                continue
            self._written.add(full)
            shown = self._places.shown(full)
            if self._places.in_project(full) and "/." not in f"/{shown}":
                self._sightings.add("outside", shown)

    def read(self, full: str) -> None:
        """A file was loaded in a way that no event told of."""
        self._read(full)

    def _read(self, full: str) -> None:
        if full in self._written or self._is_known("files", full) or self._ignored(full):
            return
        try:
            if not modes.S_ISREG(os.stat(full).st_mode):
                return  # a folder, a pipe or a device has no bytes to digest
            digest = self._digest(full)
        except (FileNotFoundError, NotADirectoryError):
            self._sightings.add("files", self._places.shown(full), None)
        except (OSError, ValueError):
            return  # the step is about to get the same error
        else:
            self._sightings.add("files", self._places.shown(full), digest)

    # Stats ---------------------------------------------------------------------------------------------------------
    def stat_found(self, path: Any, mode: int) -> None:
        """The step was told that something exists below the root: a file counts with its bytes, a folder with its name.

        Sources in the key, and the folders that they stand in, exist by necessity.
        """
        full = _absolute(path)
        if full is None or full in self._bundle or full in self._ancestors or not self._counts(full):
            return
        if full in self._written or self._places.is_private(full) or self._places.is_library(full):
            return
        if modes.S_ISDIR(mode):
            self._sightings.add("folders", self._places.shown(full), FOLDER_PRESENT)
        else:
            self._read(full)

    def stat_missed(self, path: Any) -> None:
        """The step was told that a name below the root does not exist."""
        full = _absolute(path)
        if full is None or full in self._written or not self._counts(full) or self._ignored(full):
            return
        if not self._is_known("files", full) and not self._is_known("folders", full):
            self._sightings.add("files", self._places.shown(full), None)

    def link_read(self, path: Any, target: str) -> None:
        """The step was told where a link points (`readlink`, `resolve`)."""
        full = _absolute(path)
        if full is not None and self._counts(full) and full not in self._written and not self._ignored(full):
            self._sightings.add("links", self._places.shown(full), target)

    def _counts(self, full: str) -> bool:
        """Stats count below the root; elsewhere (libraries look at a lot) when the user's own line asks."""
        if self._places.in_project(full):
            return True
        caller = direct_caller(self._places)
        return caller is not None and self._places.is_code(caller.f_code.co_filename)

    # What counts ---------------------------------------------------------------------------------------------------
    def _is_known(self, kind: Any, full: str) -> bool:
        shown = self._places.shown(full)
        seen = self._sightings.seen[kind]
        return shown in seen and seen[shown] != FOLDER_PRESENT

    def _ignored(self, full: str) -> bool:
        places = self._places
        if places.is_private(full) or places.is_library(full):
            return True
        if not places.is_system(full):
            return False
        caller = direct_caller(places)
        return caller is None or not places.is_code(caller.f_code.co_filename)

    def outside_notes(self) -> list[str]:
        """A note when the step changed files of the project: a hit would not change them again."""
        names = sorted(self._sightings.seen["outside"])
        if not names:
            return []
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        shown = ", ".join(names[:3]) + more
        return [f"the step writes outside its working folder, which a hit does not repeat: {shown}"]


def _database(name: Any) -> Any:
    """The path in what `sqlite3.connect` is given, which may be a URI."""
    if isinstance(name, str) and name.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        return unquote(urlsplit(name).path)
    return name


def _absolute(path: Any) -> str | None:
    """The absolute path as text without `.` and `..`; None for descriptors and what is no path."""
    if isinstance(path, int):
        return None
    try:
        text = os.fsdecode(path)
        if text in ("", ":memory:") or "\0" in text:
            return None
        return os.path.normpath(text if text.startswith("/") else os.path.join(os.getcwd(), text))
    except (TypeError, OSError, UnicodeError):
        return None


def _writes(mode: str | None, flags: int) -> bool:
    return bool(flags & _WRITES) if mode is None else any(c in mode for c in "wax+")


def _exclusive(mode: str | None, flags: int) -> bool:
    return bool(flags & os.O_EXCL) if mode is None else "x" in mode


def _truncates(mode: str | None, flags: int) -> bool:
    return bool(flags & (os.O_TRUNC | os.O_EXCL)) if mode is None else any(c in mode for c in "wx")


def _ancestors(paths: Iterable[str]) -> Iterable[str]:
    for path in paths:
        while (folder := os.path.dirname(path)) != path:
            yield folder
            path = folder
