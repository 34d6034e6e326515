from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.cluster.store.builders import make_entry, make_run, make_step
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.gc import DAY_SECONDS, Policy, plan_gc
from tiphys.cluster.store.records import ObjectRef


def age(root: Path, days: float) -> None:
    """Make every file look as if it were written so long ago."""
    moment = time.time() - days * DAY_SECONDS
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))


def collect(store: FolderStore, policy: Policy | None = None) -> list[str]:
    plan = plan_gc(store.gc_facts(), policy or Policy(), time.time())
    return [deletion.item.name for deletion in store.delete(plan)]


@pytest.fixture
def filled(store: FolderStore) -> FolderStore:
    """A kept entry with a tree, a run of long ago, one of now, and an object that nobody needs."""
    tree = store.put_manifest({"a": store.put_bytes(b"in tree")})
    units = store.put_bytes(b'{"units": []}')
    store.publish(make_entry("a", objects=(tree,), components={"units": units.digest}))
    graph, old_graph = store.put_bytes(b"graph"), store.put_bytes(b"old graph")
    store.create_run(make_run("old", graph=old_graph.digest, started=1.0, state="failed"))
    store.record_step("old", make_step("a[1]"))
    store.log_path("old", "a[1]").write_text("log")
    store.create_run(make_run("new", graph=graph.digest, started=time.time()))
    store.record_step("new", make_step(outputs={"$artifact": "F", "digest": store.put_bytes(b"result").digest}))
    store.put_bytes(b"nobody needs this")
    (store.root / "tmp" / "left").write_text("half")
    return store


def test_only_what_nothing_kept_needs_is_deleted(filled: FolderStore, root: Path) -> None:
    age(root, 2)
    entry = filled.entries(make_entry("a").key)[0]
    gone = collect(filled)
    assert len(gone) == 4
    assert "runs/old/run.json" in gone
    assert "tmp/left" in gone
    fresh = FolderStore(root)
    assert fresh.intact(entry.objects) is None
    assert fresh.read_bytes(entry.components["units"]) == b'{"units": []}'
    assert [run.id for run in fresh.runs()] == ["new"]
    assert fresh.read_bytes(fresh.run("new").graph) == b"graph"
    assert fresh.read_bytes(fresh.step_records("new")["step"].outputs["digest"]) == b"result"
    assert not (root / "runs" / "old").exists()
    assert [checked for checked in fresh.verify() if checked.problem] == []
    assert collect(fresh) == []


def test_what_is_new_stays(filled: FolderStore) -> None:
    before = set(filled.root.rglob("*"))
    assert collect(filled) == []
    assert set(filled.root.rglob("*")) == before


def test_what_is_put_again_after_the_decision_stays(filled: FolderStore, root: Path) -> None:
    age(root, 2)
    plan = plan_gc(filled.gc_facts(), Policy(), time.time())
    ref = filled.put_bytes(b"nobody needs this")
    list(filled.delete(plan))
    assert filled.read_bytes(ref.digest) == b"nobody needs this"


def test_deleted_objects_can_be_written_again(filled: FolderStore, root: Path) -> None:
    age(root, 2)
    collect(filled)
    ref = filled.put_bytes(b"nobody needs this")
    assert filled.intact([ref]) is None
    assert FolderStore(root).intact([ref]) is None


def test_decision_alone_deletes_nothing(filled: FolderStore, root: Path) -> None:
    age(root, 2)
    before = set(root.rglob("*"))
    assert plan_gc(filled.gc_facts(), Policy(), time.time()).size_bytes > 0
    assert set(root.rglob("*")) == before


def test_run_whose_writer_lives_stays(store: FolderStore, root: Path) -> None:
    store.create_run(make_run("open", started=1.0))
    store.create_run(make_run("newer", started=2.0))
    store.create_run(make_run("ended", started=1.0, state="succeeded"))
    age(root, 2)
    assert collect(store) == ["runs/ended/run.json"]


class AnyOrder(RuleBasedStateMachine):
    """Puts, publishes, ages and collects in any order: what an entry or a young run needs can always be read."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.store = FolderStore(Path(self.folder.name) / "store")
        self.refs: list[ObjectRef] = []
        self.published: list[tuple[ObjectRef, ...]] = []

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(data=st.integers(0, 5))
    def put(self, data: int) -> None:
        self.refs.append(self.store.put_bytes(b"%d" % data))

    @rule()
    def put_tree(self) -> None:
        if self.refs:
            files = [ref for ref in self.refs[-2:] if ref.kind == "file" and self.store.intact([ref]) is None]
            self.refs.append(self.store.put_manifest({f"{n}": ref for n, ref in enumerate(files)}))

    @rule(name=st.sampled_from("ab"))
    def publish(self, name: str) -> None:
        objects = tuple(ref for ref in self.refs[-3:] if self.store.intact([ref]) is None)
        self.store.publish(make_entry(name, objects=objects, created=float(len(self.published))))
        self.published.append(objects)

    @rule(days=st.sampled_from([0.5, 3.0]))
    def wait(self, days: float) -> None:
        age(self.store.root, days)

    @rule()
    def collect(self) -> None:
        collect(self.store)

    @invariant()
    def entries_are_whole(self) -> None:
        for objects in self.published:
            assert self.store.intact(objects) is None
        assert self.store.reports == ()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_finished_run_is_not_open(store: FolderStore) -> None:
    run = make_run("r")
    store.create_run(run)
    assert store.gc_facts().runs[0].is_open
    store.finish_run(replace(run, state="succeeded"))
    assert not store.gc_facts().runs[0].is_open
