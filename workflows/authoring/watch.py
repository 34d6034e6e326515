"""Watches the code that runs while a pipeline is built: notes the files it reads, refuses clock, randomness, network.

A graph is kept and used again as long as nothing that it was made from has changed, so it must not depend on what
nobody can compare. Seen are: opens and listings of Python (an audit hook), connections and subprocesses (likewise), and
calls of the clock and of randomness from the user's own code, under whatever name they were imported (a profile hook
that sees the called function itself). Files that are only looked at (`exists()`) count as read. Not seen are: libraries
that read the clock on their own account, random numbers of NumPy, what native code opens, and whether a folder exists.
While another profiler is active, calls of the clock and of randomness are not seen either.
"""

from __future__ import annotations

import os
import random
import stat
import sys
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

from tiphys.cluster.caller import at, is_library
from tiphys.cluster.errors import InputError

_CLOCK = {
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns",
    "localtime", "gmtime", "ctime", "asctime", "strftime", "clock_gettime", "clock_gettime_ns",
}  # fmt: skip
_CALENDAR = {"now", "utcnow", "today"}
_RANDOM = {"random", "getrandbits"}
_SYSTEM_RANDOM = {"urandom", "getrandom", "generate_time_safe"}
_NAMES = frozenset(_CLOCK | _CALENDAR | _RANDOM | _SYSTEM_RANDOM)
_BETWEEN = ("random", "uuid", "secrets", "datetime", "_pydatetime")
_OUTSIDE = {
    "socket.connect": "the network",
    "socket.getaddrinfo": "the network",
    "socket.gethostbyname": "the network",
    "socket.sendto": "the network",
    "socket.sendmsg": "the network",
    "subprocess.Popen": "a subprocess",
    "os.system": "a subprocess",
    "os.posix_spawn": "a subprocess",
    "os.exec": "a subprocess",
}
_CODE_FILES = (".pyc", ".so", ".pyd")
_SEED = random.Random.seed.__code__

_active: Watch | None = None
_hooked = False


class Watch:
    """Active as a context manager, around the call of a pipeline's function (`code` is its code)."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._reads: dict[str, None] = {}
        self._folders: dict[str, None] = {}
        self._present: dict[str, None] = {}
        self._links: dict[str, str] = {}
        self._refusal: InputError | None = None
        self._real = {name: getattr(os, name) for name in ("stat", "lstat", "readlink")}

    def reads(self) -> tuple[str, ...]:
        """Absolute paths of files that were opened for reading, or tried, in order."""
        return tuple(self._reads)

    def folders(self) -> tuple[str, ...]:
        """Absolute paths of folders that were listed."""
        return tuple(self._folders)

    def present(self) -> tuple[str, ...]:
        """Absolute paths of folders that were found to exist."""
        return tuple(self._present)

    def links(self) -> dict[str, str]:
        """Absolute paths of links that were read, and where they pointed."""
        return dict(self._links)

    def __enter__(self) -> None:
        global _active, _hooked
        if not _hooked:
            sys.addaudithook(_audit)
            _hooked = True
        _active = self
        for name, real in self._real.items():
            setattr(os, name, self._reading_link(real) if name == "readlink" else self._looking(real))
        if sys.getprofile() is None:
            sys.setprofile(self._profile)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _active
        _active = None
        for name, real in self._real.items():
            setattr(os, name, real)
        if sys.getprofile() == self._profile:
            sys.setprofile(None)
        if self._refusal is not None and error is not self._refusal:
            raise self._refusal  # the user's code caught it and went on

    # What the hooks see ----------------------------------------------------------------------------------------------
    def _profile(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            if arg.__name__ in _NAMES:
                what = _forbidden(arg)
                if what:
                    self._refuse_from(frame, what)
        elif event == "call" and frame.f_code is _SEED and frame.f_locals.get("a") is None:
            self._refuse_from(frame, "a random generator without a seed")

    def _refuse_from(self, frame: FrameType | None, what: str) -> None:
        """Refuse when the user's own code asks, directly or through modules that only pass it on."""
        while frame is not None and frame.f_globals.get("__name__") in _BETWEEN:
            frame = frame.f_back
        if frame is not None and not is_library(frame.f_code.co_filename):
            self._refuse(frame, what)

    def _refuse(self, frame: FrameType | None, what: str) -> None:
        line = self._pipeline_line(frame)
        self._refusal = InputError(
            f"{line}: {what} is used while the pipeline is built; its graph would differ each time, and is kept",
            fix="do it inside a step, or pass the value as a parameter of the pipeline",
        )
        raise self._refusal

    def _pipeline_line(self, frame: FrameType | None) -> str:
        """The line in the pipeline function, or the innermost line that there is."""
        innermost = frame
        while frame is not None and frame.f_code is not self._code:
            frame = frame.f_back
        found = frame or innermost
        return at(found.f_code.co_filename, found.f_lineno) if found is not None else ""

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Judge an event of the audit hook."""
        if event == "open":
            self._note_open(*args[:3])
        elif event in ("os.listdir", "os.scandir"):
            path = args[0] if args and args[0] is not None else "."
            if isinstance(path, str | bytes | os.PathLike) and not _importing():
                self._folders[os.path.abspath(os.fsdecode(path))] = None
        elif event in _OUTSIDE and not _importing() and not _is_local(event, args):
            self._refuse(sys._getframe(2), _OUTSIDE[event])

    def _note_open(self, path: Any, mode: Any, flags: Any) -> None:
        if not (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
            self._note_file(path)

    def _looking(self, real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        """`os.stat` or `os.lstat`, of which no audit event tells, noting files, and paths that are not there."""

        def look(path: Any, *args: Any, **options: Any) -> os.stat_result:
            try:
                found = real(path, *args, **options)
            except (FileNotFoundError, NotADirectoryError):
                self._note_file(path)
                raise
            if stat.S_ISREG(found.st_mode):
                self._note_file(path)
            elif stat.S_ISDIR(found.st_mode) and isinstance(path, str | bytes | os.PathLike) and not _importing():
                self._present[os.path.abspath(os.fsdecode(path))] = None
            return found

        return look

    def _reading_link(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def read(path: Any, **options: Any) -> Any:
            target = real(path, **options)
            if isinstance(path, str | bytes | os.PathLike) and not _importing():
                self._links[os.path.abspath(os.fsdecode(path))] = os.fsdecode(target)
            return target

        return read

    def _note_file(self, path: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike) or _importing() or _showing_lines():
            return  # a descriptor, or code
        full = os.path.abspath(os.fsdecode(path))
        if full.endswith(_CODE_FILES) or is_library(full) or full.startswith(("/proc/", "/dev/", "/sys/")):
            return
        self._reads[full] = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _active is not None:
        _active.audit(event, args)


def _forbidden(called: Any) -> str:
    """What the called built-in function is, when it is one of those; else ""."""
    name, owner = called.__name__, getattr(called, "__self__", None)
    module = getattr(owner, "__name__", "") if not isinstance(owner, type) else ""
    if name in _CLOCK and module == "time":
        return f"the clock (time.{name})"
    if name in _CALENDAR and isinstance(owner, type) and owner.__module__ == "datetime":
        return f"the clock ({owner.__name__}.{name})"
    if name in _SYSTEM_RANDOM and module in ("posix", "nt", "_uuid"):
        return f"randomness ({name})"
    if name in _RANDOM and owner is random.random.__self__:  # type: ignore[attr-defined]
        return f"randomness (random.{name})"
    return ""


def _importing() -> bool:
    """Whether an import is going on: what modules do when they load belongs to the code."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _showing_lines() -> bool:
    """Whether `linecache` reads a source for a message or for our check of the pipeline's text."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.endswith("/linecache.py"):
            return True
        frame = frame.f_back
    return False


def _is_local(event: str, args: tuple[Any, ...]) -> bool:
    """A look-up that asks nobody: `getaddrinfo` of a number, a socket file."""
    return event == "socket.connect" and len(args) > 1 and isinstance(args[1], str | bytes)
