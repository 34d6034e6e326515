from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.store.builders import make_entry
from tiphys.cluster.digest import CHUNK, digest_bytes
from tiphys.cluster.errors import InputError, MissingObject
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import ObjectRef


def path_of(store: FolderStore, digest: str) -> Path:
    return store.root / "objects" / digest[:2] / digest[2:]


def damage(path: Path, data: bytes, *, restore_mtime: bool) -> None:
    """Overwrite a file in place, as a stray program would."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)
    if restore_mtime:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("size", [0, 1, 1000, CHUNK * 3 + 1])
def test_bytes_and_files_come_back(store: FolderStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "source").write_bytes(data)
    assert store.put_bytes(data) == store.put_file(tmp_path / "source") == ObjectRef(digest_bytes(data), "file", size)
    assert store.read_bytes(digest_bytes(data)) == data
    store.materialize(ObjectRef(digest_bytes(data), "file", size), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_objects_are_read_only_and_copies_are_not(store: FolderStore, tmp_path: Path) -> None:
    ref = store.put_bytes(b"abc")
    assert path_of(store, ref.digest).stat().st_mode & 0o777 == 0o444
    store.materialize(ref, tmp_path / "copy")
    (tmp_path / "copy").write_bytes(b"mine")
    assert os.access(tmp_path / "copy", os.W_OK)
    assert store.read_bytes(ref.digest) == b"abc"


def test_writing_again_changes_nothing(store: FolderStore) -> None:
    ref = store.put_bytes(b"abc")
    before = path_of(store, ref.digest).stat()
    assert store.put_bytes(b"abc") == ref
    after = path_of(store, ref.digest).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_tree_comes_back_with_folders_and_executable_bits(store: FolderStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a" / "b").mkdir(parents=True)
    (source / "empty" / "too").mkdir(parents=True)
    (source / "a" / "b" / "données.txt").write_text("1")
    (source / "run.sh").write_text("2")
    (source / "run.sh").chmod(0o755)
    ref = store.put_tree(source)
    assert (ref.kind, ref.size) == ("tree", 2)
    assert set(store.tree(ref.digest)) == {"a/b/données.txt", "run.sh"}
    store.materialize(ref, tmp_path / "copy")
    found = {p.relative_to(tmp_path / "copy").as_posix() for p in (tmp_path / "copy").rglob("*")}
    assert found == {"a", "a/b", "a/b/données.txt", "empty", "empty/too", "run.sh"}
    assert os.access(tmp_path / "copy" / "run.sh", os.X_OK)
    assert not (tmp_path / "copy" / "a" / "b" / "données.txt").stat().st_mode & 0o100
    assert store.put_tree(tmp_path / "copy") == ref
    assert store.intact([ref]) is None


def test_manifest_of_stored_files_is_a_tree(store: FolderStore, tmp_path: Path) -> None:
    files = {"pkg/a.py": store.put_bytes(b"a"), "b.py": store.put_bytes(b"bb")}
    ref = store.put_manifest(files)
    assert store.tree(ref.digest) == files
    assert ref.size == 3
    with pytest.raises(InputError, match=r"not a path inside a tree: '\.\./x'"):
        store.put_manifest({"../x": files["b.py"]})


@pytest.mark.parametrize(("kind", "named"), [("link", "symbolic link"), ("pipe", "pipe or socket")])
def test_tree_with_a_link_or_special_file_is_refused_with_its_path(
    store: FolderStore, tmp_path: Path, kind: str, named: str
) -> None:
    (tmp_path / "t").mkdir()
    if kind == "link":
        (tmp_path / "t" / kind).symlink_to("/etc/passwd")
    else:
        os.mkfifo(tmp_path / "t" / kind)
    with pytest.raises(InputError, match=rf"t/{kind} is .*{named}"):
        store.put_tree(tmp_path / "t")


def test_name_that_is_not_utf8_is_refused(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / os.fsdecode(b"caf\xe9")).write_text("")
    with pytest.raises(InputError, match="the name is not UTF-8"):
        store.put_tree(tmp_path / "t")


def test_wrong_sources_are_refused(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        store.put_file(tmp_path / "absent")
    with pytest.raises(InputError, match="is not a regular file"):
        store.put_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a regular file"):
        store.put_file(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a folder"):
        store.put_tree(tmp_path / "absent")


def test_existing_destinations_are_not_touched(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "x").write_text("mine")
    tree, file = store.put_tree(tmp_path / "t"), store.put_bytes(b"x")
    for ref, destination in ((tree, tmp_path / "t"), (file, tmp_path / "t" / "x")):
        with pytest.raises(InputError, match="exists already"):
            store.materialize(ref, destination)
    assert (tmp_path / "t" / "x").read_text() == "mine"
    with pytest.raises(InputError, match="no such folder"):
        store.materialize(file, tmp_path / "absent" / "x")
    with pytest.raises(InputError, match="no such folder"):
        store.materialize(tree, tmp_path / "absent" / "x")


def test_absent_objects_are_missing(store: FolderStore, tmp_path: Path) -> None:
    ref = ObjectRef("ab" * 32, "file", 1)
    tree = ObjectRef("ab" * 32, "tree", 1)
    asked: list[Callable[[], object]] = [
        lambda: store.read_bytes(ref.digest),
        lambda: store.materialize(ref, tmp_path / "x"),
        lambda: store.materialize(tree, tmp_path / "x"),
        lambda: store.tree(ref.digest),
    ]
    for ask in asked:
        with pytest.raises(MissingObject) as caught:
            ask()
        assert caught.value.digest == ref.digest
    assert not (tmp_path / "x").exists()
    assert "abababababab is missing" in (store.intact([ref]) or "")
    assert "abababababab" in (store.intact([tree]) or "")


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("restore_mtime", [True, False])
@pytest.mark.parametrize("data", [b"abd", b"ab", b"abcd", b""])
def test_corrupt_object_is_a_quarantined_miss(
    store: FolderStore, root: Path, data: bytes, restore_mtime: bool, fresh: bool
) -> None:
    ref = store.put_bytes(b"abc")
    damage(path_of(store, ref.digest), data, restore_mtime=restore_mtime)
    store = FolderStore(root) if fresh else store
    sentence = store.intact([ref])
    assert sentence is not None
    assert f"object {ref.digest[:12]} is corrupt" in sentence
    assert store.reports == (sentence,)
    assert [path.read_bytes() for path in (root / "quarantine").iterdir()] == [data]
    assert "is missing" in (store.intact([ref]) or "")
    assert store.put_bytes(b"abc") == ref
    assert store.intact([ref]) is None
    assert store.read_bytes(ref.digest) == b"abc"


def test_bit_flips_right_after_writing_are_noticed(store: FolderStore) -> None:
    for n in range(100):
        ref = store.put_bytes(b"%03d" % n)
        damage(path_of(store, ref.digest), b"%03d" % (n + 1), restore_mtime=True)
        assert store.intact([ref])


@pytest.mark.parametrize("how", ["read", "materialize", "tree", "put", "verify"])
def test_every_reader_quarantines(store: FolderStore, tmp_path: Path, how: str) -> None:
    ref = store.put_bytes(b"abc")
    tree = store.put_manifest({"x": ref})
    damage(path_of(store, ref.digest), b"abd", restore_mtime=True)
    if how == "put":
        store.put_bytes(b"abc")
        assert store.read_bytes(ref.digest) == b"abc"
    elif how == "verify":
        assert [c.problem != "" for c in store.verify() if c.name == ref.digest] == [True]
    else:
        readers: dict[str, Callable[[], object]] = {
            "read": lambda: store.read_bytes(ref.digest),
            "materialize": lambda: store.materialize(ref, tmp_path / "x"),
            "tree": lambda: store.materialize(tree, tmp_path / "x"),
        }
        with pytest.raises(MissingObject, match="is corrupt"):
            readers[how]()
        assert not list(tmp_path.glob("x*"))
    assert len(store.reports) == 1


def test_corrupt_manifest_and_lost_file_of_a_tree_are_named(store: FolderStore) -> None:
    tree = store.put_manifest({"a/x": store.put_bytes(b"abc")})
    path_of(store, digest_bytes(b"abc")).unlink()
    assert "(a/x of tree" in (store.intact([tree]) or "")
    damage(path_of(store, tree.digest), b"{}", restore_mtime=False)
    assert "is corrupt" in (store.intact([tree]) or "")


def test_file_used_as_a_tree_is_missing_not_a_crash(store: FolderStore) -> None:
    ref = store.put_bytes(b"[]")
    with pytest.raises(MissingObject, match="is used as a tree"):
        store.tree(ref.digest)
    assert "used as a tree" in (store.intact([ObjectRef(ref.digest, "tree", 0)]) or "")


def test_intact_reads_nothing_when_signatures_match(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = [store.put_bytes(b"%d" % n) for n in range(20)]
    moment = os.stat(path_of(store, refs[0].digest)).st_mtime_ns + 3_600 * 10**9
    monkeypatch.setattr("tiphys.cluster.store.objects.now_ns", lambda: moment)
    assert store.intact(refs) is None
    monkeypatch.setattr("tiphys.cluster.store.objects.digest_fd", None)
    assert FolderStore(root).intact(refs) is None


def test_signatures_are_hints_only(store: FolderStore, root: Path) -> None:
    refs = [store.put_bytes(b"%d" % n) for n in range(20)]
    for path in (root / "signatures").iterdir():
        path.write_bytes(path.read_bytes()[:-30] + b"\xff torn " + os.urandom(20))
    assert FolderStore(root).intact(refs) is None
    path = path_of(store, refs[3].digest)
    damage(path, b"x", restore_mtime=True)
    assert FolderStore(root).intact(refs)


def test_unused_object_that_is_put_again_counts_as_new(store: FolderStore) -> None:
    ref = store.put_bytes(b"abc")
    path = path_of(store, ref.digest)
    os.utime(path, (1_000, 1_000))
    store.put_bytes(b"abc")
    assert path.stat().st_mtime > 1_000_000
    assert store.intact([ref]) is None


def test_published_objects_of_a_large_tree_are_flushed(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for n in range(40):
        (tmp_path / "t" / f"{n}").write_text(f"{n}")
    ref = store.put_tree(tmp_path / "t")
    entry = make_entry(objects=(ref,))
    assert store.publish(entry)
    assert store.entries(entry.key) == (entry,)
