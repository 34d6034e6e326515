"""`FolderStore`: the port to the store (`port.Store`) on a folder of a local or shared file system."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError
from tiphys.cluster.store import folders
from tiphys.cluster.store.entries import Entries
from tiphys.cluster.store.layout import FORMAT, Layout, canonical, check_format, is_free
from tiphys.cluster.store.objects import Objects
from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.records import Entry, Json, ObjectRef, RunRecord, StepRecord
from tiphys.cluster.store.refs import Refs
from tiphys.cluster.store.runs import Runs
from tiphys.cluster.store.steps import Steps
from tiphys.cluster.store.trees import Tree
from tiphys.cluster.store.writing import guarded, write_file

if TYPE_CHECKING:
    from tiphys.cluster.store.gc import Collection, Deletion, Facts
    from tiphys.cluster.store.verify import Checked


class FolderStore:
    """A store in the folder `root`. `scope` is written into what this process makes (`main`, `pr/123`, `user/ann`).

    Without `create` there must be one already. Raises `InputError` (none there, another kind of folder, a newer
    format) and `PlatformError` (unreachable, full, forbidden). Threads and processes may share a store.
    """

    def __init__(self, root: Path, *, scope: str = "main", create: bool = True) -> None:
        self._layout = Layout(root)
        self.root = Path(self._layout.root)
        self.scope = scope
        _open(self._layout, create)
        self._quarantine = Quarantine(self._layout)
        self._objects = Objects(self._layout, self._quarantine)
        self._entries = Entries(self._layout, self._quarantine)
        self._refs = Refs(self._layout, self._quarantine)
        self._runs = Runs(self._layout, self._refs, self._quarantine)
        self._steps = Steps(self._layout, self._quarantine)

    @property
    def reports(self) -> tuple[str, ...]:
        """One sentence for each corrupt file that was met, and moved to `quarantine/`, since the store was opened."""
        return tuple(self._quarantine.reports)

    # Objects ----------------------------------------------------------------------------------------------------------
    def put_bytes(self, data: bytes) -> ObjectRef:
        """Store `data`; see `port.Store`."""
        return ObjectRef(self._objects.put_bytes(data), "file", len(data))

    def put_file(self, path: Path) -> ObjectRef:
        """Store a copy of a regular file, hashed while it is read, in less than 50 MB of memory."""
        digest, size = self._objects.put_file(path)
        return ObjectRef(digest, "file", size)

    def put_tree(self, path: Path) -> ObjectRef:
        """Store a folder: files, folders and the executable bit. Links and special files are an `InputError`."""
        return folders.put_folder(self._objects, path)

    def put_manifest(self, files: Mapping[str, ObjectRef]) -> ObjectRef:
        """Store a tree made of files that are in the store; keys are relative POSIX paths."""
        return folders.put_tree(self._objects, Tree(files))

    def tree(self, digest: str) -> Mapping[str, ObjectRef]:
        """The files of a tree by relative POSIX path. `MissingObject` when absent, corrupt or not a tree."""
        return folders.read_tree(self._objects, digest).files

    def read_bytes(self, digest: str) -> bytes:
        """The verified bytes of an object. `MissingObject` when absent, or corrupt and in quarantine now."""
        return self._objects.read(digest)

    def materialize(self, ref: ObjectRef, destination: Path) -> None:
        """Write a verified copy that the user may edit; `destination` must not exist, its folder must."""
        target = os.path.abspath(destination)
        if ref.kind == "tree":
            folders.write_tree(self._objects, folders.read_tree(self._objects, ref.digest), target)
        else:
            self._objects.copy_out(ref.digest, target)

    def intact(self, refs: Iterable[ObjectRef]) -> str | None:
        """None when all objects are there and right, else a sentence about the first that is not; see `port.Store`."""
        for ref in refs:
            if ref.kind == "tree":
                fault = folders.tree_fault(self._objects, ref.digest)
            else:
                fault = self._objects.fault(ref.digest, ref.size)
            if fault:
                return fault
        return None

    # Cache entries ----------------------------------------------------------------------------------------------------
    def entries(self, key: str) -> tuple[Entry, ...]:
        """The entries of a key, newest first, at most 16; unreadable ones are quarantined and left out."""
        return self._entries.of_key(key)

    def entry(self, key: str, digest: str) -> Entry | None:
        """One entry, None when it is absent or unreadable."""
        return self._entries.one(key, digest)

    def publish(self, entry: Entry) -> str:
        """Write an entry after its objects are safely on the disk, and return its digest. Idempotent."""
        self._objects.sync(folders.with_contents(self._objects, entry.objects))
        return self._entries.publish(entry)

    def history(self, pipeline: str, address: str, *, limit: int = 5) -> tuple[Entry, ...]:
        """The newest entries of an address (item indices do not count) of a pipeline, newest first."""
        return self._entries.history(pipeline, address, limit)

    # Runs -------------------------------------------------------------------------------------------------------------
    def create_run(self, run: RunRecord) -> None:
        """Write a new run record and move the ref `latest`; an existing id is an `InputError`."""
        self._runs.create(run)

    def finish_run(self, run: RunRecord) -> None:
        """Replace the record of a run by its end."""
        self._runs.finish(run)

    def run(self, run_id: str) -> RunRecord:
        """The record by full id, `lost` when its writer died; unknown: `InputError`."""
        return self._runs.one(run_id)

    def find_run(self, text: str) -> RunRecord:
        """By `latest`, full id or unique prefix; else `InputError` that lists what there is."""
        return self._runs.find(text)

    def runs(self) -> Iterator[RunRecord]:
        """All runs, newest first, read lazily."""
        return self._runs.all()

    def record_steps(self, run_id: str, records: Iterable[StepRecord]) -> None:
        """Write many final records in one file; addresses that have a record keep it."""
        self._steps.record_many(run_id, records)

    def record_step(self, run_id: str, record: StepRecord) -> bool:
        """Write the slot of an address once; False when another writer was first."""
        return self._steps.record(run_id, record)

    def step_records(self, run_id: str) -> Mapping[str, StepRecord]:
        """Every step record of a run by address."""
        return self._steps.of_run(run_id)

    def log_path(self, run_id: str, address: str) -> Path:
        """Where the log of a step is written and read; its folder exists afterwards."""
        return self._runs.log_path(run_id, address)

    # Refs -------------------------------------------------------------------------------------------------------------
    def read_ref(self, name: str) -> Json | None:
        """The value of a ref, or None."""
        return self._refs.read(name)

    def swap_ref(self, name: str, expected: Json | None, value: Json | None) -> bool:
        """Set a ref to `value` (None: delete) if it still is `expected` (None: absent)."""
        return self._refs.swap(name, expected, value)

    # Care -------------------------------------------------------------------------------------------------------------
    def verify(self) -> Iterator[Checked]:
        """Hash every object and parse every record; corrupt ones are quarantined and come with their problem."""
        from tiphys.cluster.store.verify import Verification  # needed by one command

        return iter(Verification(self._layout, self._objects, self._entries, self._quarantine))

    def gc_facts(self) -> Facts:
        """Everything in the store, for `gc.plan_gc` to decide on."""
        from tiphys.cluster.store.collect import gather_facts  # needed by one command

        return gather_facts(self._layout)

    def delete(self, collection: Collection) -> Iterator[Deletion]:
        """Delete what `gc.plan_gc` decided, yielding each deletion that was done. Iterate to the end."""
        from tiphys.cluster.store.collect import delete  # needed by one command

        done: set[str] = set()
        for deletion in delete(self._layout, collection):
            if deletion.kind == "object":
                done.add(deletion.item.digest)
            yield deletion
        self._objects.forget(done)


def _open(layout: Layout, create: bool) -> None:
    """Check the format of the store, or make one where there is none yet."""
    try:
        with guarded(layout.format, "read"), open(layout.format, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        _make(layout, create)
        return
    except NotADirectoryError:
        raise _in_the_way(layout) from None
    check_format(data, layout.root)


def _make(layout: Layout, create: bool) -> None:
    if not create:
        raise InputError(f"there is no store in {layout.root}", fix="run a pipeline first, or name the store: --store")
    try:
        with guarded(layout.root, "write"):
            os.makedirs(layout.root, exist_ok=True)
            names = os.listdir(layout.root)
    except FileExistsError:  # a link to nowhere
        raise _in_the_way(layout) from None
    if not is_free(names):
        raise InputError(
            f"{layout.root} is not a store and holds other files ({', '.join(sorted(names)[:3])}, …)",
            fix="name an empty or new folder as the store",
        )
    write_file(layout.tmp, f"{layout.root}/.gitignore", b"*\n")
    write_file(layout.tmp, layout.format, canonical({"format": FORMAT}) + b"\n")


def _in_the_way(layout: Layout) -> InputError:
    return InputError(f"{layout.root} is no folder: a file or a link is there", fix="name another store with --store")
