"""Objects: files named by the BLAKE3 of their bytes. Written once, verified when read, quarantined when corrupt."""

from __future__ import annotations

import os
import stat as stats
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tiphys.cluster.digest import clone_fd, copy_fd, digest_bytes, digest_fd
from tiphys.cluster.errors import InputError, MissingObject
from tiphys.cluster.store.layout import Layout
from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.signatures import Signatures, now_ns
from tiphys.cluster.store.writing import Draft, guarded, sync_file_system, sync_path

_FEW = 16
"""Up to so many files are flushed to the disk one by one; for more, the whole file system is."""

_FRESH_SECONDS = 6 * 3_600
"""Well within the time in which `gc` leaves alone what is new."""


class Objects:
    """The objects of one store. `size` is in bytes; a size of None is not compared."""

    def __init__(self, layout: Layout, quarantine: Quarantine) -> None:
        self._layout = layout
        self._quarantine = quarantine
        self._signatures = Signatures(layout.signatures)
        self._synced: set[str] = set()

    def put_bytes(self, data: bytes) -> str:
        """Store `data`; its digest."""
        digest = digest_bytes(data)
        if not self._has(digest, len(data)):
            with Draft(self._layout.tmp, self._layout.object(digest)) as draft:
                draft.write(data)
                self._place(draft, digest)
        return digest

    def put_file(self, path: Path) -> tuple[str, int]:
        """Store a copy of a regular file; digest and size of the copy. Not a regular file: `InputError`."""
        source = _open_regular(path)
        try:
            with Draft(self._layout.tmp, f"{self._layout.objects} (copy of {path})") as draft:
                digest, size = draft.copy_from(source)
                if not self._has(digest, size):
                    self._place(draft, digest)
        finally:
            os.close(source)
        return digest, size

    def read(self, digest: str) -> bytes:
        """The verified bytes; `MissingObject` when they are absent or (from now on) corrupt."""
        path = self._layout.object(digest)
        try:
            with guarded(path, "read"), open(path, "rb") as file:
                seen, stat = now_ns(), os.fstat(file.fileno())
                data = file.read()
        except FileNotFoundError:
            raise MissingObject(digest, f"object {digest} is not in {self._layout.root}") from None
        if digest_bytes(data) != digest:
            raise MissingObject(digest, self._condemn(digest, stat, "its bytes have another digest"))
        self._signatures.record_verified(digest, stat, seen)
        return data

    def copy_out(self, digest: str, destination: str, *, executable: bool = False) -> None:
        """Write a verified copy to a new file, which its owner may change. `MissingObject` as for `read`."""
        path = self._layout.object(digest)
        try:
            with guarded(path, "read"):
                source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise MissingObject(digest, f"object {digest} is not in {self._layout.root}") from None
        try:
            seen, stat = now_ns(), os.fstat(source)
            with _new_file(destination, 0o777 if executable else 0o666) as target:
                if self._copy(digest, source, stat, target, destination) != digest:
                    raise MissingObject(digest, self._condemn(digest, stat, "its bytes have another digest"))
        finally:
            os.close(source)
        self._signatures.record_verified(digest, stat, seen)

    def _copy(self, digest: str, source: int, stat: os.stat_result, target: int, destination: str) -> str:
        """Copy and return the digest of what was copied. A clone of a file with a known signature is not read."""
        with guarded(destination, "write"):
            if clone_fd(source, target):
                return digest if self._signatures.match(digest, stat) else digest_fd(source)[0]
            return copy_fd(source, target)[0]

    def forget(self, digests: set[str]) -> None:
        """Drop what is known of deleted objects."""
        self._synced -= digests
        self._signatures.forget(digests)

    def sync(self, digests: Iterable[str]) -> None:
        """Wait until these objects are on the disk, so that something durable may name them."""
        waiting = [digest for digest in dict.fromkeys(digests) if digest not in self._synced]
        if len(waiting) > _FEW:
            sync_file_system(self._layout.root)
        else:
            for digest in waiting:
                sync_path(self._layout.object(digest))
        self._synced.update(waiting)

    def fault(self, digest: str, size: int | None = None) -> str:
        """Empty when the object is there and right, else a sentence; a corrupt one is in quarantine then."""
        path = self._layout.object(digest)
        try:
            stat = os.stat(path)
        except FileNotFoundError:
            return f"object {digest[:12]} is missing"
        except OSError as error:
            return f"object {digest[:12]} cannot be read: {error.strerror}"
        if size is not None and stat.st_size != size:
            return self._condemn(digest, stat, f"it has {stat.st_size:,} bytes, {size:,} were written")
        if self._signatures.match(digest, stat):
            return ""
        return self.verify(digest)

    def verify(self, digest: str) -> str:
        """Like `fault`, always reading the bytes."""
        path = self._layout.object(digest)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return f"object {digest[:12]} is missing"
        except OSError as error:
            return f"object {digest[:12]} cannot be read: {error.strerror}"
        try:
            seen, stat = now_ns(), os.fstat(fd)
            found, _ = digest_fd(fd)
        except OSError as error:
            return f"object {digest[:12]} cannot be read: {error.strerror}"
        finally:
            os.close(fd)
        if found != digest:
            return self._condemn(digest, stat, "its bytes have another digest")
        self._signatures.record_verified(digest, stat, seen)
        return ""

    def _has(self, digest: str, size: int) -> bool:
        """Whether the object is there and right. Then it is somebody's again: `gc` must see that it is in use."""
        if self.fault(digest, size):
            return False
        path = self._layout.object(digest)
        if time.time() - os.stat(path).st_mtime > _FRESH_SECONDS:
            with guarded(path, "write"):
                os.utime(path)  # its signature is void now, so it is hashed once more
        return True

    def _condemn(self, digest: str, stat: os.stat_result, why: str) -> str:
        return self._quarantine.take(
            self._layout.object(digest), stat.st_ino, f"object {digest[:12]} is corrupt: {why}"
        )

    def _place(self, draft: Draft, digest: str) -> None:
        fine = self._signatures.has_fine_clock(draft.fd)
        draft.place(self._layout.object(digest), replace=True)
        self._synced.discard(digest)
        if fine:
            self._signatures.record_written(digest, os.fstat(draft.fd))


def _open_regular(path: Path) -> int:
    try:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", fix="give the path of a readable file") from error
    if stats.S_ISREG(os.fstat(source).st_mode):
        return source
    os.close(source)
    raise InputError(f"{path} is not a regular file", fix="give the path of a file; a folder is stored as a tree")


@contextmanager
def _new_file(path: str, mode: int) -> Iterator[int]:
    """A new file that is open in the body, and gone again when the body fails."""
    try:
        with guarded(path, "write"):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise InputError(f"{path} exists already", fix="give a new path, or delete it first") from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{os.path.dirname(path)}: no such folder", fix="make the folder first") from None
    try:
        yield fd
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(fd)
