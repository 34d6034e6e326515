"""The closure of an entry: units that it reaches, modules that its program executes, effects of importing these.

1. Follow the names of reached units, starting with the units that bind the entry.
2. Every reached module is executed, with the packages around it and all that it imports at its top, transitively.
3. A unit of an executed module that is not reached counts when its effect may touch what is (`effects`). Counting it
   extends the closure, which may let further effects count: repeat until nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterable

from tiphys.workflows.closure.effects import Effects
from tiphys.workflows.closure.facts import Import
from tiphys.workflows.closure.hazards import Hazards
from tiphys.workflows.closure.model import Role
from tiphys.workflows.closure.resolver import Found, Slot, UnitId
from tiphys.workflows.closure.touched import Touched
from tiphys.workflows.closure.view import View


class Walk:
    """One closure. `reached`: unit -> (unit that pulled it in as `module:name`, role)."""

    def __init__(self, view: View, effects: Effects, touched: Touched, *, strict: bool) -> None:
        self.view = view
        self.effects = effects
        self._touched = touched
        self.reached: dict[UnitId, tuple[str, Role]] = {}
        self.executed: dict[str, None] = {}
        self.whole: set[str] = set()
        self.foreign: set[str] = set()  # full names of foreign modules that are imported
        self.hazards = Hazards()
        self._strict = strict
        self._slots: set[Slot] = set()
        self._queue: list[UnitId] = []
        self._whole_queue: list[tuple[str, str]] = []
        self._modules: set[str] = set()  # modules with reached units
        self._evaluated: set[UnitId] = set()

    def start(self, found: Found, module: str) -> None:
        """Compute everything from what the entry stands for."""
        self.execute([module])
        self._take(found, "")
        while self._expand():
            pass

    def execute(self, modules: Iterable[str]) -> None:
        """Note that modules run, and all that they import at their top."""
        queue = list(modules)
        while queue:
            for name in self.view.modules.parents(queue.pop()):
                if name in self.executed or self.view.modules.find(name) is None:
                    continue
                self.executed[name] = None
                for unit in self.view.modules.facts(name).units:
                    for part in unit.parts():
                        for item in part.imports:
                            queue += self.targets(name, item)

    def targets(self, module: str, item: Import) -> list[str]:
        """First-party modules that an import statement executes; foreign ones are noted."""
        level, name, names = item
        modules = self.view.modules
        full = modules.absolute(module, level, name)
        found = modules.find(full)
        if found is None:
            self.foreign.add(full)
            return [parent for parent in modules.parents(full) if modules.find(parent) is not None]
        wanted = names
        if "*" in names:
            wanted = tuple(modules.facts(full).exported or ())
        inner = [f"{full}.{n}" for n in wanted if modules.find(f"{full}.{n}") is not None]
        if found.kind == "namespace" and not inner:
            self.foreign.add(full)  # a library of that name would come first
        return [full, *inner]

    def named(self, unit: UnitId) -> str:
        """`module:name` of a unit, its line when it binds nothing."""
        facts = self.view.unit(unit)
        return f"{unit[0]}:{facts.names[0] if facts.names else facts.first_line}"

    # Steps of the fixpoint --------------------------------------------------------------------------------------
    def _expand(self) -> bool:
        """Follow what is queued, then take in what it makes count. False when nothing was added."""
        while self._queue or self._whole_queue:
            if self._queue:
                self._follow(self._queue.pop())
            else:
                self._take_whole(*self._whole_queue.pop())
        before = (len(self.reached), len(self.whole), len(self.executed))
        self._take_hazards()
        self._take_subclasses()
        self._take_effects()
        return bool(self._queue or self._whole_queue) or before != (
            len(self.reached),
            len(self.whole),
            len(self.executed),
        )

    def _follow(self, unit: UnitId) -> None:
        self._take(self.view.reach(unit), self.named(unit))
        for item in self.view.imports_later(unit):
            self.execute(self.targets(unit[0], item))
        self.hazards.inspect(self.view, unit, strict=self._strict)

    def _take(self, found: Found, puller: str) -> None:
        for unit in found.units:
            self._reach(unit, puller, "code")
        self._slots |= found.slots
        self._whole_queue += [(module, puller) for module in sorted(found.whole)]
        self.execute(sorted(found.modules))

    def _reach(self, unit: UnitId, puller: str, role: Role) -> None:
        if unit in self.reached:
            return
        self.reached[unit] = (puller, role)
        self._queue.append(unit)
        if unit[0] not in self._modules:
            self._modules.add(unit[0])
            self.execute([unit[0]])
            for index, facts in enumerate(self.view.modules.facts(unit[0]).units):
                if any(name == "__future__" for _, name, _ in facts.body.imports):  # changes how the module compiles
                    self._reach((unit[0], index), puller, "code")

    def _take_whole(self, module: str, puller: str) -> None:
        if module in self.whole:
            return
        self.whole.add(module)
        self.execute([module])
        self._take(self.view.whole(module), puller)
        found = self.view.modules.find(module)
        if found is not None and found.kind == "binary":  # may call anything of the package that it belongs to
            top = module.partition(".")[0]
            for inner in (top, *self.view.modules.submodules(top, deep=True)):
                self._take_whole(inner, module)

    def _take_hazards(self) -> None:
        for module in sorted(self.hazards.whole):
            self._take_whole(module, module)
        if self.hazards.modules:
            for module in list(self.executed):
                self._take_whole(module, "sys.modules")
        elif self.hazards.frames:
            for module in list(self._modules):
                self._take_whole(module, "frame")

    def _take_subclasses(self) -> None:
        """`__subclasses__()` is used: every class counts that has a reached base."""
        if not self.hazards.subclasses:
            return
        for unit in self._unreached():
            facts = self.view.unit(unit)
            bases = self.view.resolve(unit[0], facts.bases)
            known_base = bool(bases.foreign) or any(base in self.reached for base in bases.units)
            if facts.kind == "class" and known_base:
                self._reach(unit, "__subclasses__", "effect")

    def _take_effects(self) -> None:
        candidates = [unit for unit in self._unreached() if self.effects.kind(unit) != "none"]
        for unit in candidates:
            if self.effects.kind(unit) == "external":
                self._reach(unit, unit[0], "effect")
        touched = {unit: self._touched.bits(unit) for unit in candidates}
        for unit in candidates:
            if unit not in self._evaluated:
                self._evaluated.add(unit)
                self.execute(self._touched.imported_by(unit))
        bits = self._touched.reached_bits(self.reached, self._slots)  # after `touched`, which gives out the bits
        for unit in candidates:
            if touched[unit] & bits:
                self._reach(unit, unit[0], "effect")

    def _unreached(self) -> list[UnitId]:
        return [
            (module, index)
            for module in self.executed
            for index in range(len(self.view.modules.facts(module).units))
            if (module, index) not in self.reached
        ]


def finish_order(walk: Walk, start: str) -> list[str]:
    """The order in which executed modules finish: depth-first over import statements, packages before their modules.

    Modules that are imported inside functions come last, in the order of their names.
    """
    modules = walk.view.modules
    finished: dict[str, None] = {}
    begun: set[str] = set()
    for first in (start, *sorted(walk.executed)):
        stack: list[tuple[str, list[str]]] = [("", list(reversed(modules.parents(first))))]
        while stack:
            name, waiting = stack[-1]
            if waiting:
                target = waiting.pop()
                if target not in begun and target in walk.executed:
                    begun.add(target)
                    stack.append((target, _imports_in_order(walk, target)))
            else:
                stack.pop()
                if name:
                    finished[name] = None
    return list(finished)


def _imports_in_order(walk: Walk, module: str) -> list[str]:
    """What a module imports at its top, last first."""
    targets = [
        name
        for unit in walk.view.modules.facts(module).units
        for part in unit.parts()
        for item in part.imports
        for target in walk.targets(module, item)
        for name in walk.view.modules.parents(target)
    ]
    return targets[::-1]
