"""What the closure of a step is, as frozen values; plain JSON for the cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from blake3 import blake3

Role = Literal["code", "effect", "docs"]
"""Why a unit counts: the step reaches it; importing its module acts on something reached; its docstring can be read."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One top-level statement of a first-party module that is part of a closure.

    `file` is relative to the project root (absolute outside); lines count from 1, both included. `pulled_by` names the
    unit (`module:name`) that led here, "" for the entry.
    """

    module: str
    names: tuple[str, ...]
    digest: str
    file: str
    first_line: int
    last_line: int
    pulled_by: str
    role: Role

    def to_json(self) -> list[Any]:
        return [
            self.module,
            list(self.names),
            self.digest,
            self.file,
            self.first_line,
            self.last_line,
            self.pulled_by,
            self.role,
        ]

    @classmethod
    def from_json(cls, data: list[Any]) -> Unit:
        module, names, digest, file, first, last, pulled_by, role = data
        return cls(module, tuple(names), digest, file, first, last, pulled_by, role)


@dataclass(frozen=True, slots=True)
class CodeClosure:
    """All first-party code that an entry can reach, and what its text says about the world around it.

    `files`: relative path -> BLAKE3 of the bytes of every first-party module that is executed. `imports`: top-level
    names of third-party imports. `paths`: file names in the text (candidates; relative to the root, or absolute).
    `env_names`: environment variables read by literal name.
    """

    entry: str
    digest: str
    units: tuple[Unit, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    imports: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    env_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    starts_processes: bool = False
    opens_sockets: bool = False

    @classmethod
    def of_container(cls, entry: str, container: Any) -> CodeClosure:
        """The closure of a container step: its image, command and outputs stand for its code."""
        text = json.dumps(container, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return cls(entry, blake3(text.encode("utf-8", "surrogatepass")).hexdigest())

    def to_json(self) -> dict[str, Any]:
        return {
            "entry": self.entry,
            "digest": self.digest,
            "units": [unit.to_json() for unit in self.units],
            "files": dict(self.files),
            "imports": sorted(self.imports),
            "paths": list(self.paths),
            "env_names": list(self.env_names),
            "notes": list(self.notes),
            "starts_processes": self.starts_processes,
            "opens_sockets": self.opens_sockets,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CodeClosure:
        return cls(
            entry=data["entry"],
            digest=data["digest"],
            units=tuple(Unit.from_json(unit) for unit in data["units"]),
            files=data["files"],
            imports=frozenset(data["imports"]),
            paths=tuple(data["paths"]),
            env_names=tuple(data["env_names"]),
            notes=tuple(data["notes"]),
            starts_processes=data["starts_processes"],
            opens_sockets=data["opens_sockets"],
        )


def unit_text(source: bytes, unit: Unit) -> str:
    """The lines of a unit, decorators and comments included, from the bytes of its file."""
    lines = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")  # the parser's idea of a line
    return b"\n".join(lines[unit.first_line - 1 : unit.last_line]).decode("utf-8", "replace") + "\n"
