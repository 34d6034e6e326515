from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.store.builders import key, make_entry
from tiphys.cluster.digest import digest_bytes
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import Observed


def files(store: FolderStore, name: str = "a") -> list[Path]:
    return sorted((store.root / "entries" / key(name)).iterdir())


def test_entry_comes_back_and_is_named_by_its_digest(store: FolderStore) -> None:
    observed = Observed({"data/é.csv": "d", "gone": None}, {"data": None}, {"m": "d"}, ("HOME",), ("a socket",))
    entry = make_entry(outputs={"$tuple": [1, 1.0, True, "é"]}, observed=observed, notes=("one",))
    digest = store.publish(entry)
    assert store.entries(entry.key) == (entry,)
    assert store.entry(entry.key, digest) == entry
    assert store.entries(entry.key)[0].digest == digest
    (file,) = files(store)
    assert file.name == f"{digest}.json"
    assert digest_bytes(file.read_bytes()) == digest


def test_no_entries(store: FolderStore) -> None:
    assert store.entries(key("x")) == ()
    assert store.entry(key("x"), key("y")) is None


def test_publishing_again_changes_nothing(store: FolderStore) -> None:
    assert store.publish(make_entry()) == store.publish(make_entry())
    assert len(files(store)) == 1
    assert len(store.history("p:p", "step")) == 1


def test_newest_first_and_at_most_sixteen(store: FolderStore) -> None:
    for n in (5, 3, 9, 1, 8, *range(10, 25), 2):
        store.publish(make_entry(created=float(n)))
    created = [entry.created for entry in store.entries(key("a"))]
    assert created == sorted(created, reverse=True)
    assert created[:3] == [24.0, 23.0, 22.0]
    assert len(created) == 16
    assert len(files(store)) <= 17


def damage_flip(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"seconds":1.5', b'"seconds":9.5'))


def damage_truncate(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-5])


def damage_empty(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"")


def damage_fields(path: Path) -> None:
    """A file of the right name with a field that no entry has."""
    data = json.dumps(json.loads(path.read_bytes()) | {"surprise": 1, "writer": {}}).encode()
    path.unlink()
    (path.parent / f"{digest_bytes(data)}.json").write_bytes(data)


def damage_key(path: Path) -> None:
    """The entry of another key, moved here."""
    data = path.read_bytes().replace(key("a").encode(), key("b").encode())
    path.unlink()
    (path.parent / f"{digest_bytes(data)}.json").write_bytes(data)


@pytest.mark.parametrize("damage", [damage_flip, damage_truncate, damage_empty, damage_fields, damage_key])
def test_corrupt_entry_is_quarantined_and_left_out(store: FolderStore, root: Path, damage) -> None:  # type: ignore[no-untyped-def]
    store.publish(make_entry(created=1.0))
    damage(files(store)[0])
    good = make_entry(created=2.0)
    store.publish(good)
    assert store.entries(key("a")) == (good,)
    assert len(list((root / "quarantine").iterdir())) == 1
    assert len(store.reports) == 1
    assert "is corrupt" in store.reports[0]
    assert store.history("p:p", "step") == (good,)


def test_history_is_of_the_address_without_items_newest_first(store: FolderStore) -> None:
    for n in range(8):
        store.publish(make_entry(f"k{n}", created=float(n), address=f"clean#2[{n}]"))
    store.publish(make_entry("other", created=99.0, address="clean"))
    store.publish(make_entry("elsewhere", created=99.0, address="clean#2", pipeline="q:q"))
    assert [entry.created for entry in store.history("p:p", "clean#2[1][7]")] == [7.0, 6.0, 5.0, 4.0, 3.0]
    assert [entry.created for entry in store.history("p:p", "clean#2", limit=2)] == [7.0, 6.0]
    assert store.history("p:p", "absent") == ()


def test_history_of_an_address_does_not_grow_without_end(store: FolderStore) -> None:
    for n in range(140):
        store.publish(make_entry(f"k{n}", created=float(n)))
    (lines,) = (store.root / "history" / "steps" / "p%3Ap").iterdir()
    assert len(list(lines.iterdir())) < 128
    assert [entry.created for entry in store.history("p:p", "step", limit=2)] == [139.0, 138.0]


def test_line_of_an_entry_that_is_gone_is_skipped(store: FolderStore) -> None:
    store.publish(make_entry("a", created=1.0))
    store.publish(make_entry("b", created=2.0))
    files(store, "b")[0].unlink()
    assert [entry.created for entry in store.history("p:p", "step")] == [1.0]
