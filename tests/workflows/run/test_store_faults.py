"""Objects that are damaged between two runs: noticed, moved to quarantine, reported, computed again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projects import Project

Make = Callable[[str], Project]

PIPELINE = """
from tiphys import File, Folder
@step
def write() -> File:
    with open("a.txt", "w") as f:
        f.write("a" * 5000)
    return File("a.txt")
@step
def folder(file: File) -> Folder:
    import shutil
    from pathlib import Path
    Path("out/sub").mkdir(parents=True)
    shutil.copy(file.path, "out/sub/b.txt")
    Path("out/c.txt").write_text("c")
    return Folder("out")
@step
def count(folder: Folder) -> int:
    return sum(p.stat().st_size for p in folder.path.rglob("*") if p.is_file())
@pipeline
def p() -> int:
    return count(folder(write()))
"""


def flip(file: Path, *, restore: bool) -> None:
    """Change one bit in the middle, with or without the old time stamp."""
    before = file.stat()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    file.chmod(0o444)
    if restore:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(file: Path) -> None:
    """Cut the last byte."""
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1])
    file.chmod(0o444)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "flip": lambda file: flip(file, restore=False),
    "flip with restored mtime": lambda file: flip(file, restore=True),
    "truncate": truncate,
    "remove": lambda file: file.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_every_object_in_turn(project: Make, damage: Callable[[Path], None]) -> None:
    made = project(PIPELINE)
    first = made.run()
    assert first.outputs == 5001
    wanted = {a: r.outputs for a, r in first.records.items()}
    objects = [p for p in (made.folder / ".tiphys" / "objects").rglob("*") if p.is_file()]
    assert len(objects) >= 4
    for file in objects:
        if not file.exists():
            continue
        damage(file)
        again = made.run()
        assert again.exit_code == 0, [r.error for r in again.records.values()]
        assert {a: r.outputs for a, r in again.records.items()} == wanted, file


def test_a_corrupt_result_is_named_in_the_plan_and_recomputed(project: Make) -> None:
    made = project(PIPELINE)
    first = made.run()
    digest = first.records["write"].outputs["digest"]
    (file,) = [p for p in (made.folder / ".tiphys" / "objects").rglob("*") if digest.endswith(p.name)]
    flip(file, restore=True)
    plan = {s.address: s for s in made.plan().steps}
    assert plan["write"].verdict == "RUN"
    assert "corrupt" in plan["write"].reason or "missing" in plan["write"].reason
    assert list((made.folder / ".tiphys" / "quarantine").iterdir())
    again = made.run()
    assert again.records["write"].state == "succeeded"
    assert again.records["folder"].state == "hit"


def test_a_damaged_entry_is_a_miss(project: Make) -> None:
    made = project(PIPELINE)
    made.run()
    entries = list((made.folder / ".tiphys" / "entries").rglob("*.json"))
    for entry in entries:
        entry.chmod(0o644)
        entry.write_bytes(entry.read_bytes()[:50])
    again = made.run()
    assert again.exit_code == 0
    assert {r.state for r in again.records.values()} == {"succeeded"}
