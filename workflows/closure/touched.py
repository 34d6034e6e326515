"""What evaluating a unit at import may touch, as bit sets.

The state that the unit's code reaches (variables, classes with mutable attributes, wrapped functions), the targets of
all stores in that code, and the objects whose methods it calls directly. Sets are made over strongly connected
components (`components`), once for all steps of a plan: with one search for each unit, a package of 300 modules takes
seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiphys.workflows.closure import known
from tiphys.workflows.closure.components import Components
from tiphys.workflows.closure.effects import Effects
from tiphys.workflows.closure.facts import ANY_USED, UNKNOWN
from tiphys.workflows.closure.resolver import ANY_NAME, Found, Slot, UnitId
from tiphys.workflows.closure.view import View

FOREIGN = 1
"""The bit of everything outside the project; it counts as reached by every step."""

ARGUMENTS = 2
"""The bit of code that sets attributes of what it is given: functions, classes and modules handed on are touched."""

Key = UnitId | Slot | tuple[str, None]
"""What a bit stands for: a unit, a name of a module (`[]`: any), or (module, None): the import of the module."""


class Touched:
    """Touched sets of the units of one view."""

    def __init__(self, view: View, effects: Effects) -> None:
        self._view = view
        self._effects = effects
        self._touched: dict[UnitId, int] = {}
        self._bits: dict[Key, int] = {}
        self._components = Components(self._edges, self._code_bits, self._handed_on)

    def bits(self, unit: UnitId) -> int:
        """Bit set of what evaluating the unit at import may touch."""
        if unit not in self._touched:
            self._touched[unit] = self._evaluate(unit)
        return self._touched[unit]

    def reached_bits(self, units: Iterable[UnitId], slots: Iterable[Slot]) -> int:
        """Bit set of what a step reaches."""
        bits = FOREIGN
        modules = {module for module, _ in (*units, *slots)}
        keys: list[Key] = [*units, *slots, *((module, ANY_NAME) for module in modules)]
        for key in keys:
            bits |= self._bits.get(key, 0)
        return bits

    def imported_by(self, unit: UnitId) -> list[str]:
        """Modules that evaluating the unit may import inside functions."""
        bits = self.bits(unit)
        return [key[0] for key, bit in self._bits.items() if key[1] is None and bits & bit]

    def _evaluate(self, unit: UnitId) -> int:
        bits = 0
        for part in self._view.parts(unit):
            bits |= self._store_bits(unit, part.stores) | self._receivers(unit[0], (*part.calls, *part.bare))
        found = self._view.reach_now(unit)
        if self._effects.runs_all(unit):
            found = self._view.reach(unit)
            bits |= self._code_bits(unit)
        for inner in self._targets(found):
            bits |= self._components.bits(inner)
        return bits | self._any_used(found) if bits & ARGUMENTS else bits

    def _code_bits(self, unit: UnitId) -> int:
        """What the code of a unit touches by itself, whenever it runs, and the unit as state."""
        facts = self._view.unit(unit)
        bits = 0
        if facts.state or (facts.kind == "def" and self._is_wrapped(unit)):
            bits |= self._bit(unit)
        for part in self._view.parts(unit):
            bits |= self._store_bits(unit, (*part.stores, *part.stores_later))
            bits |= self._receivers(unit[0], (*part.bare, *part.bare_later))
            for chain in part.bare_later:
                found = self._view.resolver.resolve(unit[0], chain)
                if any(not known.is_under(name, known.HARMLESS) for name in found.foreign):
                    bits |= FOREIGN
            for level, name, _ in part.imports_later:
                full = self._view.modules.absolute(unit[0], level, name)
                if self._view.modules.find(full) is not None:
                    bits |= self._bit((full, None))
        return bits

    def _is_wrapped(self, unit: UnitId) -> bool:
        return any(
            not self._view.is_inert(found) and not (found.foreign and all(map(known.is_stdlib, found.foreign)))
            for found, _ in self._view.decorators(unit)
        )

    def _store_bits(self, unit: UnitId, chains: Iterable[str]) -> int:
        bits = 0
        for chain in chains:
            if chain == UNKNOWN:
                bits |= FOREIGN
            elif chain == ANY_USED:
                bits |= ARGUMENTS | self._any_used(self._view.reach(unit))
            else:
                found = self._view.resolver.resolve(unit[0], chain)
                bits |= self._any_used(found)
                for slot in found.assigned:
                    bits |= self._bit(slot)
                if self._effects.changes_foreign(found):
                    bits |= FOREIGN
        return bits

    def _receivers(self, module: str, chains: Iterable[str]) -> int:
        """The objects whose methods are called: `X` of `X.append(…)`, all of a module whose dictionary is changed."""
        bits = 0
        for chain in chains:
            found = self._view.resolver.resolve(module, chain)
            bits |= self._object_bits({unit for unit, rest in found.units.items() if rest}, found.whole)
        return bits

    def _any_used(self, found: Found) -> int:
        return self._object_bits(found.units, found.whole)

    def _object_bits(self, units: Iterable[UnitId], whole: Iterable[str]) -> int:
        """The bits of what some names may hold, through variables (`c = A; c.k = 1` changes `A`)."""
        bits = 0
        for module in whole:
            bits |= self._bit((module, ANY_NAME))
        queue, seen = list(units), set(units)
        while queue:
            unit = queue.pop()
            kind = self._view.unit(unit).kind
            if kind != "import":
                bits |= self._bit(unit)
            if kind in ("var", "stmt"):
                new = self._held(unit) - seen
                seen |= new
                queue += new
        return bits

    def _held(self, unit: UnitId) -> set[UnitId]:
        """What a variable may hold: what its value names, what a function that it calls names; no new instances."""
        resolve = self._view.resolver.resolve
        facts = self._view.unit(unit)
        held: set[UnitId] = set()
        for chain in facts.held:
            found = resolve(unit[0], chain).units
            if chain not in facts.body.calls:
                held |= set(found)
                continue
            for callee in found:
                if self._view.unit(callee).kind == "def":
                    held |= set(self._view.reach(callee).units)
                    if self._keeps_results(callee):
                        held.add(callee)
        return held

    def _keeps_results(self, unit: UnitId) -> bool:
        """Whether a function gives the same object again: `@lru_cache def registry(): return {}`."""
        kept = {"functools.lru_cache", "functools.cache"}
        return any(not kept.isdisjoint(found.foreign) for found, _ in self._view.decorators(unit))

    def _handed_on(self, unit: UnitId, bits: int) -> int:
        return self._any_used(self._view.reach(unit)) if bits & ARGUMENTS else 0

    def _bit(self, key: Key) -> int:
        if key not in self._bits:
            self._bits[key] = 4 << len(self._bits)
        return self._bits[key]

    def _edges(self, unit: UnitId) -> Iterator[UnitId]:
        yield from self._targets(self._view.reach(unit))

    def _targets(self, found: Found) -> Iterator[UnitId]:
        yield from found.units
        queue, seen = list(found.whole), set(found.whole)
        while queue:
            inner = self._view.whole(queue.pop())
            yield from inner.units
            new = inner.whole - seen
            seen |= new
            queue += new
