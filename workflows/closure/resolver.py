"""What a chain written in a module may stand for: units of first-party modules, whole modules, foreign names.

All that apply are followed, not the first that fits: every unit that binds a name; through import aliases into their
targets; a submodule of that name; star imports. What is left is looked for behind a module `__getattr__`, and in
modules that bind names unseen (`globals()`, `exec`, an exchanged `sys.modules` entry), which count whole. A name that
is found nowhere is no error: most are builtins or names of a class body.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tiphys.workflows.closure import known
from tiphys.workflows.closure.facts import UNKNOWN, UnitFacts
from tiphys.workflows.closure.modules import Modules

UnitId = tuple[str, int]
"""(module, index of the unit in its summary)."""

Slot = tuple[str, str]
"""(module, name): a name of a module, bound or not. A store on it changes what the name means."""

ANY_NAME = "[]"
_DICTIONARIES = ("__dict__",)


@dataclass(slots=True)
class Found:
    """What a chain may stand for.

    `units`: unit -> whether an attribute of its object is meant. `slots`: names that were looked up;
    `assigned`: those that a store on the chain would change. `foreign`: dotted
    names outside the project. `whole`: modules used as a value. `builtin`: nothing first-party bears the name.
    """

    units: dict[UnitId, bool] = field(default_factory=dict)
    slots: set[Slot] = field(default_factory=set)
    assigned: set[Slot] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    builtin: str = ""

    @property
    def empty(self) -> bool:
        return not (self.units or self.foreign or self.whole)

    def update(self, other: Found) -> None:
        for unit, rest in other.units.items():
            self.units[unit] = self.units.get(unit, False) or rest
        self.slots |= other.slots
        self.assigned |= other.assigned
        self.foreign |= other.foreign
        self.whole |= other.whole
        self.modules |= other.modules


class Resolver:
    """Resolves chains; answers are kept, since many units use the same names."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._known: dict[tuple[str, str], Found] = {}

    def resolve(self, module: str, chain: str) -> Found:
        """What a chain of `facts` stands for when it is written in `module`."""
        key = (module, chain)
        if key not in self._known:
            search = _Search(self._modules)
            if chain.startswith("@"):
                level, target, name, rest = chain[1:].split("|")
                search.imported(module, (int(level), target, name or None), _parts(rest))
            elif not chain.startswith(UNKNOWN):
                root, *parts = chain.split(".")
                search.member(module, root, tuple(parts), inside=True)
                if not search.found.units and not search.found.foreign:
                    search.found.builtin = root
            self._known[key] = search.found
        return self._known[key]

    def unit(self, unit: UnitId) -> UnitFacts:
        """The facts of a unit."""
        return self._modules.facts(unit[0]).units[unit[1]]


class _Search:
    """One resolution. `_seen` ends circles such as `from pkg import sub` written in `pkg/__init__.py`."""

    def __init__(self, modules: Modules) -> None:
        self.found = Found()
        self._modules = modules
        self._seen: set[tuple[str, str, tuple[str, ...]]] = set()

    def member(self, module: str, name: str, rest: tuple[str, ...], *, inside: bool = False) -> None:
        """`module.name.rest`; `inside`: a bare name in the module itself."""
        if (module, name, rest) in self._seen:
            return
        self._seen.add((module, name, rest))
        self.found.modules.add(module)
        if name in _DICTIONARIES or name == ANY_NAME:
            self.found.whole.add(module)
            return
        self.found.slots.add((module, name))
        facts = self._modules.facts(module)
        if self._is_binary(module):
            self.found.whole.add(module)
            return
        before = len(self.found.units) + len(self.found.foreign) + len(self.found.whole)
        binders = self._modules.binders(module).get(name, [])
        self._submodule(module, name, rest, binders)
        for index in binders:
            self.found.units[module, index] = self.found.units.get((module, index), False) or bool(rest)
            for target in facts.units[index].aliases.get(name, ()):
                self.imported(module, target, rest)
        bound = bool(binders) or len(self.found.units) + len(self.found.foreign) + len(self.found.whole) > before
        bound = self._stars(module, name, rest, bound) or bound
        if not (rest and bound):
            self.found.assigned.add((module, name))
        if facts.replaced and not inside:
            self._lazily(module, name, rest)
        elif not bound:
            self._unbound(module, name, rest, inside)

    def imported(self, module: str, target: tuple[int, str, str | None], rest: tuple[str, ...]) -> None:
        """What an import alias written in `module` binds, and `rest` of it."""
        level, name, attribute = target
        full = self._modules.absolute(module, level, name)
        if attribute is None:
            self._value(full, rest)
        elif self._modules.find(full) is not None:
            self.member(full, attribute, rest)
        else:
            self._foreign(full, (attribute, *rest))

    def _value(self, name: str, rest: tuple[str, ...]) -> None:
        """A module object, and attributes of it."""
        if self._modules.find(name) is None:
            self._foreign(name, rest)
        elif rest:
            self.member(name, rest[0], rest[1:])
        else:
            self.found.whole.add(name)
            self.found.modules.add(name)

    def _foreign(self, name: str, rest: tuple[str, ...]) -> None:
        parent, _, last = name.rpartition(".")
        if parent and self._modules.find(parent) is not None:  # a first-party package binds the module in its own way
            self.member(parent, last, rest)
        elif name:
            self.found.foreign.add(".".join((name, *rest)))

    def _submodule(self, module: str, name: str, rest: tuple[str, ...], binders: list[int]) -> None:
        """The binding wins for the bare name; with attributes after it, function and submodule both count."""
        found = self._modules.find(module)
        if found is None or not found.folders or self._modules.find(f"{module}.{name}") is None:
            return
        if not binders or rest or any(self._binds_itself(module, name, index) for index in binders):
            self._value(f"{module}.{name}", rest)

    def _binds_itself(self, module: str, name: str, index: int) -> bool:
        targets = self._modules.facts(module).units[index].aliases.get(name, ())
        return any(
            attribute == name and self._modules.absolute(module, level, target) == module
            for level, target, attribute in targets
        )

    def _stars(self, module: str, name: str, rest: tuple[str, ...], bound: bool) -> bool:
        """`from x import *`: also when the name is bound otherwise, since the later one wins."""
        hit = False
        for index, unit in enumerate(self._modules.facts(module).units):
            if unit.star is None:
                continue
            source = self._modules.absolute(module, *unit.star)
            if self._modules.find(source) is None:
                if not bound and not known.is_builtin(name):
                    self.found.foreign.add(".".join((source, name, *rest)))
                    hit = True
                continue
            inner = _Search(self._modules)
            inner._seen = set(self._seen)
            inner.member(source, name, rest)
            self.found.slots |= inner.found.slots
            self.found.modules |= inner.found.modules
            if not inner.found.empty:
                self.found.update(inner.found)
                self.found.units.setdefault((module, index), False)
                for binder in self._modules.binders(source).get("__all__", ()):
                    self.found.units.setdefault((source, binder), False)
                hit = True
        return hit

    def _unbound(self, module: str, name: str, rest: tuple[str, ...], inside: bool) -> None:
        found = self._modules.find(module)
        if found is not None and found.kind == "namespace":  # a library of that name would come first
            self.found.foreign.add(".".join((module, name, *rest)))
        elif not inside and "__getattr__" in self._modules.binders(module):
            self._lazily(module, name, rest)
        elif self._modules.facts(module).dynamic:
            self.found.whole.add(module)

    def _lazily(self, module: str, name: str, rest: tuple[str, ...]) -> None:
        """A module `__getattr__`, or another object in the module's place: submodules may hold the name."""
        if self._modules.facts(module).replaced:
            self.found.whole.add(module)
        for index in self._modules.binders(module).get("__getattr__", ()):
            self.found.units.setdefault((module, index), False)
        for inner in self._modules.submodules(module):
            if inner.rpartition(".")[2] == name:
                self._value(inner, rest)
            elif name in self._modules.binders(inner):
                self.member(inner, name, rest)

    def _is_binary(self, module: str) -> bool:
        found = self._modules.find(module)
        return found is not None and found.kind == "binary"


def _parts(rest: str) -> tuple[str, ...]:
    return tuple(rest.split(".")) if rest else ()
