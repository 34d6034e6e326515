"""What is left when the process dies between any two changes on disk, or the disk refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.store.builders import key, make_entry, make_run, make_step
from tiphys.cluster.errors import PlatformError
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.writing import Draft, platform_error

WRITER = Path(__file__).with_name("writer.py")


def write(root: Path, source: Path, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
    """Let `writer.py` do one write of every kind, dying at a boundary."""
    environment = os.environ | {"TIPHYS_TEST_KILL_AT": str(kill_at), "GC": "1"}
    command = [sys.executable, "-m", "tests.cluster.store.writer", str(root), str(source)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=WRITER.parents[3])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_text("a")
    (folder / "b").write_text("b" * 100_000)
    return folder


def assert_sound(root: Path) -> None:
    """Everything that can be seen is whole, and an entry has all of its objects."""
    store = FolderStore(root)
    assert [checked for checked in store.verify() if checked.problem] == []
    for entry in store.entries(key("a")):
        assert store.intact(entry.objects) is None
    for run in store.runs():
        assert run.id == "r1"
        assert set(store.step_records("r1")) <= {"a", "b", "c"}
    assert store.read_ref("alias") in (None, 1, 2)
    assert store.reports == ()


@pytest.mark.parametrize("part", range(4))
def test_killed_at_every_boundary_then_finished_by_the_next_process(part: int, source: Path, tmp_path: Path) -> None:
    undisturbed = write(tmp_path / "undisturbed", source)
    assert undisturbed.returncode == 0, undisturbed.stderr
    boundary = part + 1
    while True:
        root = tmp_path / f"{boundary}"
        killed = write(root, source, boundary)
        if killed.returncode == 0:
            break
        assert killed.returncode == -9, killed.stderr
        if (root / "format.json").exists():
            assert_sound(root)
        again = write(root, source)
        assert (again.returncode, again.stdout) == (0, undisturbed.stdout), again.stderr
        assert_sound(root)
        boundary += 4
    assert boundary > 60, "the writer passes fewer boundaries than it has writes"


def test_writers_on_one_key_all_finish(root: Path, source: Path) -> None:
    FolderStore(root)
    command = [sys.executable, "-m", "tests.cluster.store.writer", str(root), str(source)]
    writers = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=WRITER.parents[3], env=os.environ | {"RUN": f"r{n}"}
        )
        for n in range(4)
    ]
    outputs = {writer.communicate()[0] for writer in writers}
    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(outputs) == 1
    assert [checked for checked in FolderStore(root).verify() if checked.problem] == []
    assert not list((root / "tmp").iterdir())


# The disk refuses -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on which 200 kB fit: a small file system, or where that is not allowed, a limit on file sizes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True, check=False
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if mounted.returncode:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    if not mounted.returncode:
        subprocess.run(["umount", folder], check=True)


WRITES: dict[str, Callable[[FolderStore, Path], object]] = {
    "bytes": lambda store, source: store.put_bytes(os.urandom(300_000)),
    "file": lambda store, source: store.put_file(source / "large"),
    "large file": lambda store, source: store.put_file(source / "huge"),
    "tree": lambda store, source: store.put_tree(source),
    "entry": lambda store, source: store.publish(make_entry(outputs="x" * 300_000)),
    "run": lambda store, source: store.create_run(make_run(argv=("x" * 300_000,))),
    "step": lambda store, source: store.record_step("r1", make_step(error="x" * 300_000)),
    "steps": lambda store, source: store.record_steps("r1", [make_step(error="x" * 300_000)]),
    "ref": lambda store, source: store.swap_ref("alias", None, "x" * 300_000),
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    (folder / "large").write_bytes(os.urandom(300_000))
    (folder / "huge").write_bytes(os.urandom(20_000_000))
    return folder


@pytest.mark.parametrize("what", WRITES)
def test_full_disk_is_said_with_free_bytes_and_leaves_nothing_half_written(
    small_disk: Path, large: Path, what: str
) -> None:
    store = FolderStore(small_disk / "store")
    kept = store.put_bytes(b"kept")
    with pytest.raises(PlatformError) as caught:
        WRITES[what](store, large)
    assert "no space left" in caught.value.message or "a limit of file size" in caught.value.message
    assert "bytes and" in caught.value.message
    assert "gc" in caught.value.fix
    assert not list((store.root / "tmp").iterdir())
    assert store.read_bytes(kept.digest) == b"kept"
    assert [checked for checked in store.verify() if checked.problem] == []
    assert store.publish(make_entry(created=2.0))


@contextlib.contextmanager
def nobody() -> Iterator[Path]:
    """A folder that this process, which is not root meanwhile, owns."""
    with tempfile.TemporaryDirectory() as name:
        user = os.geteuid() or 65_534
        os.chown(name, user, -1)
        before = os.geteuid()
        os.seteuid(user)
        try:
            yield Path(name)
        finally:
            os.seteuid(before)


@pytest.mark.parametrize("what", [name for name in WRITES if name not in ("file", "large file", "tree")])
def test_forbidden_is_said_with_the_user_and_the_path(what: str, large: Path) -> None:
    with nobody() as folder:
        root = folder / "store"
        store = FolderStore(root)
        for path in (root, *(root.rglob("*"))):
            if path.is_dir():
                path.chmod(0o555)
        try:
            with pytest.raises(PlatformError, match="permission denied") as caught:
                WRITES[what](store, large)
            assert str(root) in caught.value.message
            assert f"user {os.geteuid()}" in caught.value.fix
        finally:
            for path in (root, *(root.rglob("*"))):
                path.chmod(0o755)


def test_read_only_store_is_read_and_its_corrupt_objects_are_not_served() -> None:
    with nobody() as folder:
        root = folder / "store"
        store = FolderStore(root)
        good, bad = store.put_bytes(b"good"), store.put_bytes(b"bad")
        entry = make_entry(objects=(good,))
        store.publish(entry)
        path = root / "objects" / bad.digest[:2] / bad.digest[2:]
        path.chmod(0o644)
        path.write_bytes(b"dab")
        folders = [path for path in (root, *(root.rglob("*"))) if path.is_dir()]
        for path in folders:
            path.chmod(0o555)
        try:
            store = FolderStore(root)
            assert store.entries(entry.key) == (entry,)
            assert store.intact([good]) is None
            assert "cannot be moved to quarantine/" in (store.intact([bad]) or "")
            assert store.read_bytes(good.digest) == b"good"
        finally:
            for path in folders:
                path.chmod(0o755)


def test_copy_that_does_not_fit_is_removed(store: FolderStore, large: Path, tmp_path: Path) -> None:
    ref, tree = store.put_file(large / "huge"), store.put_tree(large)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, limits[1]))
    try:
        for wanted in (ref, tree):
            with pytest.raises(PlatformError, match="limit of file size") as caught:
                store.materialize(wanted, tmp_path / "copy")
            assert "copy" in caught.value.message
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob("copy*"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EPERM, "permission denied"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_errors_of_the_system_say_the_path_the_room_and_the_fix(tmp_path: Path, code: int, said: str) -> None:
    path = str(tmp_path / "not" / "there" / "yet")
    error = platform_error(OSError(code, os.strerror(code)), path, "write")
    assert error.exit_code == 5
    assert f"cannot write {path}: " in error.message
    assert said in error.message
    assert "bytes and" in error.message
    assert error.fix


def test_store_that_is_deleted_while_it_is_written_is_said(store: FolderStore) -> None:
    with Draft(f"{store.root}/tmp", "x") as draft:
        draft.write(b"x")
        shutil.rmtree(store.root)
        with pytest.raises(PlatformError, match="was deleted in the meantime"):
            draft.place(f"{store.root}/x")
    assert FolderStore(store.root).read_bytes(store.put_bytes(b"x").digest) == b"x"
