"""Which environment variables are read, and by whose line.

`os.environ` keeps its identity (modules hold references to it); only its class is replaced by one that tells an
observer. C code that reads the environment is not seen; the closed environment leaves it little to see.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol

from tiphys.cluster.errors import InputError
from tiphys.workflows.worker.frames import environment_reader, line_of, users_caller
from tiphys.workflows.worker.places import Places, places_for
from tiphys.workflows.worker.sightings import Sightings


class Observer(Protocol):
    """Told about every use of `os.environ`."""

    def read(self, name: str, present: bool) -> None: ...
    def changed(self, name: str) -> None: ...
    def iterated(self) -> None: ...


_observer: Observer | None = None
_original: type = type(os.environ)


class _Watched(os._Environ):  # type: ignore[type-arg]
    """`os.environ` that tells `_observer`. `get`, `in`, `getenv` and `setdefault` all end in `__getitem__`."""

    def __getitem__(self, key: str | bytes) -> str | bytes:
        try:
            value: str | bytes | None = super().__getitem__(key)
        except KeyError:
            value = None
        if _observer is not None:
            _observer.read(os.fsdecode(key), value is not None)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str | bytes]:
        if _observer is not None:
            _observer.iterated()
        return super().__iter__()

    def __setitem__(self, key: str | bytes, value: str | bytes) -> None:
        if _observer is not None:
            _observer.changed(os.fsdecode(key))
        super().__setitem__(key, value)

    def __delitem__(self, key: str | bytes) -> None:
        if _observer is not None:
            _observer.changed(os.fsdecode(key))
        super().__delitem__(key)


def observe_environment(observer: Observer | None) -> None:
    """Tell `observer` about uses of `os.environ` and `os.environb` from now on; None: nobody."""
    global _observer
    _observer = observer
    for environ in (os.environ, os.environb):
        environ.__class__ = _original if observer is None else _Watched


class WatchEnvironment:
    """A step's reads: undeclared ones are sightings, and those of names that are set where it was planned are refused.

    `harmless`: names whose values are the same everywhere, or follow from the resources. Reading another name of the
    closed environment that is not declared (HOME, PATH) is noted when the user's own code does it.
    """

    def __init__(
        self,
        places: Places,
        sightings: Sightings,
        step: str,
        *,
        declared: Collection[str],
        harmless: Collection[str],
        planner: Collection[str],
    ) -> None:
        self._places = places
        self._sightings = sightings
        self._step = step
        self._declared = frozenset(declared)
        self._harmless = frozenset(harmless)
        self._planner = frozenset(planner) - self._harmless
        self._own: set[str] = set()
        self._iterating: set[str] = set()  # lines that take the whole environment: one note says it
        self.refused: InputError | None = None

    def read(self, name: str, present: bool) -> None:
        """A variable is looked up. Raises the refusal, and keeps it for code that swallows exceptions."""
        if name in self._declared or name in self._own or (present and name in self._harmless):
            return
        caller = environment_reader(self._places)
        by_user = caller is not None and self._places.is_code(caller.f_code.co_filename)
        where = line_of(caller, self._places)
        if present:
            if by_user and where not in self._iterating:
                note = f"{where} reads {name}, whose value is not in the key: declare env=['{name}']"
                self._sightings.add("notes", note)
            return
        self._sightings.add("env", name)
        if by_user:
            self._sightings.add("own_env", name)
        if by_user and name in self._planner:
            self.refused = InputError(
                f"step {self._step!r} reads the environment variable {name} at {where}, which is set where you plan "
                "but not declared",
                fix=f"add env=['{name}'] to its @step (the value then enters the key), or secrets=['{name}'] (only the "
                "name does)",
            )
            raise self.refused

    def changed(self, name: str) -> None:
        """The step sets a variable itself: what it reads there is its own."""
        self._own.add(name)

    def iterated(self) -> None:
        """The whole environment is read; only the closed one is there, so it is no more than a note."""
        caller = environment_reader(self._places)
        if caller is not None and self._places.is_code(caller.f_code.co_filename):
            where = line_of(caller, self._places)
            self._iterating.add(where)
            self._sightings.add("notes", f"{where} reads the whole environment: only declared names are in the key")


class EnvironmentReads:
    """Collects the names that first-party code looks up while this context is entered (`names`)."""

    def __init__(self, root: Path) -> None:
        self.names: set[str] = set()
        self._places = places_for(root)
        self._own: set[str] = set()

    def __enter__(self) -> EnvironmentReads:
        observe_environment(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        observe_environment(None)

    def read(self, name: str, present: bool) -> None:
        """A variable is looked up."""
        if name not in self._own and users_caller(self._places) is not None:
            self.names.add(name)  # also through `Path.home` and libraries: a graph is soon built again

    def changed(self, name: str) -> None:
        """The user's code sets a variable itself."""
        self._own.add(name)

    def iterated(self) -> None:
        """Iterating looks up each name that is used."""
