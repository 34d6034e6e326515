"""Each row of the stale matrix through the real command line, the first run under strace.

After the first run every file of the project that strace saw being opened or looked at must be held by the entry: in
its code, its reads or its observations. Then the edit, then a second run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stale.row import Row
from tests.stale.rows import ROWS
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import StepRecord

STRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "300", "-e", "trace=openat,stat,newfstatat,statx,lstat,open"]
_PATH = re.compile(r'^\d+ +\w+\([^"]*"((?:[^"\\]|\\.)*)"')


def tiphys_run(
    folder: Path, env: dict[str, str], *options: str, trace: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """`tiphys run pipe.py` in the project, with a plain environment."""
    outer = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "tiphys", "run", "pipe.py", *options]
    if trace is not None:
        command = [*STRACE, "-o", str(trace), *command]
    return subprocess.run(
        command, cwd=folder, env=outer | env, capture_output=True, text=True, timeout=120, check=False
    )


def records(folder: Path) -> dict[str, StepRecord]:
    """The step records of the newest run."""
    store = FolderStore(folder / ".tiphys")
    return dict(store.step_records(store.find_run("latest").id))


def held(folder: Path) -> set[str]:
    """Every project file that the entries of the newest run and of its graph hold."""
    store = FolderStore(folder / ".tiphys")
    found: set[str] = set()
    for file in (folder / ".tiphys" / "entries").rglob("*.json"):  # those of graphs belong to no step
        observed = json.loads(file.read_text("utf-8"))["observed"]
        found |= set(observed["files"]) | set(observed["folders"])
    for record in records(folder).values():
        if record.key is None or record.entry is None:
            continue
        entry = store.entry(record.key, record.entry)
        assert entry is not None
        found |= set(entry.observed.files) | set(entry.observed.folders) | set(entry.components["reads"])
        found |= set(store.tree(entry.components["code"]["files"]))
        found |= {name.replace(".", "/") + ".py" for name in entry.observed.modules}
    return found


def traced(folder: Path, trace: Path) -> set[str]:
    """Project files that strace saw, relative; without our store, byte code, folders and what names the project."""
    seen: set[str] = set()
    for line in trace.read_text("utf-8", "replace").splitlines():
        match = _PATH.match(line)
        if match is None:
            continue
        path = os.path.normpath(os.path.join(folder, match[1]))
        if path.startswith(f"{folder}{os.sep}") and (os.path.isfile(path) or not os.path.exists(path)):
            seen.add(os.path.relpath(path, folder))
    return {p for p in seen if not _ours(p) and (folder / p).is_file()}


def _ours(path: str) -> bool:
    """The store; byte code; settings and lock, which enter the key as values and versions."""
    parts = path.split("/")
    return parts[0] == ".tiphys" or "__pycache__" in parts or path in ("pyproject.toml", "requirements.txt")


def make_project(folder: Path, row: Row) -> None:
    """Write the project of a row."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.tiphys]\n")
    for name, text in (row.files | {"pipe.py": row.pipeline()}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if row.prepare is not None:
        row.prepare(folder)


def apply(folder: Path, row: Row) -> None:
    """Make the edit of a row."""
    if callable(row.edit):
        row.edit(folder)
        return
    name, old, new = row.edit
    file = folder / name
    if old is not None:
        text = file.read_text()
        assert old in text
        new = text.replace(old, new)
    file.write_text(new)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    make_project(folder, row)
    first = tiphys_run(folder, row.env_before, trace=tmp_path / "trace")
    assert first.returncode == 0, first.stdout + first.stderr
    assert {r.state for r in records(folder).values()} == {"succeeded"}
    unseen = traced(folder, tmp_path / "trace") - held(folder)
    assert not unseen, f"strace saw {sorted(unseen)}, the entries do not hold them"

    apply(folder, row)
    if row.name == "project root moved":
        shutil.move(folder, tmp_path / "elsewhere")
        folder = tmp_path / "elsewhere"
    second = tiphys_run(folder, row.env_after, *row.options)
    output = second.stdout + second.stderr
    after = records(folder)
    wanted = {"runs": "succeeded", "hits": "hit", "refused": "failed"}[row.expected]
    assert after["subject"].state == wanted, output
    assert after["bystander"].state == row.bystander, output
    assert row.says in output
    assert (second.returncode == 0) is (row.expected != "refused")


def test_the_matrix_is_large_enough() -> None:
    assert len(ROWS) >= 40
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_first_run_is_json_readable(tmp_path: Path) -> None:
    """The records that the matrix reads are the ones that `--json` prints."""
    folder = tmp_path / "project"
    make_project(folder, ROWS[0])
    done = subprocess.run(
        [sys.executable, "-m", "tiphys", "run", "pipe.py", "--json"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["state"] == "succeeded"
