"""What weak points of reached units mean for a closure: whole modules, more of the text, notes, refusals."""

from __future__ import annotations

from dataclasses import dataclass, field

from tiphys.cluster.errors import InputError
from tiphys.workflows.closure import known
from tiphys.workflows.closure.resolver import UnitId
from tiphys.workflows.closure.view import View

_OWN_WHOLE = frozenset({"exec", "globals", "self"})
_FLAGS = {"doc": "docs", "source": "source", "frames": "frames", "modules": "modules", "subclasses": "subclasses"}


@dataclass(slots=True)
class Hazards:
    """What was met so far. The flags stand for the whole closure.

    `docs`: any docstring may be read; `source`: the text of files; `frames`: globals of callers; `modules`: any loaded
    module; `subclasses`: all subclasses of reached classes.
    """

    whole: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    env: set[str] = field(default_factory=set)
    docs: bool = False
    source: bool = False
    frames: bool = False
    modules: bool = False
    subclasses: bool = False
    starts_processes: bool = False
    opens_sockets: bool = False

    def inspect(self, view: View, unit: UnitId, *, strict: bool) -> None:
        """Take in the weak points of a reached unit. `InputError` for what cannot be sound, a note unless `strict`."""
        file = view.modules.shown(unit[0])
        for part in view.parts(unit):
            self.env.update(part.env)
            for kind, line, detail in part.weak:
                self._weak(view, unit, kind, f"{file}:{line}", detail, strict=strict)
        self._outside(view, unit, file)

    def _weak(self, view: View, unit: UnitId, kind: str, where: str, detail: str, *, strict: bool) -> None:
        if kind in _OWN_WHOLE:
            self.whole.add(unit[0])
        elif kind in _FLAGS:
            setattr(self, _FLAGS[kind], True)
        elif kind == "import":
            self._computed_import(view, unit[0], where, detail)
        elif kind == "environ":
            self.notes.add(
                f"{where} reads the whole environment; only looked-up names count: declare others with env=[…]"
            )
        elif kind == "path":
            self.notes.add(f"{where} changes sys.path; modules are looked up in the folders of the project settings")
        elif kind == "text" and _is_from_outside(view, unit[0], detail.split(" ")):
            self._foreign_text(where, strict=strict)

    def _computed_import(self, view: View, module: str, where: str, prefix: str) -> None:
        """A literal prefix names modules, all taken whole; what it does not name is observed while the step runs."""
        full = view.modules.absolute(module, 1, prefix[1:]) if prefix.startswith(".") else prefix
        package, _, stem = full.rpartition(".")
        names = (
            [n for n in view.modules.submodules(package) if n.rpartition(".")[2].startswith(stem)] if package else []
        )
        self.whole.update(names)
        if not names:
            self.notes.add(
                f"{where} imports a computed name; the modules really imported by the last run are part of the hit"
            )

    def _foreign_text(self, where: str, *, strict: bool) -> None:
        message = f"{where} executes a text from outside the project"
        fix = "write the text to a file that the step reads, pass it as a parameter, or declare @step(cache=False)"
        if strict:
            raise InputError(f"{message}: no cache key can cover it", fix=fix)
        self.notes.add(f"{message}; nothing that it depends on is part of a key")

    def _outside(self, view: View, unit: UnitId, file: str) -> None:
        for name in view.reach(unit).foreign:
            if known.starts_processes(name):
                self.starts_processes = True
                line = view.unit(unit).first_line
                self.notes.add(f"{file}:{line} starts other processes; what they read is not seen")
            if known.opens_sockets(name):
                self.opens_sockets = True


def _is_from_outside(view: View, module: str, chains: list[str]) -> bool:
    for chain in chains:
        found = view.resolver.resolve(module, chain)
        if found.builtin == "input" or any(known.is_under(name, known.OUTSIDE) for name in found.foreign):
            return True
    return False


def documented_by_passing(view: View, unit: UnitId) -> set[UnitId]:
    """Functions and classes that a unit hands to third-party code as values: their docstrings can be read there."""
    return {
        target
        for part in view.parts(unit)
        for callee, argument in part.passes
        if _may_read(view, unit[0], callee)
        for target in view.resolver.resolve(unit[0], argument).units
    }


def documented_by_itself(view: View, unit: UnitId) -> bool:
    """Whether a function or class is decorated by, or based on, third-party code."""
    facts = view.unit(unit)
    if any(known.is_third_party(name) for found, _ in view.decorators(unit) for name in found.foreign):
        return True
    found = view.resolve(unit[0], facts.bases)
    return any(known.is_third_party(name) for name in found.foreign)


def _may_read(view: View, module: str, callee: str) -> bool:
    found = view.resolver.resolve(module, callee)
    if any(known.is_third_party(name) for name in found.foreign):
        return True
    if found.foreign or found.builtin:
        return False
    kinds = [(view.unit(unit).kind, rest) for unit, rest in found.units.items()]
    return not any(kind == "class" or (kind == "def" and not rest) for kind, rest in kinds)
