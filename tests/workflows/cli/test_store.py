"""`tiphys store ls`, `verify` and `gc` on a real store."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from tests.workflows.cli.conftest import FIRST, SECOND, Tiphys
from tiphys.cluster.store.folder import FolderStore

DAY = 86_400


def object_path(store: FolderStore, digest: str) -> Path:
    return store.root / "objects" / digest[:2] / digest[2:]


def age(store: FolderStore, days: float) -> None:
    """Make every file of the store so old."""
    then = time.time() - days * DAY
    for path in store.root.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def flip_a_bit(tiphys: Tiphys, past: FolderStore) -> str:
    """Damage an object of FIRST; its digest."""
    digest: str = json.loads(tiphys("get", FIRST, "train", "rows", "--json").out)["value"]["digest"]
    path = object_path(past, digest)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    return digest


def test_ls_counts_by_pipeline_and_step(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("store", "ls")
    assert answer.code == 0
    rows = [line.split() for line in answer.lines]
    assert answer.lines[0] == f"store {past.root}"
    assert rows[2] == ["pipeline", "step", "entries", "objects", "size", "newest"]
    assert [row[:5] for row in rows[3:6]] == [
        ["m:p", "prep", "3", "0", "0"],
        ["m:p", "report", "1", "0", "0"],
        ["m:p", "train", "1", "0", "0"],
    ]
    assert answer.lines[7].startswith("5 entries, 4 objects, 2 runs; ")


def test_ls_of_an_empty_store(tiphys: Tiphys, store: FolderStore) -> None:
    assert tiphys("store", "ls").lines[2] == "0 entries, 0 objects, 0 runs; 0 B of objects"


def test_verify_of_a_sound_store(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("store", "verify")
    assert answer.code == 0
    assert answer.lines[-1].startswith("checked 2 runs, 5 entries, 4 objects, ")
    assert answer.lines[-1].endswith(" read, 0 problems")


def test_verify_finds_a_flipped_bit_and_quarantines_it(tiphys: Tiphys, past: FolderStore) -> None:
    digest = flip_a_bit(tiphys, past)
    answer = tiphys("store", "verify")
    assert answer.code == 4
    assert answer.lines[0].startswith(f"object {digest}: ")
    assert answer.err.startswith("error: 1 problem in the store\nfix:   run the pipelines again")
    assert "1 corrupt file in quarantine/" in tiphys("store", "ls").out
    again = tiphys("store", "verify", "--json")
    assert again.code == 0
    assert json.loads(again.out)["problems"] == []


def test_gc_deletes_nothing_that_is_young(tiphys: Tiphys, past: FolderStore) -> None:
    assert tiphys("store", "gc", "--keep", "0s", "--yes").out.startswith("0 B freed, 4 objects (")
    assert json.loads(tiphys("store", "gc", "--keep", "0s", "--json").out)["deletions"] == []


def test_gc_lists_and_only_yes_deletes(tiphys: Tiphys, past: FolderStore) -> None:
    loose = past.put_bytes(b"nobody needs this").digest
    age(past, 40)
    answer = tiphys("store", "gc")
    assert answer.code == 0
    assert answer.lines[-1] == "nothing was deleted: --yes does it"
    assert f"  {loose[:12]}: no kept run, entry or ref needs it" in answer.lines
    assert f"  {FIRST}: it started " in answer.out
    assert SECOND not in answer.out  # the newest run is kept
    assert object_path(past, loose).exists()
    answer = tiphys("store", "gc", "--yes")
    assert " freed, " in answer.lines[-1]
    assert not object_path(past, loose).exists()
    assert [run["run"] for run in json.loads(tiphys("runs", "--json").out)["runs"]] == [SECOND]
    assert tiphys("store", "verify").code == 0


def test_gc_keep_is_for_results_too(tiphys: Tiphys, past: FolderStore) -> None:
    age(past, 40)
    counts = json.loads(tiphys("store", "gc", "--keep", "7d", "--yes", "--json").out)["counts"]
    assert counts["run"] == 1
    assert counts["entry"] == 2  # train and report: the newest run used the others
    assert tiphys("get", SECOND, "prep[0]").out == "0\n"


def test_a_store_that_is_not_there(tiphys: Tiphys, project: Path) -> None:
    for verb in ("ls", "verify", "gc"):
        answer = tiphys("store", verb)
        assert answer.code == 2
        assert "there is no store in" in answer.err
    assert not (project / ".tiphys").exists()
