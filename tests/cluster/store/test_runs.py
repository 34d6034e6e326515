from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.store.builders import make_run, make_step
from tiphys.cluster.errors import InputError
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.liveness import boot_mark, host_name, is_alive


def test_any_later_process_reads_the_record(store: FolderStore, root: Path) -> None:
    run = make_run(parameters={"source": "é", "n": {"$tuple": [1, 2.0]}}, parent="r0")
    store.create_run(run)
    assert FolderStore(root, create=False).run("r1") == run
    end = replace(run, state="failed", ended=2_000.0, exit_code=1)
    store.finish_run(end)
    assert FolderStore(root, create=False).find_run("latest") == end


def test_an_id_is_used_once(store: FolderStore) -> None:
    store.create_run(make_run())
    with pytest.raises(InputError, match="run r1 exists already"):
        store.create_run(make_run(started=5.0))
    with pytest.raises(InputError):
        store.create_run(make_run("latest"))
    assert store.run("r1").started == 1_000.0


def test_runs_are_listed_newest_first_and_lazily(store: FolderStore, root: Path) -> None:
    for name, started in (("b", 2.0), ("a", 3.0), ("c", 1.0)):
        store.create_run(make_run(name, started=started))
    (root / "runs" / "c" / "run.json").unlink()
    runs = store.runs()
    assert next(runs).id == "a"
    assert [run.id for run in runs] == ["b"]


def test_found_by_latest_id_or_unique_start(store: FolderStore) -> None:
    for n, name in enumerate(("20260101-ab", "20260101-cd", "20260102-ef", "long" * 60, "é/x")):
        store.create_run(make_run(name, started=float(n)))
    assert store.find_run("latest").id == "é/x"
    assert store.find_run("20260101-ab").id == "20260101-ab"
    assert store.find_run("20260102").id == "20260102-ef"
    assert store.find_run("long").id == "long" * 60
    assert store.find_run("é/").id == "é/x"


def test_ambiguous_and_unknown_ids_list_what_there_is(store: FolderStore) -> None:
    with pytest.raises(InputError, match="there are no runs"):
        store.find_run("latest")
    for n in range(12):
        store.create_run(make_run(f"2026-{n:02d}", started=float(n)))
    with pytest.raises(InputError, match=r"'2026' is the start of 12 runs: 2026-11, .*, …"):
        store.find_run("2026")
    for text in ("2027", ""):
        with pytest.raises(InputError, match=r"the newest are: 2026-11 \(p:p, running\)"):
            store.find_run(text)
    with pytest.raises(InputError, match="there is no run '2026'"):
        store.run("2026")


def test_latest_falls_back_on_the_newest_run(store: FolderStore) -> None:
    store.create_run(make_run("a", started=1.0))
    store.create_run(make_run("b", started=2.0))
    assert store.swap_ref("latest", "b", "gone")
    assert store.find_run("latest").id == "b"


def dead_process() -> tuple[int, str]:
    """Pid and boot mark of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = boot_mark(process.pid)
        assert is_alive(process.pid, host_name(), mark)
    return process.pid, mark


def test_run_of_a_dead_writer_is_lost(store: FolderStore) -> None:
    pid, mark = dead_process()
    store.create_run(make_run("open", pid=pid, boot=mark))
    store.create_run(make_run("done", pid=pid, boot=mark, state="succeeded"))
    assert store.run("open").state == "lost"
    assert store.run("done").state == "succeeded"
    assert {run.id: run.state for run in store.runs()} == {"open": "lost", "done": "succeeded"}


def test_signs_of_death() -> None:
    mine = boot_mark()
    boot, _, start = mine.partition("/")
    assert is_alive(os.getpid(), host_name(), mine)
    assert is_alive(os.getpid(), host_name(), boot)  # a writer that did not say when it started
    assert not is_alive(os.getpid(), host_name(), f"{boot}/{int(start) + 1}")  # another process got its number
    assert not is_alive(os.getpid(), host_name(), f"another-boot/{start}")
    assert is_alive(os.getpid(), "another machine", "whatever")  # nobody here can tell
    assert not is_alive(2**22 + 1, host_name(), boot)


def test_zombie_is_dead() -> None:
    command = [sys.executable, "-c", "print('started', flush=True); input()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    mark = boot_mark(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid, host_name(), mark)
    process.communicate()


def test_slot_is_written_once(store: FolderStore, root: Path) -> None:
    first = make_step("featurize[3]", key="k", entry="e", outputs={"a": [1]}, started=1.0, ended=2.0, attempts=1)
    assert store.record_step("r1", first)
    assert not FolderStore(root).record_step("r1", make_step("featurize[3]", state="failed"))
    assert store.step_records("r1") == {"featurize[3]": first}


def test_batches_are_fenced_like_slots(store: FolderStore, root: Path) -> None:
    other = FolderStore(root)
    assert store.record_step("r1", make_step("a"))
    other.record_steps("r1", [make_step("a", state="hit"), make_step("b", state="hit"), make_step("é[1]")])
    assert not store.record_step("r1", make_step("b", state="failed"))
    store.record_steps("r1", [make_step("b", state="failed"), make_step("c", state="skipped")])
    store.record_steps("r1", [make_step("c", state="failed")])
    records = FolderStore(root).step_records("r1")
    assert {address: record.state for address, record in records.items()} == {
        "a": "succeeded",
        "b": "hit",
        "é[1]": "succeeded",
        "c": "skipped",
    }
    assert len(list((root / "runs" / "r1" / "batches").iterdir())) == 2


def test_many_records_are_one_file(store: FolderStore, root: Path) -> None:
    store.record_steps("r1", (make_step(f"s[{n}]", state="hit") for n in range(10_000)))
    assert len(store.step_records("r1")) == 10_000
    assert len(list((root / "runs").rglob("*.json"))) == 1


def test_no_records(store: FolderStore) -> None:
    assert store.step_records("absent") == {}


def test_corrupt_records_are_quarantined_and_left_out(store: FolderStore, root: Path) -> None:
    store.create_run(make_run())
    store.record_step("r1", make_step("a"))
    store.record_step("r1", make_step("b"))
    for path, text in (("steps/a.json", '{"address": "a"}'), ("run.json", '{"id": "r')):
        file = root / "runs" / "r1" / path
        file.chmod(0o644)
        file.write_text(text)
    fresh = FolderStore(root)
    assert set(fresh.step_records("r1")) == {"b"}
    assert list(fresh.runs()) == []
    assert len(fresh.reports) == 2


def test_log_has_a_path_of_its_own(store: FolderStore) -> None:
    paths = [store.log_path("r1", address) for address in ("a", "a[1]", "a/b", "é", "x" * 400)]
    for n, path in enumerate(paths):
        path.write_text(str(n))
    assert [path.read_text() for path in paths] == ["0", "1", "2", "3", "4"]
    assert store.log_path("r1", "a") == paths[0]
