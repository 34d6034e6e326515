"""First-party modules that text cannot tell: computed imports, and modules loaded in other ways.

Each counts whole, with its own closure (`digest`). The audit event `import` is not enough: it is not raised for a
module that is loaded already, nor with the name that was given to `import_module`.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Collection
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from tiphys.workflows.worker.frames import direct_caller
from tiphys.workflows.worker.places import Places
from tiphys.workflows.worker.sightings import Sightings

_import = builtins.__import__
_import_module = importlib.import_module
_find_spec = importlib.util.find_spec
_watch: WatchImports | None = None


class WatchImports:
    """Notes modules by name. `digest(name, file)` is asked when the module is met, "" stands for an absent one.

    `read`: told about the file of a module that is neither first-party nor installed (`sys.path.insert`).
    """

    def __init__(
        self,
        places: Places,
        sightings: Sightings,
        bundle: Collection[str],
        digest: Callable[[str, str], str],
        read: Callable[[str], None],
    ) -> None:
        self._places = places
        self._sightings = sightings
        self._bundle = bundle
        self._digest = digest
        self._read = read
        self._before = frozenset(sys.modules)
        self._unpickled: set[str] = set()

    def handlers(self) -> dict[str, Callable[[tuple[Any, ...]], None]]:
        """What to do at which audit event. The classes of a pickle are named by its bytes, not by the code."""
        return {"pickle.find_class": lambda args: self._unpickled.add(args[0])}

    def install(self) -> None:
        """Wrap `import_module`, for the life of this process."""
        global _watch
        _watch = self
        importlib.import_module = telling_import_module
        importlib.util.find_spec = telling_find_spec

    def imported(self, name: str, file: str) -> None:
        """A first-party module that the bundle does not hold is being imported."""
        if not self._sightings.has("modules", name):
            self._sightings.add("modules", name, self._digest(name, file))

    def asked(self, name: str) -> None:
        """First-party code has imported a computed name: it may use all of the module."""
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if module is None:
            self._sightings.add("modules", name, "")
        elif file is not None and self._places.is_code(os.path.abspath(file)):
            self.imported(name, os.path.abspath(file))

    def sought(self, name: str, file: str | None) -> None:
        """The step asked whether there is a module."""
        if file is None:
            self._sightings.add("modules", name, "")
        elif os.path.isabs(file) and self._places.is_code(file):
            self.imported(name, file)

    def asked_by_user(self) -> bool:
        """Whether the line that is asking is first-party."""
        caller = direct_caller(self._places)
        return caller is not None and self._places.is_code(caller.f_code.co_filename)

    def loaded(self) -> None:
        """At the end: first-party modules that came in without the import system."""
        for name in self._unpickled & sys.modules.keys():
            self.asked(name)
        for name in list(sys.modules.keys() - self._before):
            file = getattr(sys.modules[name], "__file__", None)
            if not isinstance(file, str) or self._sightings.has("modules", name):
                continue
            if "." not in name and self._places.installed_name(file):
                self._sightings.add("installed", name)
            file = os.path.abspath(file)
            if file not in self._bundle and self._places.is_code(file):
                self.imported(name, file)
            elif self._places.is_elsewhere(file):
                self._read(file)


def telling_import_module(name: str, package: str | None = None) -> ModuleType:
    """`importlib.import_module` that tells which name was asked for."""
    watch = _watch
    if watch is None:
        return _import_module(name, package)
    full = importlib.util.resolve_name(name, package) if name.startswith(".") else name
    try:
        return _import_module(name, package)
    finally:
        if full in sys.modules or watch.asked_by_user():  # also by libraries that are given a name, as hydra is
            watch.asked(full)


def telling_find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
    """`importlib.util.find_spec` that tells which name was asked for: being there, or not, is what the step learns."""
    spec = _find_spec(name, package)
    if _watch is not None and _watch.asked_by_user():
        full = importlib.util.resolve_name(name, package)
        _watch.sought(full, spec.origin if spec is not None else None)
    return spec


def telling_import(name: str, *args: Any, **kwargs: Any) -> ModuleType:
    """`__import__` that tells which name was asked for (absolute names; relative ones are seen when they load)."""
    try:
        return _import(name, *args, **kwargs)
    finally:
        if _watch is not None and _watch.asked_by_user():
            _watch.asked(name)
