"""When an unchanged `stat` proves unchanged bytes: signatures, and git's rule for those that are racily clean (pure).

A file may be rewritten within the tick of the clock that its time stamps were taken from, with the same size: then its
signature stays the same. So a signature is believed only when it was already older than a tick at the moment before
the bytes were read: whatever was written later carries a later time stamp. Source: git,
`Documentation/technical/racy-git.txt`. `ctime` is part of it, since programs can set `mtime` back but not `ctime`.
"""

from __future__ import annotations

import os
from typing import TypeAlias

Signature: TypeAlias = tuple[int, int, int, int]
"""Size in bytes, mtime in ns, inode number, ctime in ns."""

TICK_NS = 50_000_000
"""The slowest Linux clock ticks every 10 ms; five times that, in nanoseconds."""

COARSE_TICK_NS = 2_100_000_000
"""For time stamps in whole seconds (or two of them), as some file systems keep them; in nanoseconds."""


def signature_of(stat: os.stat_result) -> Signature:
    """The signature of a file as `stat` shows it."""
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)


def is_settled(signature: Signature, seen_ns: int) -> bool:
    """Whether every change after `seen_ns` (ns since the epoch, taken before the bytes were read) would show."""
    newest = max(signature[1], signature[3])
    tick = TICK_NS if signature[3] % 1_000_000_000 else COARSE_TICK_NS
    return newest + tick < seen_ns


def has_fine_clock(fd: int) -> bool:
    """Whether the file system of the open, own file `fd` gives every change after a `stat` a time stamp of its own.

    Linux 6.13 and later do on most file systems. Four changes of the mode are made within less than a millisecond:
    a clock that ticks can have moved once in that time, not four times. Leaves the mode as it was.
    """
    before = os.fstat(fd)
    stamps = [before.st_ctime_ns]
    for flip in (0o200, 0, 0o200, 0):
        os.fchmod(fd, (before.st_mode & 0o7777) ^ flip)
        stamps.append(os.fstat(fd).st_ctime_ns)
    distinct = len(set(stamps)) == len(stamps)
    return distinct and stamps[-1] - stamps[1] < 1_000_000
