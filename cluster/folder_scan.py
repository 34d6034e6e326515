"""One folder, not those below it: its names, and the signatures and digests of its files in packed form.

Made for folders of thousands of small files: signatures are compared as one block of bytes, and a file that must be
read costs four system calls.
"""

from __future__ import annotations

import os
import struct
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from blake3 import blake3

from tiphys.cluster.digest import digest_fd
from tiphys.cluster.stat_signature import Signature, is_settled

DIGEST_BYTES = 32
SIGNATURE = struct.Struct("<4q")
UNSETTLED = bytes(SIGNATURE.size)
"""In place of a signature that proves nothing yet: it equals no real one (no file has inode 0)."""

_COUNT = struct.Struct("<Q")
_FIELD = (1 << 63) - 1
_SMALL = 1 << 20
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Files:
    """The regular files of a folder in the order that the file system lists them.

    `names`: joined by NUL, as bytes; `signatures` and `digests`: 32 bytes each, one after the other; `digest`: of the
    sorted names and digests.
    """

    names: bytes
    signatures: bytes
    digests: bytes
    digest: bytes

    def to_bytes(self) -> bytes:
        """All of it, after their number."""
        count = _COUNT.pack(len(self.digests) // DIGEST_BYTES)
        return self.digest + count + self.signatures + self.digests + self.names

    @classmethod
    def from_bytes(cls, data: bytes) -> Files:
        """What `to_bytes` was given."""
        (count,) = _COUNT.unpack_from(data, DIGEST_BYTES)
        signatures = DIGEST_BYTES + _COUNT.size
        digests = signatures + count * SIGNATURE.size
        names = digests + count * DIGEST_BYTES
        return cls(data[names:], data[signatures:digests], data[digests:names], data[:DIGEST_BYTES])


@dataclass(frozen=True, slots=True)
class Listing:
    """The regular files of a folder, the names of folders in it, and of all else (links, devices, pipes)."""

    files: tuple[os.DirEntry[str], ...]
    folders: tuple[str, ...]
    others: tuple[str, ...]


def list_folder(path: str | int) -> Listing:
    """What is in the folder at `path` (or open as a descriptor), in the order of the file system. Raises `OSError`."""
    files: list[os.DirEntry[str]] = []
    folders: list[str] = []
    others: list[str] = []
    with os.scandir(path) as listed:
        for entry in listed:
            if entry.is_file(follow_symlinks=False):
                files.append(entry)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                others.append(entry.name)
    return Listing(tuple(files), tuple(folders), tuple(others))


def scan_files(path: str, known: Files | None) -> Files:
    """The files of a folder, reading only those not in `known` with the signature they have now. Raises `OSError`."""
    for left in reversed(range(_TRIES)):
        try:
            return _scan(path, known)
        except FileNotFoundError:  # a file went away between the listing and its turn: look again
            if not left or not os.path.isdir(path):
                raise
    raise AssertionError("unreachable")


def _scan(path: str, known: Files | None) -> Files:
    seen = time.time_ns()
    with _opened(path) as fd:
        files = list_folder(fd).files
        return _read_all(fd, files, seen) if known is None else _update(fd, files, seen, known)


def _update(fd: int, entries: Sequence[os.DirEntry[str]], seen: int, known: Files) -> Files:
    """The files as they are now; those that look as before keep their digests."""
    names = _joined(entries)
    signatures = _signatures(entries)
    if names == known.names and signatures == known.signatures:
        return known
    before = _by_name(known)
    result = bytearray()
    digests = bytearray()
    for index, entry in enumerate(entries):
        signature = signatures[index * SIGNATURE.size : (index + 1) * SIGNATURE.size]
        old = before.get(os.fsencode(entry.name))
        if old is not None and old[0] == signature:
            result += signature
            digests += old[1]
        else:
            _read_one(fd, entry.name, seen, result, digests)
    return _files(entries, bytes(result), bytes(digests))


def _read_all(fd: int, entries: Sequence[os.DirEntry[str]], seen: int) -> Files:
    signatures = bytearray()
    digests = bytearray()
    for entry in entries:
        _read_one(fd, entry.name, seen, signatures, digests)
    return _files(entries, bytes(signatures), bytes(digests))


def _read_one(folder: int, name: str, seen: int, signatures: bytearray, digests: bytearray) -> None:
    """Read a file and add its signature (blank while it is unsettled) and digest."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)
    try:
        stat = os.fstat(fd)
        size = stat.st_size
        if size < _SMALL:
            digests += blake3(os.read(fd, size + 1)).digest()
        else:
            digests += bytes.fromhex(digest_fd(fd)[0])
    finally:
        os.close(fd)
    signature = (size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)
    signatures += pack(signature) if is_settled(signature, seen) else UNSETTLED


def pack(signature: Signature) -> bytes:
    """32 bytes; inode numbers beyond 63 bits lose the highest."""
    size, mtime, inode, ctime = signature
    return SIGNATURE.pack(size, mtime, inode & _FIELD, ctime)


def _signatures(entries: Sequence[os.DirEntry[str]]) -> bytes:
    packed = array("q")
    extend = packed.extend
    try:
        for entry in entries:
            stat = entry.stat(follow_symlinks=False)
            extend((stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns))
    except OverflowError:  # an inode number of 64 bits
        stats = [entry.stat(follow_symlinks=False) for entry in entries]
        return b"".join([pack((s.st_size, s.st_mtime_ns, s.st_ino, s.st_ctime_ns)) for s in stats])
    return packed.tobytes()


def _files(entries: Sequence[os.DirEntry[str]], signatures: bytes, digests: bytes) -> Files:
    hasher = blake3()
    names = [os.fsencode(entry.name) for entry in entries]
    for index in sorted(range(len(names)), key=names.__getitem__):
        hasher.update(names[index] + b"\0" + digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES])
    return Files(b"\0".join(names), signatures, digests, hasher.digest())


def _by_name(files: Files) -> dict[bytes, tuple[bytes, bytes]]:
    names = files.names.split(b"\0") if files.names else []
    size = SIGNATURE.size
    return {
        name: (files.signatures[i * size : (i + 1) * size], files.digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES])
        for i, name in enumerate(names)
    }


def _joined(entries: Sequence[os.DirEntry[str]]) -> bytes:
    return os.fsencode("\0".join([entry.name for entry in entries]))


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
