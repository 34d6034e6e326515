"""What was seen while a step ran: collected once per name, also from processes that the step forks."""

from __future__ import annotations

import json
import os
from typing import Literal, TypeAlias, get_args

from tiphys.cluster.store.records import FOLDER_PRESENT, Observed

Kind: TypeAlias = Literal[
    "files", "folders", "links", "modules", "env", "own_env", "local", "notes", "outside", "installed"
]
_KINDS: tuple[Kind, ...] = get_args(Kind)


class Sightings:
    """First sightings by kind and name; later ones change nothing, but a listing says more than that a folder is there.

    A forked process has copies of the dictionaries, so from `report_to` on it also writes what is new to a file: one
    JSON line, appended at once. The step reads that file at its end.
    """

    def __init__(self) -> None:
        self.seen: dict[Kind, dict[str, str | None]] = {kind: {} for kind in _KINDS}
        self._report = -1

    def add(self, kind: Kind, name: str, value: str | None = "") -> None:
        """Note `name`, with the digest that it had (None: absent)."""
        known = self.seen[kind]
        if name in known and (known[name] != FOLDER_PRESENT or value == FOLDER_PRESENT):
            return
        known[name] = value
        if self._report >= 0:
            os.write(self._report, json.dumps([kind, name, value]).encode() + b"\n")

    def has(self, kind: Kind, name: str) -> bool:
        """Whether it was seen before."""
        return name in self.seen[kind]

    def report_to(self, path: str) -> None:
        """Append what is new to `path` from now on: this is a forked process."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._report = os.open(path, flags, 0o600)

    def read_reports(self, path: str) -> None:
        """Take in what forked processes have written, if there were any. A torn last line is of a killed one."""
        try:
            with open(path, "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines[:-1]:
            kind, name, value = json.loads(line)
            self.add(kind, name, value)

    def observed(self) -> Observed:
        """As it is stored with the entry, sorted."""
        seen = self.seen
        return Observed(
            files=dict(sorted(seen["files"].items())),
            folders=dict(sorted(seen["folders"].items())),
            links={name: target or "" for name, target in sorted(seen["links"].items())},
            modules={name: digest or "" for name, digest in sorted(seen["modules"].items())},
            env=tuple(sorted(seen["env"])),
            own_env=tuple(sorted(seen["own_env"])),
            local=tuple(seen["local"]),
        )

    def notes(self) -> tuple[str, ...]:
        """Sentences for `plan`."""
        return tuple(self.seen["notes"])
