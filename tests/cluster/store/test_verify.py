from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.cluster.store.builders import make_entry, make_run, make_step
from tiphys.cluster.store.folder import FolderStore


def fill(store: FolderStore) -> None:
    tree = store.put_manifest({"a": store.put_bytes(b"one"), "b": store.put_bytes(b"two")})
    store.publish(make_entry("a", objects=(tree,)))
    store.create_run(make_run())
    store.record_step("r1", make_step())


def test_everything_in_a_sound_store_is_checked_and_right(store: FolderStore) -> None:
    fill(store)
    checked = list(store.verify())
    assert [one for one in checked if one.problem] == []
    assert Counter(one.kind for one in checked) == {"object": 3, "entry": 1, "run": 1, "step": 1, "ref": 1}
    assert {one.name for one in checked if one.kind == "ref"} == {"latest"}


def test_one_flipped_bit_in_any_file_is_found(store: FolderStore, root: Path) -> None:
    fill(store)
    files = [path for folder in ("objects", "entries") for path in (root / folder).rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o644)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    problems = [one for one in FolderStore(root).verify() if one.problem]
    assert Counter(one.kind for one in problems) == {"object": 3, "entry": 1}
    assert all("is corrupt" in one.problem for one in problems)
    assert len(list((root / "quarantine").iterdir())) == 4
    assert [one for one in FolderStore(root).verify() if one.problem] == []


def test_torn_records_are_found(store: FolderStore, root: Path) -> None:
    fill(store)
    for path in ("runs/r1/run.json", "runs/r1/steps/step.json", "refs/latest.json"):
        (root / path).chmod(0o644)
        (root / path).write_text('{"half": ')
    problems = [one for one in FolderStore(root).verify() if one.problem]
    assert [one.kind for one in problems] == ["run", "step", "ref"]


def test_entry_whose_object_is_gone_is_named(store: FolderStore, root: Path) -> None:
    fill(store)
    digest = store.entries(make_entry("a").key)[0].objects[0].digest
    (root / "objects" / digest[:2] / digest[2:]).unlink()
    (problem,) = [one for one in store.verify() if one.problem]
    assert problem.kind == "entry"
    assert digest[:12] in problem.problem
