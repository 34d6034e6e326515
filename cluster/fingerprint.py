"""Digests of the user's files and folders, which cost only `stat` calls while nothing changes."""

from __future__ import annotations

import os
import stat as stats
import time
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from tiphys.cluster.digest import digest_bytes, digest_fd
from tiphys.cluster.errors import InputError
from tiphys.cluster.fingerprint_cache import FingerprintCache
from tiphys.cluster.folder_reader import read_folders
from tiphys.cluster.folder_scan import Files, list_folder, scan_files
from tiphys.cluster.stat_signature import is_settled, signature_of

_FOLDER = b"tiphys folder 1\0"
_SPECIAL = digest_bytes(b"tiphys special file 1")
_BROKEN = digest_bytes(b"tiphys broken link 1")


@dataclass(slots=True)
class _Level:
    """A folder on the walk. `parts`: (name, digest) of what is in it besides its regular files, filled on the way back.

    `inside`: device and inode of it and of the folders that it was reached through.
    """

    path: str
    name: str
    parent: _Level | None
    inside: tuple[tuple[int, int], ...]
    files: bytes = b""
    parts: list[tuple[bytes, bytes]] = field(default_factory=list)


class Fingerprints:
    """Digests by content, remembered by stat signature in the file `cache` (None: not remembered).

    A cache that is missing, damaged or cannot be written costs time, never a wrong digest. `save` writes what was
    learnt. All methods raise `OSError` as the file system does (`FileNotFoundError`, `IsADirectoryError`, …).
    """

    def __init__(self, cache: Path | None) -> None:
        self._cache = FingerprintCache(cache)

    def file(self, path: Path) -> str:
        """BLAKE3 of the bytes of a file, 64 hex digits. Devices, pipes and sockets all have the same, unread."""
        return self._file(os.path.abspath(path))

    def folder(self, path: Path) -> str:
        """Digest of the names and contents of all files below a folder, and of the names of all folders, 64 hex digits.

        Links count as what they point to; a link to a folder that it is in is an `InputError`. Modes and times do not
        count, neither does where the folder is.
        """
        levels = self._walk(os.path.abspath(path))
        for level in reversed(levels):  # folders come before what is in them
            digest = blake3(_FOLDER + level.files)
            for name, part in sorted(level.parts):
                digest.update(name + b"\0" + part)
            if level.parent is None:
                return digest.hexdigest()
            level.parent.parts.append((os.fsencode(level.name) + b"/", digest.digest()))
        raise AssertionError("a walk has a first folder")

    def listing(self, path: Path) -> str:
        """Digest of the names in a folder, 64 hex digits; those of folders end in `/`: a walk asks no more of them."""
        with os.scandir(os.fsencode(path)) as found:
            names = [entry.name + b"/" if entry.is_dir() else entry.name for entry in found]
        return digest_bytes(b"\0".join(sorted(names)))

    def save(self) -> None:
        """Write what was learnt since the last time, if anything was; a folder that cannot be written is left alone."""
        self._cache.save()

    def _file(self, name: str) -> str:
        seen = time.time_ns()
        stat = os.stat(name)
        if not stats.S_ISREG(stat.st_mode) and not stats.S_ISDIR(stat.st_mode):
            return _SPECIAL
        signature = signature_of(stat)
        known = self._cache.file(name, signature)
        if known is not None:
            return known
        with open(name, "rb", buffering=0) as file:
            digest, _ = digest_fd(file.fileno())
        if is_settled(signature, seen):
            self._cache.remember_file(name, signature, digest)
        return digest

    def _walk(self, root: str) -> list[_Level]:
        """The folders at and below `root`, scanned, each before those in it."""
        levels: list[_Level] = []
        new: list[tuple[_Level, int]] = []
        waiting = [_Level(root, "", None, (_identity(root),))]
        while waiting:
            level = waiting.pop()
            levels.append(level)
            listing = list_folder(level.path)
            folders = list(listing.folders)
            for name in listing.others:
                if os.path.isdir(f"{level.path}/{name}"):
                    folders.append(name)
                else:
                    level.parts.append((os.fsencode(name), bytes.fromhex(self._other(f"{level.path}/{name}"))))
            waiting.extend(_below(level, name) for name in folders)
            known = self._cache.files(level.path)
            if known is None:
                new.append((level, len(listing.files)))
            else:
                self._learn(level, known, scan_files(level.path, known))
        found = read_folders([level.path for level, _ in new], [count for _, count in new])
        for (level, _), files in zip(new, found, strict=True):
            self._learn(level, None, files)
        return levels

    def _learn(self, level: _Level, known: Files | None, files: Files) -> None:
        if files is not known:
            self._cache.remember_files(level.path, files)
        level.files = files.digest

    def _other(self, path: str) -> str:
        """The digest of a link to a file, a broken link or a special file."""
        try:
            return self._file(path)
        except FileNotFoundError:
            return _BROKEN


def _below(level: _Level, name: str) -> _Level:
    path = f"{level.path}/{name}"
    identity = _identity(path)
    if identity in level.inside:
        raise InputError(f"{path} is a link to a folder that it is in", fix="remove the link, or name a smaller folder")
    return _Level(path, name, level, (*level.inside, identity))


def _identity(path: str) -> tuple[int, int]:
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino
