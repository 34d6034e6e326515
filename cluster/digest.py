"""BLAKE3 digests of bytes and of open files, and copies that are hashed on the way. All digests are 64 hex digits.

Large files take two threads, one that reads or copies and one that hashes. A memory map would be as fast, but somebody
who truncates the file meanwhile would end the process by SIGBUS; here it is a short file. Memory: below 16 MB.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from blake3 import blake3

if TYPE_CHECKING:
    import threading
    from queue import SimpleQueue

CHUNK = 4 << 20
"""Bytes that are read or copied at a time."""

_THREADED = 8 << 20
"""Bytes from which on a second thread pays for its start."""

_NEAR = 1 << 20
"""Bytes that are read and hashed while they are near the processor."""

_FICLONE = 0x40049409
_NO_SENDFILE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

_Filled: TypeAlias = "tuple[bytearray, int] | OSError"
"""A buffer and how many bytes of it count (0: the end), or what went wrong."""

_Copied: TypeAlias = "int | OSError"
"""How many bytes more were copied (0: the end), or what went wrong."""


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """BLAKE3 of `data`."""
    return blake3(data).hexdigest()


def digest_fd(fd: int) -> tuple[str, int]:
    """Digest and size of what can still be read from `fd`. Raises `OSError`."""
    if os.fstat(fd).st_size < _THREADED:
        return _hash(_chunks(fd))
    with _chunks_ahead(fd) as chunks:
        return _hash(chunks, threads=blake3.AUTO)


def copy_fd(source: int, target: int) -> tuple[str, int]:
    """Copy what can still be read from `source` to `target`; digest and size of the copy.

    `target` is open for reading too: what is hashed is what was written, whatever `source` becomes. Raises `OSError`.
    """
    start = os.lseek(target, 0, os.SEEK_CUR)
    if os.fstat(source).st_size >= _THREADED:
        with _copied_ahead(source, target) as counts:
            return _hash(_chunks_behind(target, start, counts))
    for chunk in _chunks(source):
        write_all(target, chunk)
    os.lseek(target, start, os.SEEK_SET)
    return _hash(_chunks(target))


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


def _hash(chunks: Iterator[memoryview], threads: int = 1) -> tuple[str, int]:
    hasher = blake3(max_threads=threads)
    size = 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return hasher.hexdigest(), size


def _chunks(fd: int) -> Iterator[memoryview]:
    while data := os.read(fd, CHUNK):
        yield memoryview(data)


# Reading ahead: a large file is hashed by as many threads as there are cores, while another reads --------------------


@contextmanager
def _chunks_ahead(fd: int) -> Iterator[Iterator[memoryview]]:
    """Like `_chunks`, read by a thread while the body works on the chunk before."""
    import threading  # large files only: most runs need neither
    from queue import SimpleQueue

    empty: SimpleQueue[bytearray | None] = SimpleQueue()
    full: SimpleQueue[_Filled] = SimpleQueue()
    for _ in range(2):
        empty.put(bytearray(CHUNK))
    reader = threading.Thread(target=_fill, args=(fd, empty, full), name="read ahead")
    reader.start()
    try:
        yield _drain(full, empty)
    finally:
        empty.put(None)
        reader.join()


def _fill(fd: int, empty: SimpleQueue[bytearray | None], full: SimpleQueue[_Filled]) -> None:
    """Read chunks into empty buffers, up to the end of the file or None for a buffer."""
    try:
        while (buffer := empty.get()) is not None:
            count = os.readv(fd, [buffer])
            full.put((buffer, count))
            if not count:
                return
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


# Copying ahead: the kernel copies on one core, the copy is hashed on another -----------------------------------------


@contextmanager
def _copied_ahead(source: int, target: int) -> Iterator[SimpleQueue[_Copied]]:
    """Copy in a thread; the queue says how many bytes more are there."""
    import threading  # as above
    from queue import SimpleQueue

    counts: SimpleQueue[_Copied] = SimpleQueue()
    ended = threading.Event()
    copier = threading.Thread(target=_copy, args=(source, target, counts, ended), name="copy ahead")
    copier.start()
    try:
        yield counts
    finally:
        ended.set()
        copier.join()


def _copy(source: int, target: int, counts: SimpleQueue[_Copied], ended: threading.Event) -> None:
    try:
        while not ended.is_set():
            count = _copy_chunk(source, target)
            counts.put(count)
            if not count:
                return
    except OSError as error:
        counts.put(error)


def _copy_chunk(source: int, target: int) -> int:
    """Copy a chunk inside the kernel, or by hand where a file system cannot do that."""
    try:
        return os.sendfile(target, source, None, CHUNK)
    except OSError as error:
        if error.errno not in _NO_SENDFILE:
            raise
    data = os.read(source, CHUNK)
    write_all(target, data)
    return len(data)


def _chunks_behind(target: int, start: int, counts: SimpleQueue[_Copied]) -> Iterator[memoryview]:
    """What was copied to `target` so far, from `start` on, as soon as it is there."""
    buffer = memoryview(bytearray(_NEAR))
    while count := counts.get():
        if isinstance(count, OSError):
            raise count
        while count:
            read = os.preadv(target, [buffer[:count]], start)
            if not read:
                return  # somebody truncated the copy: its digest will not be the expected one
            yield buffer[:read]
            start += read
            count -= read
