"""Step records of runs: a slot for each address, written once, by one or many in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tiphys.cluster.store.layout import Layout, canonical
from tiphys.cluster.store.locking import locked
from tiphys.cluster.store.naming import file_name
from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.reading import names_in, read_record
from tiphys.cluster.store.records import Json, StepRecord
from tiphys.cluster.store.writing import write_file


class Steps:
    """The step records of all runs of one store. A lock for each run keeps slots and batches from racing."""

    def __init__(self, layout: Layout, quarantine: Quarantine) -> None:
        self._layout = layout
        self._quarantine = quarantine
        self._batches: dict[str, dict[str, Mapping[str, StepRecord]]] = {}

    def record(self, run_id: str, record: StepRecord) -> bool:
        """Write the slot of an address once; False when it was taken."""
        folder = self._layout.run(run_id)
        with locked(f"{folder}/lock"):
            if any(record.address in batch for batch in self._load(run_id).values()):
                return False
            slot = f"{folder}/steps/{file_name(record.address)}.json"
            return write_file(self._layout.tmp, slot, canonical(record.to_json()))

    def record_many(self, run_id: str, records: Iterable[StepRecord]) -> None:
        """Write many slots in one file, leaving out those that are taken."""
        folder = self._layout.run(run_id)
        with locked(f"{folder}/lock"):
            batches = self._load(run_id)
            slots = set(names_in(f"{folder}/steps"))
            batch = {
                record.address: record
                for record in records
                if f"{file_name(record.address)}.json" not in slots
                and not any(record.address in other for other in batches.values())
            }
            if batch:
                name = f"{len(batches):06d}.json"
                data = canonical([record.to_json() for record in batch.values()])
                write_file(self._layout.tmp, f"{folder}/batches/{name}", data)
                batches[name] = batch

    def of_run(self, run_id: str) -> Mapping[str, StepRecord]:
        """Every record of a run by address; unreadable ones are quarantined and left out."""
        found: dict[str, StepRecord] = {}
        for _, batch in sorted(self._load(run_id).items()):
            found.update(batch)
        folder = f"{self._layout.run(run_id)}/steps"
        for name in sorted(names_in(folder)):
            record = read_record(f"{folder}/{name}", StepRecord.from_json, self._quarantine)
            if record is not None:
                found[record.address] = record
        return found

    def _load(self, run_id: str) -> dict[str, Mapping[str, StepRecord]]:
        """The batches of a run by file name; each file is read once."""
        folder = f"{self._layout.run(run_id)}/batches"
        loaded = self._batches.setdefault(run_id, {})
        for name in names_in(folder):
            if name not in loaded:
                loaded[name] = read_record(f"{folder}/{name}", _batch, self._quarantine) or {}
        return loaded


def _batch(data: Json) -> Mapping[str, StepRecord]:
    records = [StepRecord.from_json(item) for item in data]
    return {record.address: record for record in records}
