"""Refs: names with a value that is changed only by who knows the present one (compare and swap, under a lock)."""

from __future__ import annotations

from tiphys.cluster.store.layout import Layout, canonical
from tiphys.cluster.store.locking import locked
from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.reading import read_record
from tiphys.cluster.store.records import Json
from tiphys.cluster.store.writing import remove, sync_folder, write_file


class Refs:
    """The refs of one store. Values are JSON and compared as canonical text: 1, 1.0 and true differ."""

    def __init__(self, layout: Layout, quarantine: Quarantine) -> None:
        self._layout = layout
        self._quarantine = quarantine

    def read(self, name: str) -> Json | None:
        """The value, None when there is none; an unreadable one is quarantined and counts as none."""

        def value(data: Json) -> Json:
            if data["name"] != name:
                raise ValueError(f"it is of {data['name']!r}")
            return data["value"]

        return read_record(self._layout.ref(name), value, self._quarantine)

    def swap(self, name: str, expected: Json | None, value: Json | None) -> bool:
        """Set to `value` (None: delete) if it still is `expected` (None: absent)."""
        path = self._layout.ref(name)
        with locked(f"{self._layout.refs}/.lock"):
            present = self.read(name)
            if canonical(present) != canonical(expected):
                return False
            if value is not None:
                write_file(self._layout.tmp, path, canonical({"name": name, "value": value}), replace=True)
            elif remove(path):
                sync_folder(self._layout.refs)
        return True
