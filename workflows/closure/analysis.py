"""Makes closures from the text of the project: what `CodeBase` calls when nothing is known from an earlier process."""

from __future__ import annotations

import ast
import gc

from blake3 import blake3

from tiphys.cluster.errors import InputError
from tiphys.workflows.closure.cache import SummaryCache
from tiphys.workflows.closure.disk import Disk
from tiphys.workflows.closure.effects import Effects
from tiphys.workflows.closure.facts import ModuleFacts
from tiphys.workflows.closure.model import CodeClosure
from tiphys.workflows.closure.modules import Modules
from tiphys.workflows.closure.resolver import Found, Resolver
from tiphys.workflows.closure.result import Result
from tiphys.workflows.closure.scopes import FUNCTIONS
from tiphys.workflows.closure.source import parse
from tiphys.workflows.closure.summary import summarize
from tiphys.workflows.closure.touched import Touched
from tiphys.workflows.closure.view import View
from tiphys.workflows.closure.walk import Walk
from tiphys.workflows.project import Project


class Analysis:
    """Modules, names and effects of a project, shared by all closures that are made."""

    def __init__(
        self,
        project: Project,
        editable: tuple[tuple[str, str], ...],
        sites: list[str],
        disk: Disk,
        summaries: SummaryCache,
    ) -> None:
        self._project = project
        self._disk = disk
        self._summaries = summaries
        self.parsed: list[str] = []  # files that no summary was known for
        self._modules = Modules(project, editable, sites, disk, self._summary)
        self._resolver = Resolver(self._modules)
        self._views = {
            graph: View(self._modules, self._resolver, project.inert, graph=graph) for graph in (False, True)
        }
        self._effects = {graph: Effects(view) for graph, view in self._views.items()}
        self._touched = {graph: Touched(view, self._effects[graph]) for graph, view in self._views.items()}

    def closure(self, kind: str, module: str, name: str, *, strict: bool) -> CodeClosure:
        """The closure of an entry; `kind` is `step`, `graph` or `module` (then `name` is "")."""
        collecting = gc.isenabled()
        gc.disable()  # nothing made here is garbage before the end
        try:
            found = self._module_entry(module) if kind == "module" else self._entry(kind, module, name)
            if found is None:
                return CodeClosure(module, "")
            graph = kind == "graph"
            walk = Walk(self._views[graph], self._effects[graph], self._touched[graph], strict=strict)
            walk.start(found, module)
            entry = f"{module}:{name}" if name else module
            return Result(self._project, walk, entry, module).closure()
        finally:
            if collecting:
                gc.enable()

    def _summary(self, source: bytes, shown: str) -> ModuleFacts:
        digest = blake3(source).hexdigest()
        facts = self._summaries.get(digest)
        if facts is None:
            facts = summarize(source, shown)
            self.parsed.append(shown)
            self._summaries.put(digest, facts)
        return facts

    def _module_entry(self, module: str) -> Found | None:
        if self._modules.find(module) is None:
            return None
        return Found(whole={module}, modules={module})

    def _entry(self, kind: str, module: str, name: str) -> Found:
        """What the entry's name is bound to. `InputError` when it has no module-level name."""
        what = "step" if kind == "step" else "pipeline"
        if self._modules.find(module) is None:
            folders = ", ".join(self._project.relative(folder) for folder in self._project.search)
            raise InputError(
                f"module {module!r} of {what} {name!r} is not in the project (searched: {folders})",
                fix="write it to a file below the project root, or add its folder to [tool.tiphys] path",
            )
        found = self._resolver.resolve(module, name)
        if not found.units:
            raise InputError(
                f"{what} {name!r} has no module-level name ({self._made_in(module, name)}), "
                "so its captured values are not in the key",
                fix="bind it at module level, or pass them as parameters",
            )
        return found

    def _made_in(self, module: str, name: str) -> str:
        """Where a nested function of that name is defined, for the message."""
        found = self._modules.find(module)
        shown = self._modules.shown(module)
        if found is None or found.kind != "source":
            return f"in {shown or module}"
        for outer in ast.walk(parse(self._disk.read(found.path), shown)):
            if isinstance(outer, FUNCTIONS):
                for inner in ast.walk(outer):
                    if isinstance(inner, FUNCTIONS) and inner is not outer and inner.name == name:
                        return f"made in {outer.name}, {shown}:{inner.lineno}"
        return f"in {shown}"
