"""The port to the store: what the rest of Tiphys may ask of it. `folder.FolderStore` implements it on a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tiphys.cluster.store.records import Entry, Json, ObjectRef, RunRecord, StepRecord


class Store(Protocol):
    """Content-addressed objects, immutable cache entries, fenced run records, and refs changed by compare-and-swap.

    Every write is atomic: complete or absent, whenever the process dies. Reads verify digests. Methods raise
    `PlatformError` when the store is unreachable, full or forbids, and `InputError` when its format is newer.
    """

    @property
    def reports(self) -> Sequence[str]:
        """One sentence for each corrupt file that was moved to quarantine since the store was opened."""
        ...

    # Objects ------------------------------------------------------------------------------------------------------
    def put_bytes(self, data: bytes) -> ObjectRef:
        """Store `data` and return its reference. Writing what is there already costs a stat."""
        ...

    def put_file(self, path: Path) -> ObjectRef:
        """Store a copy of a regular file (reflink where the file system can), hashed while it is read."""
        ...

    def put_tree(self, path: Path) -> ObjectRef:
        """Store a folder: files, subfolders and the executable bit; links and special files are an `InputError`."""
        ...

    def put_manifest(self, files: Mapping[str, ObjectRef]) -> ObjectRef:
        """Store a tree manifest made of files that are in the store already; keys are relative POSIX paths."""
        ...

    def tree(self, digest: str) -> Mapping[str, ObjectRef]:
        """The files of a tree manifest by relative POSIX path."""
        ...

    def read_bytes(self, digest: str) -> bytes:
        """The verified bytes of a file object. Corrupt bytes are quarantined; absent ones: `MissingObject`."""
        ...

    def materialize(self, ref: ObjectRef, destination: Path) -> None:
        """Write the object to `destination` (must not exist), verified, as a reflink or copy that the user may edit."""
        ...

    def intact(self, refs: Iterable[ObjectRef]) -> str | None:
        """None when all objects are present with the stat signature recorded when they were written or verified;

        else a sentence that names the first that is not (a changed signature is re-verified: intact bytes pass,
        corrupt ones are quarantined)."""
        ...

    # Cache entries ------------------------------------------------------------------------------------------------
    def entries(self, key: str) -> tuple[Entry, ...]:
        """The entries of a key, newest first; unreadable ones are quarantined and left out."""
        ...

    def entry(self, key: str, digest: str) -> Entry | None: ...

    def publish(self, entry: Entry) -> str:
        """Write an entry (at most 16 are kept a key, older ones go) and return its digest. Idempotent."""
        ...

    def history(self, pipeline: str, address: str, *, limit: int = 5) -> tuple[Entry, ...]:
        """The newest entries that runs wrote for this address (without item index) of this pipeline, newest first."""
        ...

    # Runs ---------------------------------------------------------------------------------------------------------
    def create_run(self, run: RunRecord) -> None:
        """Write a new run record; an existing id is an `InputError`. Also moves the ref `latest`."""
        ...

    def finish_run(self, run: RunRecord) -> None:
        """Replace the record of a run by its end."""
        ...

    def run(self, run_id: str) -> RunRecord:
        """The record by full id; a run whose writer is dead is returned as `lost`. Unknown: `InputError`."""
        ...

    def find_run(self, text: str) -> RunRecord:
        """By `latest`, full id or unique prefix; else `InputError` that lists what there is."""
        ...

    def runs(self) -> Iterator[RunRecord]:
        """All runs, newest first, read lazily."""
        ...

    def record_steps(self, run_id: str, records: Iterable[StepRecord]) -> None:
        """Write many final records at once (hits and skips), in one file, fenced like `record_step`."""
        ...

    def record_step(self, run_id: str, record: StepRecord) -> bool:
        """Write the slot runs/RUN/ADDRESS once. False when another writer was first (its record stands)."""
        ...

    def step_records(self, run_id: str) -> Mapping[str, StepRecord]:
        """Every step record of a run by address."""
        ...

    def log_path(self, run_id: str, address: str) -> Path:
        """Where the log of a step is written and read: plain UTF-8 text; parent folders exist."""
        ...

    # Refs ---------------------------------------------------------------------------------------------------------
    def read_ref(self, name: str) -> Json | None:
        """The value of a ref (`latest`, `alias/…`, `lease/…`), or None."""
        ...

    def swap_ref(self, name: str, expected: Json | None, value: Json | None) -> bool:
        """Set the ref to `value` if it still is `expected` (None: absent). False when it is not."""
        ...
