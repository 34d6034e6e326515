from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path

import pytest
from blake3 import blake3

from tiphys.cluster import digest

SIZES = [0, 1, digest.CHUNK - 1, digest.CHUNK, digest.CHUNK + 1, 3 * digest.CHUNK + 5]


def _file(folder: Path, size: int) -> tuple[Path, str]:
    data = os.urandom(size)
    path = folder / "source"
    path.write_bytes(data)
    return path, blake3(data).hexdigest()


@pytest.mark.parametrize("size", SIZES)
def test_digest_and_copy_of_every_size(tmp_path: Path, size: int) -> None:
    path, expected = _file(tmp_path, size)
    with path.open("rb") as source, (tmp_path / "target").open("w+b") as target:
        assert digest.copy_fd(source.fileno(), target.fileno()) == (expected, size)
        source.seek(0)
        assert digest.digest_fd(source.fileno()) == (expected, size)
    assert (tmp_path / "target").read_bytes() == path.read_bytes()


def test_failure_to_write_a_large_copy_is_raised(tmp_path: Path) -> None:
    path, _ = _file(tmp_path, 4 * digest.CHUNK)
    with path.open("rb") as source, (tmp_path / "target").open("wb") as target:
        read_only = os.open(target.name, os.O_RDONLY)
        with pytest.raises(OSError, match="Bad file descriptor"):
            digest.copy_fd(source.fileno(), read_only)
        os.close(read_only)


def test_file_that_shrinks_while_it_is_read_is_a_short_file(tmp_path: Path) -> None:
    path, _ = _file(tmp_path, 4 * digest.CHUNK)
    with path.open("rb") as source, digest._chunks_ahead(source.fileno()) as chunks:
        first = bytes(next(chunks))
        os.truncate(path, len(first))
        rest = b"".join(bytes(chunk) for chunk in chunks)
    assert len(first) + len(rest) < 4 * digest.CHUNK


def test_body_that_fails_ends_the_reader(tmp_path: Path) -> None:
    path, _ = _file(tmp_path, 8 * digest.CHUNK)
    before = threading.active_count()
    with (
        path.open("rb") as source,
        contextlib.suppress(ZeroDivisionError),
        digest._chunks_ahead(source.fileno()) as chunks,
    ):
        next(chunks)
        raise ZeroDivisionError
    assert threading.active_count() == before


def test_copy_is_made_by_hand_where_the_kernel_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, expected = _file(tmp_path, 3 * digest.CHUNK + 7)

    def refuse(*args: object) -> int:
        raise OSError(errno.EINVAL, "no")

    monkeypatch.setattr(os, "sendfile", refuse)
    with path.open("rb") as source, (tmp_path / "target").open("w+b") as target:
        target.write(b"before")
        target.flush()
        assert digest.copy_fd(source.fileno(), target.fileno()) == (expected, 3 * digest.CHUNK + 7)
    assert (tmp_path / "target").read_bytes() == b"before" + path.read_bytes()


def test_digest_of_a_copy_is_of_what_was_written(tmp_path: Path) -> None:
    """Bytes that change in the source after they were copied are not what the digest is of."""
    path, _ = _file(tmp_path, 16 * digest.CHUNK)
    with path.open("r+b") as source, (tmp_path / "target").open("w+b") as target:
        writer = threading.Thread(target=lambda: [os.pwrite(source.fileno(), b"x" * 9, n << 20) for n in range(64)])
        writer.start()
        found, _ = digest.copy_fd(source.fileno(), target.fileno())
        writer.join()
    assert found == blake3((tmp_path / "target").read_bytes()).hexdigest()
