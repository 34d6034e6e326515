"""The file in which fingerprints are remembered: packed records behind a checksum, read in one piece.

Layout: a first line with the format, the BLAKE3 of all that follows (32 bytes), then records: a header (kind, day of
last use, lengths), the absolute path, and the body. A file (`f`): signature and digest. A folder (`d`): the digest and
number of its files, their signatures, digests and names. Anything that is not so is as good as no file.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from tiphys.cluster.folder_scan import DIGEST_BYTES, SIGNATURE, Files, pack
from tiphys.cluster.stat_signature import Signature

_FIRST = b"tiphys fingerprints 1\n"
_HEADER = struct.Struct("<cHIQ")
_DAYS_KEPT = 30
_DAYS_SAME = 7
"""Days after which a record in use is written again, so that it counts as used."""

_Key = tuple[bytes, bytes]


class FingerprintCache:
    """Digests by path and signature. Read at the first question, written by `save`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._today = int(time.time() // 86_400)
        self._loaded: dict[_Key, tuple[int, bytes]] | None = None
        self._changed = False

    def file(self, name: str, signature: Signature) -> str | None:
        """The digest of a file that still has this signature."""
        body = self._get((b"f", os.fsencode(name)))
        if body is None or body[: SIGNATURE.size] != pack(signature):
            return None
        return body[SIGNATURE.size :].hex()

    def remember_file(self, name: str, signature: Signature, digest: str) -> None:
        """`signature` must be settled."""
        self._set((b"f", os.fsencode(name)), pack(signature) + bytes.fromhex(digest))

    def files(self, name: str) -> Files | None:
        """What is known of the files of a folder."""
        body = self._get((b"d", os.fsencode(name)))
        return None if body is None else Files.from_bytes(body)

    def remember_files(self, name: str, files: Files) -> None:
        """Signatures that are not settled must be blank."""
        self._set((b"d", os.fsencode(name)), files.to_bytes())

    def save(self) -> None:
        """Write all records, if any changed, in place of the file; what was not used for 30 days is dropped."""
        if self._path is None or not self._changed:
            return
        content = b"".join(self._records())
        temporary = f"{self._path}.{os.getpid()}"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(_FIRST + blake3(content).digest() + content)
            os.replace(temporary, self._path)
        except OSError:  # read-only or full: the next run computes again
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            return
        self._changed = False

    def _records(self) -> Iterator[bytes]:
        for (kind, name), (day, body) in self._all().items():
            if day + _DAYS_KEPT >= self._today:
                yield _HEADER.pack(kind, len(name), day, len(body)) + name + body

    def _get(self, key: _Key) -> bytes | None:
        found = self._all().get(key)
        if found is None:
            return None
        if found[0] + _DAYS_SAME < self._today:
            self._set(key, found[1])
        return found[1]

    def _set(self, key: _Key, body: bytes) -> None:
        self._all()[key] = (self._today, body)
        self._changed = True

    def _all(self) -> dict[_Key, tuple[int, bytes]]:
        if self._loaded is None:
            self._loaded = {} if self._path is None else _load(self._path)
        return self._loaded


def _load(path: Path) -> dict[_Key, tuple[int, bytes]]:
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    start = len(_FIRST) + DIGEST_BYTES
    if not data.startswith(_FIRST) or blake3(memoryview(data)[start:]).digest() != data[len(_FIRST) : start]:
        return {}
    records: dict[_Key, tuple[int, bytes]] = {}
    while start < len(data):
        kind, name_length, day, length = _HEADER.unpack_from(data, start)
        name_end = start + _HEADER.size + name_length
        records[kind, data[start + _HEADER.size : name_end]] = (day, data[name_end : name_end + length])
        start = name_end + length
    return records
