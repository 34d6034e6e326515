"""What counts of each unit for one kind of entry: the two kinds differ in the decorators and bodies of steps.

For a step, Tiphys' own decorators are left out: their settings must rerun nothing. For the built graph of a pipeline
they count, with the signatures of steps, and the bodies of steps do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiphys.workflows.closure import known
from tiphys.workflows.closure.canonical import text_digest
from tiphys.workflows.closure.facts import Import, Part, UnitFacts
from tiphys.workflows.closure.modules import Modules
from tiphys.workflows.closure.resolver import Found, Resolver, UnitId


class View:
    """Units as an entry sees them. `graph`: the entry is a pipeline function."""

    def __init__(self, modules: Modules, resolver: Resolver, inert: frozenset[str], *, graph: bool) -> None:
        self.modules = modules
        self.resolver = resolver
        self._inert = inert
        self._graph = graph
        self._parts: dict[UnitId, list[Part]] = {}
        self._reach: dict[UnitId, Found] = {}
        self._whole: dict[str, Found] = {}

    def unit(self, unit: UnitId) -> UnitFacts:
        return self.resolver.unit(unit)

    def parts(self, unit: UnitId) -> list[Part]:
        """The parts of a unit that count."""
        if unit not in self._parts:
            self._parts[unit] = self._select(unit)
        return self._parts[unit]

    def digest(self, unit: UnitId) -> str:
        """BLAKE3, hexadecimal, of what counts of a unit."""
        parts = self.parts(unit)
        return parts[0].digest if len(parts) == 1 else text_digest("|".join(part.digest for part in parts))

    def reach(self, unit: UnitId) -> Found:
        """All that the names in a unit stand for."""
        if unit not in self._reach:
            chains = (chain for part in self.parts(unit) for chain in (*part.now, *part.later))
            self._reach[unit] = self.resolve(unit[0], chains)
        return self._reach[unit]

    def reach_now(self, unit: UnitId) -> Found:
        """What the names stand for that are evaluated at import."""
        return self.resolve(unit[0], (chain for part in self.parts(unit) for chain in part.now))

    def resolve(self, module: str, chains: Iterable[str]) -> Found:
        """What some chains written in a module stand for together."""
        merged = Found()
        for chain in chains:
            merged.update(self.resolver.resolve(module, chain))
        return merged

    def whole(self, module: str) -> Found:
        """Everything in a module that is used as a value, and what its imports bind."""
        if module not in self._whole:
            found = self._whole[module] = Found()
            names: dict[str, None] = {}
            for index, facts in enumerate(self.modules.facts(module).units):
                found.units[module, index] = False
                names.update(dict.fromkeys(facts.aliases))
                if facts.star is not None and self.modules.find(self.modules.absolute(module, *facts.star)) is not None:
                    found.whole.add(self.modules.absolute(module, *facts.star))
            found.update(self.resolve(module, names))
        return self._whole[module]

    def imports_later(self, unit: UnitId) -> Iterator[Import]:
        for part in self.parts(unit):
            yield from part.imports_later

    def is_inert(self, found: Found, known_names: frozenset[str] = known.INERT) -> bool:
        """Whether a name stands for something that only registers or wraps."""
        return any(known.is_under(n, known_names) or known.is_under(n, self._inert) for n in found.foreign) or any(
            f"{module}.{name}" in self._inert for module, name in found.slots
        )

    def decorators(self, unit: UnitId) -> Iterator[tuple[Found, Part]]:
        """The decorators of a unit that count, resolved."""
        counted = self.parts(unit)
        for chain, part in self.unit(unit).decorators:
            if part in counted:
                yield self.resolver.resolve(unit[0], chain), part

    def _select(self, unit: UnitId) -> list[Part]:
        facts = self.unit(unit)
        if not facts.decorators:
            return [facts.body]
        own = [self._own_decorator(unit[0], chain) for chain, _ in facts.decorators]
        head = [] if facts.head is None else [facts.head]
        if self._graph:
            body = [] if any(name in known.STEPS for name in own) and facts.kind == "def" else [facts.body]
            return [*(part for _, part in facts.decorators), *head, *body]
        kept = [part for (_, part), name in zip(facts.decorators, own, strict=True) if not name]
        return [*kept, *head, facts.body]

    def _own_decorator(self, module: str, chain: str) -> str:
        """The name of Tiphys' decorator that a chain stands for, or ""."""
        for name in self.resolver.resolve(module, chain).foreign:
            last = name.rpartition(".")[2]
            if name.startswith("tiphys.") and last in known.DECORATORS:
                return last
        return ""
