from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from tiphys.cluster import digest, fingerprint, folder_scan
from tiphys.cluster.errors import InputError
from tiphys.cluster.fingerprint import Fingerprints

LONG_AGO = 1_500_000_000 * 10**9 + 1


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "fingerprints"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "a.csv").write_text("1,2")
    (root / "sub" / "b.csv").write_text("3,4")
    (root / "sub" / "deep" / "é \n.csv").write_text("5,6")
    return root


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock an hour on: everything written so far is settled."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 3_600 * 10**9)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever the bytes of a file are read."""
    seen: list[int] = []
    read_one, digest_fd = folder_scan._read_one, digest.digest_fd

    def counting_read_one(*args: object) -> None:
        seen.append(1)
        read_one(*args)  # type: ignore[arg-type]

    def counting_digest_fd(fd: int) -> tuple[str, int]:
        seen.append(1)
        return digest_fd(fd)

    monkeypatch.setattr(folder_scan, "_read_one", counting_read_one)
    monkeypatch.setattr(fingerprint, "digest_fd", counting_digest_fd)
    return seen


def test_file_is_the_blake3_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert Fingerprints(None).file(path) == blake3(b"abc").hexdigest()


def test_unchanged_file_and_folder_are_not_read_again(cache: Path, folder: Path, later: None, reads: list[int]) -> None:
    first = Fingerprints(cache)
    digests = first.file(folder / "a.csv"), first.folder(folder)
    first.save()
    assert len(reads) == 4
    again = Fingerprints(cache)
    assert (again.file(folder / "a.csv"), again.folder(folder)) == digests
    assert len(reads) == 4


def test_file_rewritten_within_the_same_tick_with_the_same_size_is_noticed(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "data" / "x"
    path.parent.mkdir()
    for n in range(200):
        path.write_bytes(b"%03d" % n)
        prints = Fingerprints(cache)
        assert prints.file(path) == blake3(b"%03d" % n).hexdigest()
        in_folder = prints.folder(path.parent)
        prints.save()
        path.write_bytes(b"%03d" % (n + 1))
        after = Fingerprints(cache)
        assert after.file(path) == blake3(b"%03d" % (n + 1)).hexdigest()
        assert after.folder(path.parent) != in_folder


def test_bytes_changed_with_size_and_mtime_restored_are_noticed(cache: Path, folder: Path, later: None) -> None:
    path = folder / "a.csv"
    before = path.stat()
    prints = Fingerprints(cache)
    digests = prints.file(path), prints.folder(folder)
    path.write_text("9,2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert prints.file(path) != digests[0]
    assert prints.folder(folder) != digests[1]


def test_only_the_changed_file_of_a_folder_is_read(cache: Path, folder: Path, later: None, reads: list[int]) -> None:
    for n in range(20):
        (folder / f"{n}").write_text(f"{n}")
    prints = Fingerprints(cache)
    prints.folder(folder)
    del reads[:]
    (folder / "7").write_text("seven")
    changed = prints.folder(folder)
    assert len(reads) == 1
    assert changed == Fingerprints(None).folder(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "new").write_text(""),
        lambda root: (root / "a.csv").unlink(),
        lambda root: (root / "a.csv").rename(root / "c.csv"),
        lambda root: (root / "sub" / "deep" / "é \n.csv").write_text("5,7"),
        lambda root: (root / "empty").mkdir(),
        lambda root: (root / "link").symlink_to("nowhere"),
        lambda root: (root / "sub" / "b.csv").rename(root / "b.csv"),
    ],
)
def test_folder_digest_changes_with(folder: Path, cache: Path, later: None, change) -> None:  # type: ignore[no-untyped-def]
    prints = Fingerprints(cache)
    before = prints.folder(folder)
    change(folder)
    assert prints.folder(folder) != before
    assert prints.folder(folder) == Fingerprints(None).folder(folder)


def test_folder_digest_depends_on_names_and_bytes_alone(folder: Path, tmp_path: Path) -> None:
    before = Fingerprints(None).folder(folder)
    folder.rename(tmp_path / "moved")
    for path in (tmp_path / "moved").rglob("*.csv"):
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
        path.chmod(0o700)
    assert Fingerprints(None).folder(tmp_path / "moved") == before


TREES = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "é"]), min_size=1, max_size=3).map(tuple), st.binary(max_size=3), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(TREES, TREES)
def test_folders_have_equal_digests_when_they_are_equal(
    tmp_path_factory: pytest.TempPathFactory, one: dict[tuple[str, ...], bytes], other: dict[tuple[str, ...], bytes]
) -> None:
    digests = []
    contents = []
    for tree in (one, other):
        root = tmp_path_factory.mktemp("tree")
        for parts, data in tree.items():
            path = root.joinpath(*parts)
            if any(parent.is_file() for parent in path.parents) or path.is_dir():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        contents.append({p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()})
        digests.append(Fingerprints(None).folder(root))
    assert (digests[0] == digests[1]) == (contents[0] == contents[1])


def test_links_count_as_what_they_point_to(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("1")
    (folder / "link").symlink_to(target)
    (folder / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    before = Fingerprints(None).folder(folder)
    target.write_text("2")
    between = Fingerprints(None).folder(folder)
    (tmp_path / "elsewhere" / "new").write_text("")
    assert len({before, between, Fingerprints(None).folder(folder)}) == 3


def test_link_to_a_folder_around_it_is_refused_with_its_path(folder: Path) -> None:
    (folder / "sub" / "loop").symlink_to(folder)
    with pytest.raises(InputError, match="sub/loop is a link to a folder that it is in"):
        Fingerprints(None).folder(folder)


def test_special_files_are_not_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert Fingerprints(None).folder(folder)
        assert Fingerprints(None).file(Path("/dev/zero")) == Fingerprints(None).file(folder / "pipe")


def test_listing_is_of_names_alone(folder: Path) -> None:
    before = Fingerprints(None).listing(folder)
    (folder / "a.csv").write_text("changed")
    (folder / "sub" / "new").write_text("")
    assert Fingerprints(None).listing(folder) == before
    (folder / "new").write_text("")
    assert Fingerprints(None).listing(folder) != before


def test_absent_and_wrong_kinds_raise_as_the_file_system_does(folder: Path) -> None:
    prints = Fingerprints(None)
    with pytest.raises(FileNotFoundError):
        prints.file(folder / "absent")
    with pytest.raises(IsADirectoryError):
        prints.file(folder)
    with pytest.raises(NotADirectoryError):
        prints.folder(folder / "a.csv")


@pytest.mark.parametrize("damage", [b"", b"tiphys fingerprints 1\n", b"junk" * 100, None])
def test_damaged_cache_is_as_good_as_none(cache: Path, folder: Path, later: None, damage: bytes | None) -> None:
    prints = Fingerprints(cache)
    expected = prints.folder(folder)
    prints.save()
    data = bytearray(cache.read_bytes())
    data[-10] ^= 1  # in a digest or a name
    cache.write_bytes(bytes(data) if damage is None else damage)
    assert Fingerprints(cache).folder(folder) == expected


def test_cache_that_cannot_be_written_is_left_alone(tmp_path: Path, folder: Path, later: None) -> None:
    (tmp_path / "file").write_text("")
    prints = Fingerprints(tmp_path / "file" / "cache")
    assert prints.folder(folder)
    prints.save()
    assert (tmp_path / "file").read_text() == ""


def test_records_unused_for_a_month_are_dropped(cache: Path, folder: Path, later: None) -> None:
    prints = Fingerprints(cache)
    prints.file(folder / "a.csv")
    prints.save()
    size = cache.stat().st_size
    old = Fingerprints(cache)
    old._cache._today += 40
    old.file(folder / "sub" / "b.csv")
    old.save()
    assert cache.stat().st_size < size + 10


def test_inode_numbers_of_64_bits_fit() -> None:
    assert folder_scan.pack((1, 2, 2**64 - 1, 3)) == folder_scan.pack((1, 2, 2**63 - 1, 3))
