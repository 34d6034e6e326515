"""Locks between processes and threads that the kernel releases when their holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tiphys.cluster.store.writing import guarded


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock file `path` alone, waiting for whoever has it. The file stays; it means nothing by itself."""
    fd = _open(path)
    try:
        with guarded(path, "lock"):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    with guarded(path, "write"):
        try:
            return os.open(path, flags, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return os.open(path, flags, 0o644)
