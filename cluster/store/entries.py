"""Cache entries: many for one key, each an immutable file named by the digest of its bytes, and their history."""

from __future__ import annotations

import json
import os

from tiphys.cluster.digest import digest_bytes
from tiphys.cluster.store.gc import MOST
from tiphys.cluster.store.layout import Layout, canonical
from tiphys.cluster.store.naming import base_address, file_name
from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.reading import names_in
from tiphys.cluster.store.records import Entry
from tiphys.cluster.store.writing import add_name, platform_error, remove, write_file

_TIME = 17
_DIGEST = 64
"""Characters of the time (microseconds since the epoch) and of the digest in a line of history."""

_LINES = 128
_LINES_KEPT = 64
"""Names in the history of one address: when there are more than the first, all but so many newest are dropped."""


class Entries:
    """The entries of one store."""

    def __init__(self, layout: Layout, quarantine: Quarantine) -> None:
        self._layout = layout
        self._quarantine = quarantine

    def of_key(self, key: str) -> tuple[Entry, ...]:
        """The entries of a key, newest first."""
        folder = self._layout.key(key)
        names = names_in(folder)
        found = [(entry, name) for name in names if (entry := self.read_file(f"{folder}/{name}", key)) is not None]
        if len(found) > 1:
            found.sort(key=lambda item: (item[0].created, item[1]), reverse=True)
        return tuple([entry for entry, _ in found[:MOST]])

    def one(self, key: str, digest: str) -> Entry | None:
        """The entry, None when it is absent or unreadable."""
        return self.read_file(self._layout.entry(key, digest), key)

    def publish(self, entry: Entry) -> str:
        """Write an entry and its line of history; its digest. The oldest of more than 16 is deleted."""
        data = canonical(entry.to_json())
        digest = digest_bytes(data)
        path = self._layout.entry(entry.key, digest)
        if os.path.exists(path):
            return digest
        self._remember(entry, digest)
        if write_file(self._layout.tmp, path, data):
            self._drop_oldest(entry.key, digest)
        return digest

    def history(self, pipeline: str, address: str, limit: int) -> tuple[Entry, ...]:
        """The newest entries that an address (its item indices do not count) of a pipeline wrote, newest first."""
        folder = self._layout.history(pipeline, base_address(address))
        found: list[Entry] = []
        for line in sorted(names_in(folder), reverse=True):
            if len(found) >= limit:
                break
            key_name, digest = line[_TIME + 1 : -_DIGEST - 1], line[-_DIGEST:]
            entry = self.read_file(f"{self._layout.entries}/{key_name}/{digest}.json", key_name)
            if entry is not None:
                found.append(entry)
        return tuple(found)

    def read_file(self, path: str, key_name: str) -> Entry | None:
        """The entry in a file; None when it is gone, or corrupt and in quarantine now."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise platform_error(error, path, "read") from error
        try:
            stat = os.fstat(fd)
            data = os.read(fd, stat.st_size + 1)
            while len(data) < stat.st_size and (more := os.read(fd, stat.st_size)):
                data += more
        except OSError as error:
            raise platform_error(error, path, "read") from error
        finally:
            os.close(fd)
        fault = f"entry {path[len(self._layout.root) + 1 :]} is corrupt"
        digest = digest_bytes(data)
        if f"{digest}.json" != path.rpartition("/")[2]:
            self._quarantine.take(path, stat.st_ino, f"{fault}: its bytes have another digest")
            return None
        try:
            entry = Entry.from_json(json.loads(data), digest=path.rpartition("/")[2].removesuffix(".json"))
        except (ValueError, KeyError, TypeError) as error:
            self._quarantine.take(path, stat.st_ino, f"{fault}: {error!r}")
            return None
        if entry.key != key_name and file_name(entry.key) != key_name:
            self._quarantine.take(path, stat.st_ino, f"{fault}: it belongs to the key {entry.key}")
            return None
        return entry

    def _remember(self, entry: Entry, digest: str) -> None:
        """Add to the history first: a line whose entry never came is skipped, an entry without a line is not found."""
        folder = self._layout.history(entry.writer.pipeline, base_address(entry.writer.address))
        time = f"{max(0, int(entry.created * 1e6)):0{_TIME}d}"
        add_name(folder, f"{time}-{file_name(entry.key)}-{digest}")
        lines = names_in(folder)
        if len(lines) > _LINES:
            for line in sorted(lines)[:-_LINES_KEPT]:
                remove(f"{folder}/{line}")

    def _drop_oldest(self, key: str, newest: str) -> None:
        folder = self._layout.key(key)
        names = names_in(folder)
        if len(names) <= MOST:
            return
        found = [
            (entry.created, name) for name in names if (entry := self.read_file(f"{folder}/{name}", key)) is not None
        ]
        found.sort(reverse=True)
        for _, name in found[MOST:]:
            if name != f"{newest}.json":
                remove(f"{folder}/{name}")
