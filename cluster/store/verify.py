"""Checks a whole store: every object is hashed, every record parsed. Corrupt files go to quarantine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tiphys.cluster.store.entries import Entries
from tiphys.cluster.store.layout import Layout
from tiphys.cluster.store.naming import text_of
from tiphys.cluster.store.objects import Objects
from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.reading import names_in, read_record
from tiphys.cluster.store.records import Json, RunRecord, StepRecord


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was checked. `problem`: empty when it is right, else a sentence. `size_bytes` of objects."""

    kind: Literal["object", "entry", "run", "step", "ref"]
    name: str
    problem: str = ""
    size_bytes: int = 0


class Verification:
    """The check of one store, an iterator over all that is in it."""

    def __init__(self, layout: Layout, objects: Objects, entries: Entries, quarantine: Quarantine) -> None:
        self._layout = layout
        self._objects = objects
        self._entries = entries
        self._quarantine = quarantine

    def __iter__(self) -> Iterator[Checked]:
        yield from self._check_objects()
        yield from self._check_entries()
        yield from self._check_records()

    def _check_objects(self) -> Iterator[Checked]:
        for prefix in sorted(names_in(self._layout.objects)):
            for rest in sorted(names_in(f"{self._layout.objects}/{prefix}")):
                digest = prefix + rest
                try:
                    size = os.stat(self._layout.object(digest)).st_size
                except FileNotFoundError:
                    continue  # collected since it was listed
                yield Checked("object", digest, self._objects.verify(digest), size)

    def _check_entries(self) -> Iterator[Checked]:
        for key_name in sorted(names_in(self._layout.entries)):
            folder = f"{self._layout.entries}/{key_name}"
            for name in sorted(names_in(folder)):
                yield Checked("entry", f"{key_name}/{name.removesuffix('.json')}", self._entry_problem(key_name, name))

    def _entry_problem(self, key_name: str, name: str) -> str:
        before = len(self._quarantine.reports)
        entry = self._entries.read_file(f"{self._layout.entries}/{key_name}/{name}", key_name)
        if entry is None:
            return " ".join(self._quarantine.reports[before:])  # nothing when it was deleted since it was listed
        for ref in entry.objects:
            if not os.path.exists(self._layout.object(ref.digest)):
                return f"object {ref.digest[:12]} that it needs is not in the store: the step will run again"
        return ""

    def _check_records(self) -> Iterator[Checked]:
        for run in sorted(names_in(self._layout.runs)):
            folder = f"{self._layout.runs}/{run}"
            yield Checked("run", text_of(run) or run, self._problem(f"{folder}/run.json", RunRecord.from_json))
            for name in sorted(names_in(f"{folder}/steps")):
                problem = self._problem(f"{folder}/steps/{name}", StepRecord.from_json)
                yield Checked("step", f"{run}/{name.removesuffix('.json')}", problem)
        for name in sorted(names_in(self._layout.refs)):
            if name.endswith(".json"):
                problem = self._problem(f"{self._layout.refs}/{name}", _ref)
                yield Checked("ref", text_of(name.removesuffix(".json")) or name, problem)

    def _problem(self, path: str, parse: Callable[[Json], object]) -> str:
        before = len(self._quarantine.reports)
        read_record(path, parse, self._quarantine)
        return " ".join(self._quarantine.reports[before:])


def _ref(data: Json) -> tuple[Json, Json]:
    return data["name"], data["value"]
