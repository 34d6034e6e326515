"""Run records: one folder a run, found by id, by a unique start of it, or as the latest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.layout import Layout, canonical
from tiphys.cluster.store.liveness import is_alive
from tiphys.cluster.store.naming import file_name, text_of
from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.reading import names_in, read_record
from tiphys.cluster.store.records import RunRecord
from tiphys.cluster.store.refs import Refs
from tiphys.cluster.store.writing import add_name, guarded, write_file

LATEST = "latest"

_TIME = 17
"""Digits of the start of a run (microseconds since the epoch) in its line of history."""

_SHOWN = 8
"""Runs that a message lists."""


class Runs:
    """The runs of one store."""

    def __init__(self, layout: Layout, refs: Refs, quarantine: Quarantine) -> None:
        self._layout = layout
        self._refs = refs
        self._quarantine = quarantine

    def create(self, run: RunRecord) -> None:
        """Write a new record and move the ref `latest`; an existing id is an `InputError`."""
        started = f"{max(0, int(run.started * 1e6)):0{_TIME}d}"
        path = f"{self._layout.run(run.id)}/run.json"
        if os.path.exists(path) or run.id == LATEST:
            raise InputError(f"run {run.id} exists already", fix="give another id")
        add_name(self._layout.runs_history, f"{started}-{file_name(run.id)}")
        if not write_file(self._layout.tmp, path, canonical(run.to_json())):
            raise InputError(f"run {run.id} exists already", fix="give another id")
        while not self._refs.swap(LATEST, self._refs.read(LATEST), run.id):
            pass  # another run moved it in between

    def finish(self, run: RunRecord) -> None:
        """Replace the record by its end."""
        write_file(self._layout.tmp, f"{self._layout.run(run.id)}/run.json", canonical(run.to_json()), replace=True)

    def one(self, run_id: str) -> RunRecord:
        """The record by full id, `lost` when its writer died; unknown: `InputError`."""
        run = self._read(file_name(run_id))
        if run is None:
            raise self._unknown(run_id)
        return run

    def find(self, text: str) -> RunRecord:
        """By `latest`, full id or unique start of one; else `InputError` that lists what there is."""
        run = self._latest() if text == LATEST else self._read(file_name(text))
        if run is not None:
            return run
        matches = [name for name in self._folders() if text and (text_of(name) or name).startswith(text)]
        if len(matches) > 1:
            shown = ", ".join([text_of(name) or name for name in matches[:_SHOWN]])
            more = ", …" if len(matches) > _SHOWN else ""
            raise InputError(f"{text!r} is the start of {len(matches)} runs: {shown}{more}", fix="give more of the id")
        run = self._read(matches[0]) if matches else None
        if run is None:
            raise self._unknown(text)
        return run

    def all(self) -> Iterator[RunRecord]:
        """All runs, newest first; each is read when it is asked for."""
        for name in self._folders():
            run = self._read(name)
            if run is not None:
                yield run

    def log_path(self, run_id: str, address: str) -> Path:
        """Where the log of a step is; its folder exists afterwards."""
        folder = f"{self._layout.run(run_id)}/logs"
        with guarded(folder, "write"):
            os.makedirs(folder, exist_ok=True)
        return Path(f"{folder}/{file_name(address)}.log")

    def _latest(self) -> RunRecord | None:
        """By the ref, or, when a run died between its record and the ref, the newest."""
        run_id = self._refs.read(LATEST)
        run = self._read(file_name(run_id)) if isinstance(run_id, str) else None
        return run or next(self.all(), None)

    def _folders(self) -> Iterator[str]:
        """Names of the folders of runs, newest first."""
        for line in sorted(names_in(self._layout.runs_history), reverse=True):
            yield line[_TIME + 1 :]

    def _read(self, name: str) -> RunRecord | None:
        run = read_record(f"{self._layout.runs}/{name}/run.json", RunRecord.from_json, self._quarantine)
        if run is not None and run.state == "running" and not is_alive(run.pid, run.host, run.boot):
            return replace(run, state="lost")
        return run

    def _unknown(self, text: str) -> InputError:
        known = [f"{run.id} ({run.pipeline}, {run.state})" for run, _ in zip(self.all(), range(_SHOWN), strict=False)]
        if not known:
            return InputError(f"there are no runs in {self._layout.root}", fix="run a pipeline first: tiphys run FILE")
        return InputError(
            f"there is no run {text!r} in {self._layout.root}; the newest are: {', '.join(known)}",
            fix="give `latest`, an id or the start of one (`tiphys runs` lists all)",
        )
