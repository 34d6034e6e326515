"""Import-time effects: statements that no name of the step leads to, and that change what the step does all the same.

Importing a module runs it: registrations, monkeypatches, settings of libraries. A unit that does more than bind names
is *external* when it changes something foreign (always counted), or acts *on the project*: then it counts when what it
may touch (`touched`) meets what the step reaches. Leaving effects out is stale; taking all of them in costs precision.
"""

from __future__ import annotations

from typing import Literal

from tiphys.workflows.closure import known
from tiphys.workflows.closure.facts import UNKNOWN, Part
from tiphys.workflows.closure.resolver import Found, UnitId
from tiphys.workflows.closure.view import View

Effect = Literal["none", "project", "external"]


class Effects:
    """What evaluating the units of one view at import may do."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._kinds: dict[UnitId, Effect] = {}
        self._bases: dict[UnitId, set[str]] = {}
        self._plain: dict[UnitId, bool] = {}

    def kind(self, unit: UnitId) -> Effect:
        """What evaluating the unit at import may do beyond binding names."""
        if unit not in self._kinds:
            self._kinds[unit] = self._classify(unit)
        return self._kinds[unit]

    def _classify(self, unit: UnitId) -> Effect:
        facts = self._view.unit(unit)
        if facts.kind in ("import", "const"):
            return "none"
        parts = self._view.parts(unit)
        bases = self.base_traits(unit) if facts.kind == "class" else set()
        if "foreign" in bases or any(self._is_external(unit[0], part) for part in parts):
            return "external"
        if bases or any(part.stores or part.bare for part in parts):
            return "project"
        if any(part.acts for part in parts) and not self._works_on_plain(unit):
            return "project"
        if any(kind in ("exec", "import") for part in parts for kind, _, _ in part.weak) and facts.kind != "def":
            return "project"
        return "project" if any(self._active(unit[0], part) for part in parts) else "none"

    def _is_external(self, module: str, part: Part) -> bool:
        """Whether a part, evaluated at import, changes something outside the project."""
        for chain in part.stores:
            found = self._view.resolver.resolve(module, chain)
            if chain == UNKNOWN or found.builtin or self._is_foreign_object(found) or self.changes_foreign(found):
                return True
        for chain in part.bare:
            found = self._view.resolver.resolve(module, chain)
            if self._is_foreign_object(found) or any(not known.is_under(n, known.HARMLESS) for n in found.foreign):
                return True
        return any(self._is_foreign_call(self._view.resolver.resolve(module, chain)) for chain in part.calls)

    def changes_foreign(self, found: Found) -> bool:
        """Whether a store on the name changes something outside the project."""
        return any(not name.startswith("tiphys.") for name in found.foreign)

    def runs_all(self, unit: UnitId) -> bool:
        """Whether code of the project gets hold of the functions inside a unit, and may call them at import."""
        if self._view.unit(unit).kind == "class" and self.base_traits(unit):
            return True
        for part in self._view.parts(unit):
            for chain in part.calls:
                found = self._view.resolver.resolve(unit[0], chain)
                if not self._view.is_inert(found) and self.is_first_party_call(chain, found):
                    return True
        return False

    def _is_foreign_call(self, found: Found) -> bool:
        if self._view.is_inert(found):
            return False
        return any(known.is_third_party(n) or known.is_under(n, known.SETTERS) for n in found.foreign)

    def _is_foreign_object(self, found: Found) -> bool:
        """Whether a variable is meant that may hold an object of a library (`context = decimal.getcontext()`)."""
        return any(rest and self._holds_foreign(unit) for unit, rest in found.units.items())

    def _holds_foreign(self, unit: UnitId) -> bool:
        facts = self._view.unit(unit)
        called = set(facts.body.calls)
        for chain in facts.held:
            for name in self._view.resolver.resolve(unit[0], chain).foreign:
                if known.is_third_party(name):
                    return True
                if known.is_stdlib(name) and not (chain in called and _makes_new(name)):
                    return True  # `P = pathlib.Path` is the class itself, `P = Path()` is a new object
        return False

    def _works_on_plain(self, unit: UnitId) -> bool:
        """Whether operators at import meet built-in data only, which they cannot change."""
        found = self._view.reach_now(unit)
        return not found.whole and all(self._is_plain(inner) for inner in found.units if inner != unit)

    def _is_plain(self, unit: UnitId) -> bool:
        """Whether a name holds built-in data, a function, or a class without a metaclass."""
        if unit not in self._plain:
            self._plain[unit] = True  # ends circles
            facts = self._view.unit(unit)
            if facts.kind == "var":
                resolve = self._view.resolver.resolve
                calls = [resolve(unit[0], chain) for chain in facts.body.calls]
                plain_calls = all(c.builtin in known.PURE_BUILTINS or _is_fresh_call(c) for c in calls)
                self._plain[unit] = plain_calls and self._works_on_plain(unit)
            elif facts.kind == "class":
                self._plain[unit] = not self.base_traits(unit) and not facts.hooks_subclasses
            elif facts.kind == "stmt":
                self._plain[unit] = not facts.state
        return self._plain[unit]

    def base_traits(self, unit: UnitId) -> set[str]:
        """What the bases of a class, transitively, do when a subclass is made."""
        if unit in self._bases:
            return self._bases[unit]
        traits = self._bases[unit] = set()  # ends circles
        facts = self._view.unit(unit)
        for chain in facts.bases:
            found = self._view.resolver.resolve(unit[0], chain)
            if chain == UNKNOWN:
                traits.add("variable")
            if any(known.is_third_party(name) for name in found.foreign) and not self._is_inert_base(found):
                traits.add("foreign")
            for base in found.units:
                traits |= self._inherited(base)
        own = any(self._is_inert_base(self._view.resolver.resolve(unit[0], chain)) for chain in facts.bases)
        if facts.keywords and not own:
            traits.add("hooks")
        return traits

    def _is_inert_base(self, found: Found) -> bool:
        return self._view.is_inert(found, known.INERT_BASES)

    def _inherited(self, base: UnitId) -> set[str]:
        facts = self._view.unit(base)
        if facts.kind == "class":
            hooks = {"hooks"} if facts.hooks_subclasses else set()
            return self.base_traits(base) | hooks
        return set() if facts.kind == "import" else {"variable"}

    def _active(self, module: str, part: Part) -> bool:
        """Whether a part calls code of the project at import, or hands names to code that may call them."""
        handed = {callee for callee, _ in part.passes}
        for chain in part.calls:
            found = self._view.resolver.resolve(module, chain)
            if self._view.is_inert(found):
                continue
            if chain in handed or self.is_first_party_call(chain, found):
                return True
        return False

    def is_first_party_call(self, chain: str, found: Found) -> bool:
        """Whether a call may run code of the project."""
        units = [u for u in found.units if self._view.unit(u).kind != "import"]
        unknown = chain.startswith(UNKNOWN) or (found.builtin and found.builtin not in known.PURE_BUILTINS)
        return bool(units or found.whole or unknown)


def _is_fresh_call(found: Found) -> bool:
    return bool(found.foreign) and all(known.is_stdlib(n) and _makes_new(n) for n in found.foreign)


def _makes_new(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last in known.FRESH or last[:1].isupper()
