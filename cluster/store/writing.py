"""The one way in which files of the store come to be: written aside, then put in place whole or not at all.

Every change of the store passes `boundary`, so a test can end the process at each of them.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

from tiphys.cluster.digest import clone_fd, copy_fd, digest_fd, write_all
from tiphys.cluster.errors import PlatformError

# Read once, when the module is imported: N > 0 ends the process by SIGKILL at its N-th boundary. Nothing that happens
# later in the process can switch it on, and it costs one comparison a boundary. Crash safety is a property of the real
# system calls in their real order; a double of the file system could not show it.
_KILL_AT = int(os.environ.get("TIPHYS_TEST_KILL_AT") or "0")
_passed = 0


def boundary(name: str) -> None:
    """A moment between two changes on disk, at which the process may die. `name` says which, for the reader only."""
    global _passed
    if _KILL_AT:
        _passed += 1
        if _passed == _KILL_AT:
            os.kill(os.getpid(), signal.SIGKILL)


class Draft:
    """A file that is being written in the store's `tmp/`, gone at the end of `with` unless it was placed.

    The file system must have atomic renames and hard links (`link` is what lets the first writer win).
    Raises `PlatformError` (disk full, read-only, forbidden) with the path and the free bytes; nothing is left then.
    """

    def __init__(self, tmp: str, target: str) -> None:
        """`target`: what is being written, for messages."""
        self._tmp = tmp
        self._target = target
        self.path = f"{tmp}/{os.getpid()}-{os.urandom(8).hex()}"
        self.fd = -1
        self._exists = False

    def __enter__(self) -> Draft:
        with guarded(self._target, "write"):
            self.fd = self._open()
        self._exists = True
        boundary("open")
        return self

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o444)
        except FileNotFoundError:
            os.makedirs(self._tmp, exist_ok=True)
            return os.open(self.path, flags, 0o444)

    def write(self, data: bytes | memoryview) -> None:
        """Append all of `data`."""
        with guarded(self._target, "write"):
            write_all(self.fd, data)
        boundary("write")

    def copy_from(self, source: int) -> tuple[str, int]:
        """Append what can still be read from `source`, as a clone where the file system can; digest and size."""
        with guarded(self._target, "write"):
            copied = digest_fd(self.fd) if clone_fd(source, self.fd) else copy_fd(source, self.fd)
        boundary("write")
        return copied

    def sync(self) -> None:
        """Wait until the bytes are on the disk."""
        with guarded(self._target, "write"):
            os.fsync(self.fd)
        boundary("sync")

    def place(self, target: str, *, replace: bool = False) -> bool:
        """Give the file its name. Without `replace` the first writer wins: False when the name was taken."""
        with guarded(target, "write"):
            try:
                placed = self._place(target, replace)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                boundary("folder")
                placed = self._place_again(target, replace)
        boundary("place")
        return placed

    def _place(self, target: str, replace: bool) -> bool:
        if replace:
            os.rename(self.path, target)
            self._exists = False
            return True
        try:
            os.link(self.path, target)
        except FileExistsError:
            return False
        return True

    def _place_again(self, target: str, replace: bool) -> bool:
        try:
            return self._place(target, replace)
        except FileNotFoundError:
            fix = "leave the store alone while something runs, then run it again"
            raise PlatformError(f"cannot write {target}: the store was deleted in the meantime", fix=fix) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)
        if self._exists:
            with suppress(FileNotFoundError):
                os.unlink(self.path)
            boundary("clean")


def write_file(tmp: str, target: str, data: bytes, *, replace: bool = False) -> bool:
    """Write a small file durably. False (and nothing changed) when it exists and `replace` is not set."""
    with Draft(tmp, target) as draft:
        draft.write(data)
        draft.sync()
        placed = draft.place(target, replace=replace)
    if placed:
        sync_folder(os.path.dirname(target))
    return placed


def add_name(folder: str, name: str) -> None:
    """Make an empty file whose name is all that matters. Not durable."""
    path = f"{folder}/{name}"
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC  # one that is there may be opened by its owner too, though 0444
    with guarded(path, "write"):
        try:
            os.close(os.open(path, flags, 0o444))
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            boundary("folder")
            os.close(os.open(path, flags, 0o444))
    boundary("name")


def append_line(path: str, line: bytes) -> None:
    """Add one line to a file of hints, in one write; the folder exists. Not durable."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)
    boundary("append")


def sync_folder(path: str) -> None:
    """Wait until the names in a folder are on the disk."""
    with guarded(path, "write"):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    boundary("sync folder")


def sync_path(path: str) -> None:
    """Wait until a file is on the disk; one that is gone is left to who reads it."""
    with guarded(path, "write"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    boundary("sync object")


def sync_file_system(folder: str) -> None:
    """Wait until all of the file system that `folder` is on is on the disk: one call for very many files."""
    import ctypes  # 10 ms, needed for large trees only

    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd):
            code = ctypes.get_errno()
            raise platform_error(OSError(code, os.strerror(code)), folder, "write")
    finally:
        os.close(fd)
    boundary("sync objects")


def remove(path: str) -> bool:
    """Delete a file of the store; False when it was gone already."""
    with guarded(path, "delete"):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
    boundary("remove")
    return True


@contextmanager
def guarded(path: str, verb: str) -> Iterator[None]:
    """Turn an `OSError` of the body into a `PlatformError`, except those that say what exists and what does not."""
    try:
        yield
    except (FileNotFoundError, FileExistsError, NotADirectoryError):
        raise
    except OSError as error:
        raise platform_error(error, path, verb) from error


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def platform_error(error: OSError, path: str, verb: str) -> PlatformError:
    """What an error of the operating system means for the user of the store at `path`."""
    free = _free(path)
    if error.errno in _FULL:
        what = "no space left" if error.errno == errno.ENOSPC else "a limit of file size or quota is reached"
        fix = "free some space (`tiphys store gc --yes` drops what no recent run needs), or name another store"
    elif error.errno == errno.EROFS:
        what, fix = "the file system is read-only", "remount it for writing, or name another store with --store"
    elif error.errno in (errno.EACCES, errno.EPERM):
        what = "permission denied"
        fix = f"let user {os.geteuid()} {verb} there, or name another store with --store"
    else:
        what, fix = os.strerror(error.errno or 0), "check the disk and the file system, then try again"
    return PlatformError(f"cannot {verb} {path}: {what}{free}", fix=fix)


def _free(path: str) -> str:
    """` (N bytes and M files free)` of the file system of `path` or of the nearest folder above it."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    facts = os.statvfs(path)
    return f" ({facts.f_bavail * facts.f_frsize:,} bytes and {facts.f_favail:,} files free)"
