"""BLAKE3 digests of bytes and of open files, and copies that are hashed on the way. All digests are 64 hex digits.

Large files are read by a second thread while this one hashes: as fast as hashing a memory map, but a file that somebody
truncates meanwhile is a short file here and not a SIGBUS. Memory: two chunks.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from blake3 import blake3

if TYPE_CHECKING:
    from queue import SimpleQueue

_Filled: TypeAlias = "tuple[bytearray, int] | OSError"
"""A buffer and how many bytes of it count (0: the end), or what went wrong."""

CHUNK = 4 << 20
"""Bytes that are read at a time."""

_THREADED = 8 << 20
"""Bytes from which on a second thread pays for its start."""

_FICLONE = 0x40049409


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """BLAKE3 of `data`."""
    return blake3(data).hexdigest()


def digest_fd(fd: int) -> tuple[str, int]:
    """Digest and size of what can still be read from `fd`. Raises `OSError`."""
    return _pump(fd, None)


def copy_fd(source: int, target: int) -> tuple[str, int]:
    """Copy what can still be read from `source` to `target`; digest and size of what was copied. Raises `OSError`."""
    return _pump(source, target)


def clone_fd(source: int, target: int) -> bool:
    """Make the empty file `target` share the blocks of `source` (copy on write), where the file system can."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # most file systems, and any two different ones: the caller copies
        return False
    return True


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data` to `fd`. Raises `OSError`."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _pump(source: int, target: int | None) -> tuple[str, int]:
    if os.fstat(source).st_size >= _THREADED:
        with _chunks_ahead(source, target) as chunks:
            return _hash(chunks, threads=blake3.AUTO)
    return _hash(_chunks(source, target), threads=1)


def _hash(chunks: Iterator[memoryview], threads: int) -> tuple[str, int]:
    hasher = blake3(max_threads=threads)
    size = 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return hasher.hexdigest(), size


def _chunks(source: int, target: int | None) -> Iterator[memoryview]:
    while data := os.read(source, CHUNK):
        if target is not None:
            write_all(target, data)
        yield memoryview(data)


@contextmanager
def _chunks_ahead(source: int, target: int | None) -> Iterator[Iterator[memoryview]]:
    """Like `_chunks`, read and written by a thread while the body works on the chunk before."""
    import threading  # large files only: most runs need neither
    from queue import SimpleQueue

    empty: SimpleQueue[bytearray | None] = SimpleQueue()
    full: SimpleQueue[_Filled] = SimpleQueue()
    for _ in range(2):
        empty.put(bytearray(CHUNK))
    reader = threading.Thread(target=_fill, args=(source, target, empty, full), name="read ahead")
    reader.start()
    try:
        yield _drain(full, empty)
    finally:
        empty.put(None)
        reader.join()


def _fill(source: int, target: int | None, empty: SimpleQueue[bytearray | None], full: SimpleQueue[_Filled]) -> None:
    """Read chunks into empty buffers and write them to `target`, up to the end of `source` or None for a buffer."""
    try:
        while (buffer := empty.get()) is not None:
            count = os.readv(source, [buffer])
            full.put((buffer, count))
            if not count:
                return
            if target is not None:
                write_all(target, memoryview(buffer)[:count])
    except OSError as error:
        full.put(error)


def _drain(full: SimpleQueue[_Filled], empty: SimpleQueue[bytearray | None]) -> Iterator[memoryview]:
    """The filled chunks; each buffer is given back when the next chunk is asked for."""
    while True:
        filled = full.get()
        if isinstance(filled, OSError):
            raise filled
        buffer, count = filled
        if not count:
            return
        yield memoryview(buffer)[:count]
        empty.put(buffer)
