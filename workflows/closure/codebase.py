"""The first-party code of a project as it is now, and the closures of its entries.

Everything is read once: a code base is a snapshot, made anew for each command. Nothing here imports the parser; that
happens in `analysis`, when a closure is not known from an earlier process.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.workflows.closure.cache import ClosureCache, SummaryCache
from tiphys.workflows.closure.editable import editable_roots, site_folders
from tiphys.workflows.closure.model import CodeClosure
from tiphys.workflows.project import Project

if TYPE_CHECKING:
    from tiphys.workflows.closure.analysis import Analysis


class CodeBase:
    """Closures of steps, pipelines and modules of a project. `cache`: a folder for what is remembered, or None.

    `strict` False in the methods turns what no key can cover (a text from outside that is executed) from an
    `InputError` into a note: for steps that are never cached.
    """

    def __init__(self, project: Project, cache: Path | None) -> None:
        self._project = project
        self._sites = site_folders()
        self._editable = editable_roots(self._sites)
        self._cache = ClosureCache(cache, str(project.root))
        self._summaries = SummaryCache(cache)
        self._analysis: Analysis | None = None
        self._known: dict[str, CodeClosure] = {}
        ages = [os.stat(site).st_mtime_ns for site in self._sites if self._editable and os.path.isdir(site)]
        setting = [[project.relative(folder) for folder in project.search], sorted(project.inert), self._editable, ages]
        self._setting = repr(setting)
        self._end = weakref.finalize(self, _save, self._cache, self._summaries)

    def step(self, module: str, name: str, *, strict: bool = True) -> CodeClosure:
        """All that the step bound to `name` can reach; Tiphys' own decorators left out."""
        return self._closure("step", module, name, strict)

    def pipeline(self, module: str, name: str, *, strict: bool = True) -> CodeClosure:
        """What the built graph depends on: the pipeline function, and decorators and signatures of its steps."""
        return self._closure("graph", module, name, strict)

    def module(self, name: str) -> str:
        """Digest of a whole module with all that it reaches; "" when it is not a first-party module (any more)."""
        return self._closure("module", name, "", False).digest

    def save(self) -> None:
        """Write what was found out to the cache folder. Also done when the code base is dropped and at exit."""
        self._cache.save()
        self._summaries.save()

    def close(self) -> None:
        """Save, and close the cache."""
        self._end()

    def _closure(self, kind: str, module: str, name: str, strict: bool) -> CodeClosure:
        key = f"{kind}|{module}|{name}|{strict:d}|{self._setting}"
        closure = self._known.get(key) or self._cache.get(key)
        if closure is None:
            closure = self._analyse(kind, module, name, strict)
            self._cache.put(key, closure)
        self._known[key] = closure
        return closure

    def _analyse(self, kind: str, module: str, name: str, strict: bool) -> CodeClosure:
        from tiphys.workflows.closure.analysis import Analysis  # the parser, only when something changed

        if self._analysis is None:
            self._analysis = Analysis(self._project, self._editable, self._sites, self._cache.disk, self._summaries)
        return self._analysis.closure(kind, module, name, strict=strict)


def _save(cache: ClosureCache, summaries: SummaryCache) -> None:
    cache.save()
    summaries.close()
