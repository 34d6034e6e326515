"""The first-party files as they are now: digests by stat signature, listings of folders. Each is examined once.

A signature is `(size, mtime_ns, ino, ctime_ns)`. Git's *racily clean* rule: a file changed within the same tick of the
clock after it was read keeps its signature, so a signature that is not clearly older than its reading is not trusted,
and the bytes are read again (Git, `Documentation/technical/racy-git.txt`).
"""

from __future__ import annotations

import os
import time

from blake3 import blake3

Stamp = tuple[int, int, int, int]
Known = list[int | str]
"""A remembered signature and the digest that belongs to it: `[size, mtime_ns, ino, ctime_ns, digest]`."""

_TICK_NS = 50_000_000  # some ticks of a kernel's clock
_COARSE_TICK_NS = 2_000_000_000  # file systems that keep whole seconds
MODULE_SUFFIXES = (".py", ".pyc", ".so", ".pyd")


class Disk:
    """Files and folders by absolute path. `known_files`, `known_folders`: what an earlier process remembered."""

    def __init__(self, known_files: dict[str, Known], known_folders: dict[str, Known]) -> None:
        self.files = known_files
        self.folders = known_folders
        self.changed = False  # something is remembered that was not
        self._digests: dict[str, str | None] = {}
        self._listing_digests: dict[str, str] = {}
        self._listings: dict[str, dict[str, bool]] = {}
        self._bytes: dict[str, bytes] = {}

    def digest(self, path: str) -> str | None:
        """BLAKE3 (hexadecimal) of a file's bytes; None when there is no such file."""
        if path not in self._digests:
            stamp = _stamp(path)
            if stamp is None:
                self._digests[path] = None
            elif (known := self.files.get(path)) is not None and tuple(known[:4]) == stamp:
                self._digests[path] = str(known[4])
            else:
                self.read(path)
        return self._digests[path]

    def read(self, path: str) -> bytes:
        """The bytes of a file, the same ones however often it is asked for. `OSError` when it cannot be read."""
        if path not in self._bytes:
            now = time.time_ns()
            stamp = _stamp(path)
            with open(path, "rb") as file:
                data = file.read()
            self._bytes[path] = data
            self._digests[path] = self._remember(self.files, path, stamp, now, blake3(data).hexdigest())
        return self._bytes[path]

    def listing(self, folder: str) -> dict[str, bool]:
        """What could be a module in a folder: name -> whether it is a folder. Empty when it is none."""
        if folder not in self._listings:
            now = time.time_ns()
            stamp = _stamp(folder)
            entries = _modules_in(folder)
            self._listings[folder] = entries
            text = "\n".join(f"{name}/{is_folder:d}" for name, is_folder in sorted(entries.items()))
            digest = blake3(text.encode("utf-8", "surrogateescape")).hexdigest()
            self._listing_digests[folder] = self._remember(self.folders, folder, stamp, now, digest)
        return self._listings[folder]

    def listing_digest(self, folder: str) -> str:
        """Digest of `listing`; from the folder's signature when that is known."""
        if folder not in self._listing_digests:
            known = self.folders.get(folder)
            if known is not None and tuple(known[:4]) == _stamp(folder):
                self._listing_digests[folder] = str(known[4])
            else:
                self.listing(folder)
        return self._listing_digests[folder]

    def listed(self) -> list[str]:
        """All folders that were looked into so far."""
        return sorted(self._listing_digests)

    def read_files(self) -> list[str]:
        """All files whose digest was asked for so far."""
        return sorted(path for path, digest in self._digests.items() if digest is not None)

    def _remember(self, table: dict[str, Known], path: str, stamp: Stamp | None, now: int, digest: str) -> str:
        if stamp is not None and _is_settled(stamp, now):
            table[path] = [*stamp, digest]
            self.changed = True
        elif table.pop(path, None) is not None:
            self.changed = True
        return digest


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns


def _is_settled(stamp: Stamp, now: int) -> bool:
    """Whether a later change would have to show in the signature."""
    newest = max(stamp[1], stamp[3])
    tick = _COARSE_TICK_NS if stamp[1] % 1_000_000_000 == 0 else _TICK_NS
    return newest < now - tick


def _modules_in(folder: str) -> dict[str, bool]:
    entries: dict[str, bool] = {}
    try:
        with os.scandir(folder) as found:
            for entry in found:
                name = entry.name
                if name.endswith(MODULE_SUFFIXES) or name == "pyvenv.cfg":
                    entries[name] = False
                elif name.isidentifier() and name != "__pycache__" and entry.is_dir():
                    entries[name] = True
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    return entries
