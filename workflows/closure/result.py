"""From a finished walk to the closure: its digest, its units, and what its text says about the world around it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tiphys.workflows.closure import known
from tiphys.workflows.closure.canonical import FORM, text_digest
from tiphys.workflows.closure.hazards import documented_by_itself, documented_by_passing
from tiphys.workflows.closure.literals import Evaluator, names_a_file, texts_of
from tiphys.workflows.closure.model import CodeClosure, Unit
from tiphys.workflows.closure.resolver import UnitId
from tiphys.workflows.closure.view import View
from tiphys.workflows.closure.walk import Walk, finish_order
from tiphys.workflows.project import Project

_MANY = 10
"""Units pulled in by one decorator from which on a note tells how to declare it."""


class Result:
    """Reads a closure off a walk. `entry` is `module:name`; `start` the module that is executed first."""

    def __init__(self, project: Project, walk: Walk, entry: str, start: str) -> None:
        self._project = project
        self._walk = walk
        self._entry = entry
        self._start = start
        self._view: View = walk.view
        self._modules = walk.view.modules

    def closure(self) -> CodeClosure:
        hazards = self._walk.hazards
        documented = self._documented()
        return CodeClosure(
            entry=self._entry,
            digest=self._digest(documented),
            units=tuple(self._units(documented)),
            files=self._files(),
            imports=self._imports(),
            paths=tuple(sorted(self._paths())),
            env_names=tuple(sorted(hazards.env)),
            notes=tuple(sorted(hazards.notes | set(self._decorator_notes()))),
            starts_processes=hazards.starts_processes,
            opens_sockets=hazards.opens_sockets,
        )

    # Digest -----------------------------------------------------------------------------------------------------
    def _digest(self, documented: set[UnitId]) -> str:
        """BLAKE3 over what counts: units by module, docstrings that can be read, order of modules with effects."""
        lines = [f"form {FORM}", f"entry {self._entry}"]
        for module in sorted({unit[0] for unit in self._walk.reached} | self._walk.whole):
            lines.append(f"module {module}")
            lines += [self._line(unit) for unit in self._ordered(module)]
            lines += [f"docs {self._view.unit(unit).docs}" for unit in self._ordered(module) if unit in documented]
            if self._walk.hazards.docs:
                lines.append(f"doc {self._modules.facts(module).docs}")
            found = self._modules.find(module)
            if self._walk.hazards.source or (found is not None and found.kind == "binary"):
                lines.append(f"bytes {self._modules.facts(module).digest}")
        acting = {unit[0] for unit in self._walk.reached if self._walk.effects.kind(unit) != "none"}
        if len(acting) > 1:
            lines += [f"order {m}" for m in finish_order(self._walk, self._start) if m in acting]
        return text_digest("\n".join(lines))

    def _line(self, unit: UnitId) -> str:
        return f"{','.join(self._view.unit(unit).names)} {self._view.digest(unit)}"

    def _ordered(self, module: str) -> list[UnitId]:
        """Reached units in source order; then plain functions by name, so that moving one reruns nothing."""
        indices = sorted(index for where, index in self._walk.reached if where == module)
        units = self._modules.facts(module).units
        if self._modules.facts(module).dynamic or any(unit.star for unit in units):
            return [(module, index) for index in indices]
        binders = self._modules.binders(module)
        early = {
            chain.partition(".")[0]
            for index in indices
            if units[index].kind == "stmt"
            for chain in units[index].body.now
        }
        movable = {
            index
            for index in indices
            if units[index].kind == "def"
            and not units[index].decorators
            and not units[index].body.now
            and len(units[index].names) == len(binders[units[index].names[0]]) == 1
            and not early & {units[index].names[0]}
            and not known.is_builtin(units[index].names[0])
        }
        fixed = [index for index in indices if index not in movable]
        return [(module, index) for index in (*fixed, *sorted(movable, key=lambda i: units[i].names[0]))]

    def _documented(self) -> set[UnitId]:
        reached = self._walk.reached
        if self._walk.hazards.docs:
            found = set(reached)
        else:
            found = {unit for unit in reached if documented_by_itself(self._view, unit)}
            for unit in reached:
                found |= documented_by_passing(self._view, unit)
        return {unit for unit in found if unit in reached and self._view.unit(unit).docs}

    # The parts of the answer ------------------------------------------------------------------------------------
    def _units(self, documented: set[UnitId]) -> Iterator[Unit]:
        order = {module: i for i, module in enumerate(sorted({unit[0] for unit in self._walk.reached}))}
        for unit in sorted(self._walk.reached, key=lambda u: (order[u[0]], u[1])):
            puller, role = self._walk.reached[unit]
            facts = self._view.unit(unit)
            place = (self._modules.shown(unit[0]), facts.first_line, facts.last_line, puller)
            yield Unit(unit[0], tuple(facts.names), self._view.digest(unit), *place, role)
            if unit in documented:
                yield Unit(unit[0], tuple(facts.names), facts.docs, *place, "docs")

    def _files(self) -> dict[str, str]:
        files = {}
        for module in self._walk.executed:
            found = self._modules.find(module)
            if found is not None and found.path:
                files[self._project.relative(found.path)] = self._modules.facts(module).digest
        return dict(sorted(files.items()))

    def _imports(self) -> frozenset[str]:
        return frozenset(name.partition(".")[0] for name in self._walk.foreign if name and known.is_third_party(name))

    def _paths(self) -> Iterator[str]:
        evaluator = Evaluator(self._file_of, self._values)
        seen: set[str] = set()
        for unit in self._walk.reached:
            found = self._modules.find(unit[0])
            folder = os.path.dirname(found.path) if found is not None else str(self._project.root)
            for text in self._texts(unit, evaluator):
                for base in dict.fromkeys((str(self._project.root), folder)):
                    path = self._project.relative(os.path.join(base, text))
                    if path != "." and path not in seen:
                        seen.add(path)
                        yield path

    def _texts(self, unit: UnitId, evaluator: Evaluator) -> Iterator[str]:
        """Literals, folded expressions, and constants that are used for themselves (`open(DATA)`)."""
        for part in self._view.parts(unit):
            yield from part.strings
            for folded in part.folded:
                yield from sorted(evaluator.paths(unit[0], folded)) or texts_of(folded)
            for chain in sorted({*part.now, *part.later} - set(part.joined)):
                found = self._view.resolver.resolve(unit[0], chain)
                for target in sorted(found.units):
                    for value in self._view.unit(target).values.values():
                        if value[0] == "text":
                            yield from texts_of(value)
                        elif names_a_file(value):
                            yield from sorted(evaluator.paths(target[0], value)) or texts_of(value)

    def _file_of(self, module: str) -> str | None:
        found = self._modules.find(module)
        return found.path if found is not None and found.path else None

    def _values(self, module: str, chain: str) -> list[tuple[str, Any]]:
        found = self._view.resolver.resolve(module, chain)
        return [
            (unit[0], value)
            for unit, rest in sorted(found.units.items())
            if not rest
            for value in self._view.unit(unit).values.values()
        ]

    def _decorator_notes(self) -> Iterator[str]:
        """A decorator that registers pulls all that it decorates into one closure: say how to declare it."""
        counts: dict[str, int] = {}
        for unit, (_, role) in self._walk.reached.items():
            if role == "effect":
                for found, _ in self._view.decorators(unit):
                    for target in found.units:
                        if self._view.unit(target).kind in ("def", "class"):
                            name = self._walk.named(target)
                            counts[name] = counts.get(name, 0) + 1
        for name, count in sorted(counts.items()):
            if count >= _MANY:
                module, _, decorator = name.partition(":")
                yield (
                    f"decorator {decorator} of {self._modules.shown(module)} brings {count} functions into this step; "
                    f'if it only registers or wraps, add it to inert: inert = ["{module}.{decorator}"]'
                )
