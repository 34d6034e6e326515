"""Which distributions a step depends on, from the import names of its closure (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiphys.workflows.environment.model import (
    EDITABLE,
    Environment,
    EnvironmentComponent,
    ImportTable,
    normalized,
)
from tiphys.workflows.environment.stdlib_names import stdlib_names

_OURS = "tiphys"


def component(environment: Environment, imports: Iterable[str], table: ImportTable) -> EnvironmentComponent:
    """The distributions behind `imports` (top-level names) with all that they depend on.

    The standard library, first-party distributions and Tiphys itself never enter. An import of unknown origin lets
    the whole environment enter, with a note that names it; so does a lock that does not say what depends on what.
    """
    stdlib = stdlib_names(environment.python)
    wanted = sorted(set(imports) - stdlib - {_OURS})
    notes: list[str] = []
    found: set[str] = set()
    whole = False
    for name in wanted:
        distributions = _distributions(name, environment, table)
        if distributions is None:
            whole = True
            notes.append(_unknown_note(name, environment, table))
        else:
            found |= distributions
    if environment.requires is None and not found.isdisjoint(environment.versions):
        whole = True
        count = sum(1 for _ in _countable(environment.versions, environment))
        notes.append(f"{environment.source} does not say what depends on what, so all {count} distributions count")
    names = set(environment.versions) if whole else _closure(found, environment)
    versions = {name: environment.versions[name] for name in sorted(_countable(names, environment))}
    shown = environment.notes if wanted else ()
    return EnvironmentComponent(environment.python, versions, (*shown, *notes))


def _distributions(name: str, environment: Environment, table: ImportTable) -> set[str] | None:
    """The distributions of one import name, empty when they are known and not installed here; None: unknown."""
    if name in table.declared:
        declared = table.declared[name]
        found = set(_matching(declared, environment))
        return found if found or not declared else None
    # An equal name does not end the search: `azure` may be a distribution *and* what a hundred others install into.
    return set(_matching((name, *table.shipped.get(name, ())), environment)) or None


def _matching(patterns: Iterable[str], environment: Environment) -> Iterator[str]:
    for pattern in patterns:
        name = normalized(pattern.rstrip("*"))
        if not pattern.endswith("*"):
            if name in environment.versions or name in environment.excluded:
                yield name
            continue
        for known in (environment.versions, environment.excluded):
            yield from (candidate for candidate in known if candidate.startswith(name))


def _closure(names: Iterable[str], environment: Environment) -> set[str]:
    requires = environment.requires or {}
    reached: set[str] = set()
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        if name not in reached and name != _OURS:
            reached.add(name)
            open_names += requires.get(name, ())
    return reached


def _countable(names: Iterable[str], environment: Environment) -> Iterator[str]:
    for name in names:
        if name in environment.versions and name != _OURS and environment.versions[name] != EDITABLE:
            yield name


def _unknown_note(name: str, environment: Environment, table: ImportTable) -> str:
    count = sum(1 for _ in _countable(environment.versions, environment))
    if name in table.declared:
        missing = " and ".join(table.declared[name])
        return (
            f"import {name}: [tool.tiphys.imports] says {missing}, which is not in {environment.source}, "
            f"so all {count} distributions count"
        )
    return (
        f"import {name}: not known which distribution of {environment.source} it comes from, so all {count} count; "
        f'say it in [tool.tiphys.imports]: {name} = "DISTRIBUTION" ({name} = [] when it is none of them)'
    )
