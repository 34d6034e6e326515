"""Values of this package: an environment as locked, what of it a step depends on, and where names come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tiphys.cluster.store.records import Json

EDITABLE = "editable"
"""The version of a distribution that is first-party: the project itself, members of its workspace, `-e` lines."""

UNPINNED = "unpinned"
"""The version of a distribution that a lock names and does not pin: a folder given by path."""

_SEPARATORS = re.compile(r"[-_.]+")


def normalized(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503): `Ruamel.YAML` is `ruamel-yaml`."""
    return _SEPARATORS.sub("-", name).lower()


@dataclass(frozen=True, slots=True)
class Environment:
    """The distributions of one environment, for one Python and one platform.

    `source` says in words where this comes from; `locked` is false for the running interpreter. Names are normalized.
    `versions`: distribution -> version; of a direct reference `VERSION @ COMMIT` or `VERSION @ sha256:…`, `editable`
    for first-party ones. `requires`: distribution -> those that it depends on, None when the lock does not say.
    `excluded`: named by the lock, not installed here (markers, extras that were not chosen). `notes` for `plan`.
    """

    name: str
    source: str
    python: str
    platform: str
    versions: Mapping[str, str]
    requires: Mapping[str, tuple[str, ...]] | None
    excluded: frozenset[str] = frozenset()
    locked: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """What is read from a lock file or an interpreter, before it has a name: the part that is cached."""

    versions: Mapping[str, str]
    requires: Mapping[str, tuple[str, ...]] | None
    excluded: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def to_json(self) -> Json:
        requires = None if self.requires is None else {name: list(needs) for name, needs in self.requires.items()}
        return {
            "versions": dict(self.versions),
            "requires": requires,
            "excluded": sorted(self.excluded),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Json) -> Parsed:
        requires = data["requires"]
        if requires is not None:
            requires = {name: tuple(needs) for name, needs in requires.items()}
        return cls(data["versions"], requires, frozenset(data["excluded"]), tuple(data["notes"]))


@dataclass(frozen=True, slots=True)
class ImportTable:
    """Import name -> distributions. `declared`: the project's, `shipped`: ours; a trailing `*` is any ending."""

    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnvironmentComponent:
    """The environment's part of a cache key: `python` ("3.11") and distribution -> version. `notes` are not part."""

    python: str
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()
