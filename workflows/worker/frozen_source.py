"""Imports first-party modules from the bytes that the plan digested, whatever stands on disk by now.

`__file__` stays the original path, tracebacks show the frozen lines, and no `.pyc` is read or written. First-party
modules outside the bundle (computed imports) are read once, and that reading is reported: what ran is what counts.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import decode_source, spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

from tiphys.workflows.worker.places import Places

ReadFrozen = Callable[[str], bytes]
Imported = Callable[[str, str], None]
"""Told the name and the file of a first-party module that the bundle does not hold."""


class FrozenImporter:
    """A finder for `sys.meta_path`. `bundle`: absolute path -> digest; `read`: digest -> bytes."""

    def __init__(self, places: Places, bundle: Mapping[str, str], read: ReadFrozen, imported: Imported) -> None:
        self._places = places
        self._bundle = bundle
        self._read = read
        self._imported = imported
        self._folders = frozenset(_folders_of(bundle))

    def install(self) -> None:
        """Go before the finder of the path. Modules of the project win over ones that this process has loaded."""
        before = next(i for i, finder in enumerate(sys.meta_path) if finder is PathFinder)
        sys.meta_path.insert(before, self)
        for name in self._top_level() & sys.modules.keys() - sys.builtin_module_names - {"tiphys", "__main__"}:
            if not self._places.is_code(getattr(sys.modules[name], "__file__", None) or ""):
                del sys.modules[name]  # a `queue.py` beside the pipeline shadows the library's, as in plain Python

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module from the bundle, else where the path has it."""
        tail = name.rpartition(".")[2]
        folders = self._places.search if path is None else path
        for folder in folders:
            for file, package in ((f"{tail}/__init__.py", True), (f"{tail}.py", False)):
                full = os.path.join(folder, file)
                if full in self._bundle:
                    return self._spec(name, full, package)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None:
            return self._namespace(name, [os.path.join(folder, tail) for folder in folders], spec)
        if self._places.is_code(spec.origin):
            self._report_import(name, spec)
        return spec

    def _spec(self, name: str, full: str, package: bool) -> ModuleSpec | None:
        loader = FrozenLoader(name, full, self._read(self._bundle[full]))
        return spec_from_file_location(
            name, full, loader=loader, submodule_search_locations=[os.path.dirname(full)] if package else None
        )

    def _namespace(self, name: str, candidates: list[str], found: ModuleSpec | None) -> ModuleSpec | None:
        """A folder without `__init__.py`, also when it is in the bundle only."""
        missing = [c for c in candidates if c in self._folders and not os.path.isdir(c)]
        if not missing:
            return found
        spec = found or ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [*(spec.submodule_search_locations or ()), *missing]
        return spec

    def _report_import(self, name: str, spec: ModuleSpec) -> None:
        assert spec.origin is not None
        if type(spec.loader) is SourceFileLoader:
            with open(spec.origin, "rb") as file:  # seen as reading a source, not as a file that the step reads
                spec.loader = FrozenLoader(name, spec.origin, file.read())
        self._imported(name, spec.origin)

    def _top_level(self) -> set[str]:
        names = set()
        for folder in self._places.search:
            prefix = folder.rstrip("/") + "/"
            inside = (path[len(prefix) :] for path in self._bundle if path.startswith(prefix))
            names |= {path.split("/")[0].removesuffix(".py") for path in inside}
        return names


class FrozenLoader(SourceFileLoader):
    """Runs given bytes as the module at `path`."""

    def __init__(self, name: str, path: str, data: bytes) -> None:
        super().__init__(name, path)
        self.data = data

    def get_code(self, fullname: str) -> CodeType:
        """Compiled anew: a `.pyc` is found by time and size, not by content."""
        lines = _lines(self.data)
        linecache.cache[self.path] = (len(self.data), None, lines, self.path)  # None: never looked up on disk
        code: CodeType = self.source_to_code(self.data, self.path)
        return code

    def get_data(self, path: str) -> bytes:
        """The frozen bytes; other files (package data) as they are."""
        return self.data if path == self.path else super().get_data(path)

    def exec_module(self, module: ModuleType) -> None:
        """Run it. `__import__` called by name in it tells what it imports, as `import_module` does."""
        if b"__import__" in self.data:
            from tiphys.workflows.worker.watch_imports import telling_import

            module.__dict__["__import__"] = telling_import
        super().exec_module(module)


def _lines(data: bytes) -> list[str]:
    try:
        text: str = decode_source(data)
    except (SyntaxError, UnicodeDecodeError):  # compiling tells it better
        return []
    return text.splitlines(keepends=True)


def _folders_of(bundle: Mapping[str, Any]) -> set[str]:
    """All folders above files of the bundle."""
    folders: set[str] = set()
    for path in bundle:
        folder = os.path.dirname(path)
        while folder not in folders and folder != os.path.dirname(folder):
            folders.add(folder)
            folder = os.path.dirname(folder)
    return folders
