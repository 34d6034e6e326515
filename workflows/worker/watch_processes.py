"""Other processes and connections that a step starts: what they read is not seen, so they are told with their line."""

from __future__ import annotations

import _posixsubprocess
import os
import sys
from collections.abc import Callable
from typing import Any

from tiphys.workflows.worker.frames import direct_caller, line_of, users_caller
from tiphys.workflows.worker.places import Places
from tiphys.workflows.worker.sightings import Sightings

_DESCRIBE_MACHINE = frozenset({"uname", "ldconfig", "lscpu", "nproc", "getconf", "nvidia-smi"})
"""Programs that libraries start at import to learn about the machine; they read nothing of the project."""

_LOOPBACK = ("127.", "::1", "localhost")


class WatchProcesses:
    """Sentences for `Observed.local`. `silent`: the step has declared what they depend on."""

    def __init__(self, places: Places, sightings: Sightings, *, silent: bool) -> None:
        self._places = places
        self._sightings = sightings
        self._silent = silent
        self._serves = False

    def handlers(self) -> dict[str, Callable[[tuple[Any, ...]], None]]:
        """What to do at which audit event. A plain fork is not among them: the child reports what it reads."""
        return {
            "subprocess.Popen": lambda args: self.started(args[0] or _first(args[1])),
            "os.system": lambda args: self.started(args[0]),
            "os.exec": lambda args: self.started(args[0]),
            "os.posix_spawn": lambda args: self.started(args[0]),
            "os.spawn": lambda args: self.started(args[1]),
            "os.forkpty": lambda args: self.started("a terminal"),
            "_posixsubprocess.fork_exec": lambda args: self.spawned(args[0]),  # ours: see `install`
            "socket.bind": lambda args: self.bound(),
            "socket.connect": lambda args: self.connected(args[1]),
            "socket.sendto": lambda args: self.connected(args[1]),
            "socket.getaddrinfo": lambda args: self.connected(args[:2]),
            "socket.gethostbyname": lambda args: self.connected(args),
        }

    def install(self) -> None:
        """Wrap what `multiprocessing` starts its servers and spawned workers with: no audit event tells of it."""
        real = _posixsubprocess.fork_exec

        def fork_exec(*args: Any) -> int:
            sys.audit("_posixsubprocess.fork_exec", args[0])
            return real(*args)

        _posixsubprocess.fork_exec = fork_exec

    def spawned(self, arguments: Any) -> None:
        """`multiprocessing` starts a process. Its resource tracker runs no code of the step."""
        words = [os.fsdecode(word) for word in arguments]
        if not any("resource_tracker" in word for word in words):
            self.started(words[0])

    def started(self, program: Any) -> None:
        """Another program begins."""
        text = os.fsdecode(program) if isinstance(program, bytes | os.PathLike) else str(program)
        words = text.split()
        name = os.path.basename(words[0]) if words else "?"
        if name not in _DESCRIBE_MACHINE:
            self._tell(f"starts {name!r}")

    def bound(self) -> None:
        """The step serves something itself: connections to this machine may be its own."""
        self._serves = True

    def connected(self, address: Any) -> None:
        """A connection begins, or a name is resolved. Addresses of Unix sockets are text or bytes, no tuple."""
        if not isinstance(address, tuple) or not address:
            return
        host = os.fsdecode(address[0]) if isinstance(address[0], bytes) else str(address[0])
        if self._serves and host.startswith(_LOOPBACK):
            return
        self._tell(f"connects to {host}")

    def _tell(self, what: str) -> None:
        if self._silent:
            return
        frame = users_caller(self._places) or direct_caller(self._places)
        self._sightings.add("local", f"{line_of(frame, self._places)} {what}")


def _first(arguments: Any) -> Any:
    """The program of a `Popen` call without `executable`."""
    return arguments if isinstance(arguments, str | bytes | os.PathLike) else next(iter(arguments), "?")
