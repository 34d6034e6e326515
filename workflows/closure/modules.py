"""Finds first-party modules as the import system of a worker would, and reads their summaries.

Order: the project's folders, which stand at the front of `sys.path`; then editable installs, which stand behind the
installed distributions. Within a folder, as in `importlib`: package, extension module, source, bytecode; a folder
without `__init__` is a namespace package when nothing else is found.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tiphys.cluster.errors import InputError
from tiphys.workflows.closure.disk import Disk
from tiphys.workflows.closure.editable import is_installed
from tiphys.workflows.closure.facts import ModuleFacts
from tiphys.workflows.project import Project

OWN = "tiphys"
"""Tiphys enters a key by its key version alone, wherever it is installed."""

_SUFFIXES = (*importlib.machinery.EXTENSION_SUFFIXES, ".py", ".pyc")


@dataclass(frozen=True, slots=True)
class Module:
    """A first-party module. `path` is absolute, "" for a namespace package; `folders`: where submodules are."""

    name: str
    path: str
    kind: Literal["source", "binary", "namespace"]
    folders: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """What relative imports start from."""
        return self.name if self.folders else self.name.rpartition(".")[0]


class Modules:
    """First-party modules by name, and their summaries."""

    def __init__(
        self,
        project: Project,
        editable: tuple[tuple[str, str], ...],
        sites: list[str],
        disk: Disk,
        summarize: Callable[[bytes, str], ModuleFacts],
    ) -> None:
        self._project = project
        self._search = tuple(str(folder) for folder in project.search)
        self._editable = tuple((folder, name) for folder, name in editable if folder not in self._search)
        self._sites = sites
        self._disk = disk
        self._summarize = summarize
        self._found: dict[str, Module | None] = {}
        self._facts: dict[str, ModuleFacts] = {}
        self._binders: dict[str, dict[str, list[int]]] = {}

    def find(self, name: str) -> Module | None:
        """The first-party module of a full name; None when it is foreign or does not exist."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def facts(self, name: str) -> ModuleFacts:
        """The summary of a first-party module; without units for extension modules and namespace packages."""
        facts = self._facts.get(name)
        if facts is None:
            facts = self._facts[name] = self._read(name)
        return facts

    def binders(self, name: str) -> dict[str, list[int]]:
        """Bound name -> indices of units, of a first-party module."""
        if name not in self._binders:
            self._binders[name] = self.facts(name).binders()
        return self._binders[name]

    def shown(self, name: str) -> str:
        """The file of a module for messages: relative to the root."""
        module = self.find(name)
        return "" if module is None or not module.path else self._project.relative(module.path)

    def absolute(self, module: str, level: int, name: str) -> str:
        """The full name that an import statement in `module` asks for; "" when it leaves the top-level package."""
        if not level:
            return name
        found = self.find(module)
        package = "" if found is None else found.package
        for _ in range(level - 1):
            package = package.rpartition(".")[0]
        return f"{package}.{name}" if package and name else package

    def submodules(self, name: str, *, deep: bool = False) -> Iterator[str]:
        """Names of the modules directly inside a package, or of all below it."""
        module = self.find(name)
        for folder in () if module is None else module.folders:
            for entry in sorted(self._disk.listing(folder)):
                stem = entry.partition(".")[0]
                inner = f"{name}.{stem}"
                if stem not in ("__init__", "pyvenv") and self.find(inner) is not None:
                    yield inner
                    if deep:
                        yield from self.submodules(inner, deep=True)

    def parents(self, name: str) -> list[str]:
        """A module with the packages around it, outermost first."""
        parts = name.split(".")
        return [".".join(parts[: i + 1]) for i in range(len(parts))]

    def _find(self, name: str) -> Module | None:
        parent, _, last = name.rpartition(".")
        if parent:
            around = self.find(parent)
            return None if around is None else self._locate(name, last, around.folders)
        if name == OWN or name in sys.builtin_module_names or not name:
            return None
        found = self._locate(name, name, self._search)
        if found is not None and found.kind == "namespace" and name in sys.stdlib_module_names:
            return None
        if found is not None or name in sys.stdlib_module_names or self._is_distributed(name):
            return found
        folders = tuple(folder for folder, only in self._editable if only in ("", name))
        return self._locate(name, name, folders)

    def _locate(self, name: str, last: str, folders: tuple[str, ...]) -> Module | None:
        regular: list[Module] = []
        portions: list[str] = []
        for folder in folders:
            found = self._in_folder(name, last, folder)
            if found is not None and found.kind == "namespace":
                portions += found.folders
            elif found is not None and found.path not in [m.path for m in regular]:
                regular.append(found)
        if len(regular) > 1 and folders == self._search:
            first, second = (self._project.relative(m.path) for m in regular[:2])
            raise InputError(
                f"module {name!r} is found twice in the project: {first} and {second}",
                fix="rename one of them, or make its folder a package with an __init__.py",
            )
        if regular:
            return regular[0]
        return Module(name, "", "namespace", tuple(portions)) if portions else None

    def _in_folder(self, name: str, last: str, folder: str) -> Module | None:
        entries = self._disk.listing(folder)
        inside = os.path.join(folder, last)
        is_folder = entries.get(last, False)
        if is_folder:
            names = self._disk.listing(inside)
            if "pyvenv.cfg" in names or is_installed(inside):
                return None
            for suffix in _SUFFIXES:
                if f"__init__{suffix}" in names:
                    kind: Literal["source", "binary"] = "source" if suffix == ".py" else "binary"
                    return Module(name, os.path.join(inside, f"__init__{suffix}"), kind, (inside,))
        for suffix in _SUFFIXES:
            if entries.get(last + suffix) is False:
                return Module(name, inside + suffix, "source" if suffix == ".py" else "binary")
        return Module(name, "", "namespace", (inside,)) if is_folder else None

    def _is_distributed(self, name: str) -> bool:
        """Whether an installed distribution comes before an editable one of the same name."""
        return any(os.path.exists(os.path.join(site, name + suffix)) for site in self._sites for suffix in ("", ".py"))

    def _read(self, name: str) -> ModuleFacts:
        module = self.find(name)
        if module is None or module.kind == "namespace":
            return ModuleFacts("")
        if module.kind == "binary":
            return ModuleFacts(self._disk.digest(module.path) or "")
        try:
            source = self._disk.read(module.path)
        except OSError as error:
            raise InputError(
                f"cannot read {self.shown(name)}: {error.strerror}", fix="give this user the right to read it"
            ) from error
        return self._summarize(source, self.shown(name))
