"""Stat signatures of objects: what their files looked like when their bytes were last known to be right.

Kept as text lines `digest size mtime ino ctime`, in one file for each first byte of the digest, newest last. They are
hints: a line that is torn, lost or outdated means that the object is read and hashed once more. A line is written only
when every later change of the file would show in `stat` (`stat_signature`).
"""

from __future__ import annotations

import os
import time

from tiphys.cluster.stat_signature import has_fine_clock, is_settled, signature_of
from tiphys.cluster.store.writing import append_line, boundary

_FIELDS = 5
_DIGEST = 64


class Signatures:
    """The signatures of one store; each part is read when it is first asked for."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._parts: dict[str, dict[str, str]] = {}
        self._fine_clock: bool | None = None

    def match(self, digest: str, stat: os.stat_result) -> bool:
        """Whether the file of the object is as it was when its bytes were last known to be right."""
        return self._part(digest[:2]).get(digest) == _text(stat)

    def record_verified(self, digest: str, stat: os.stat_result, seen_ns: int) -> None:
        """The bytes were read and right; `stat` and `seen_ns` were taken before that."""
        if is_settled(signature_of(stat), seen_ns):
            self._record(digest, stat)

    def has_fine_clock(self, draft: int) -> bool:
        """Whether what is written here may be recorded at once. `draft`: an open file of our own in this store."""
        if self._fine_clock is None:
            self._fine_clock = has_fine_clock(draft)
        return self._fine_clock

    def record_written(self, digest: str, stat: os.stat_result) -> None:
        """The bytes were just written and `stat` was taken since, in a store that `has_fine_clock`."""
        self._record(digest, stat)

    def forget(self, digests: set[str]) -> None:
        """Drop the lines of deleted objects, and outdated ones of others in the same parts."""
        for prefix in {digest[:2] for digest in digests}:
            self._parts.pop(prefix, None)
            kept = {d: text for d, text in self._part(prefix).items() if d not in digests}
            self._parts[prefix] = kept
            temporary = f"{self._folder}/.{prefix}.{os.getpid()}"
            try:
                with open(temporary, "w", encoding="ascii") as file:
                    file.writelines(f"{d} {text}\n" for d, text in kept.items())
                os.rename(temporary, f"{self._folder}/{prefix}")
            except OSError:  # hints only: lines of deleted objects match nothing
                return
            boundary("signatures")

    def _record(self, digest: str, stat: os.stat_result) -> None:
        text = _text(stat)
        part = self._part(digest[:2])
        if part.get(digest) == text:
            return
        part[digest] = text
        path = f"{self._folder}/{digest[:2]}"
        line = f"{digest} {text}\n".encode("ascii")
        try:
            append_line(path, line)
        except FileNotFoundError:
            os.makedirs(self._folder, exist_ok=True)
            append_line(path, line)
        except OSError:  # a read-only or full store can be read all the same
            return

    def _part(self, prefix: str) -> dict[str, str]:
        part = self._parts.get(prefix)
        if part is None:
            part = self._parts[prefix] = _read(f"{self._folder}/{prefix}")
        return part


def now_ns() -> int:
    """Nanoseconds since the epoch, by the clock that file systems use."""
    return time.time_ns()


def _text(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino} {stat.st_ctime_ns}"


def _read(path: str) -> dict[str, str]:
    """Whole lines of the right shape; the last of a digest counts."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return {}
    lines = text.split("\n")[:-1]  # a line without its end is torn
    return {line[:_DIGEST]: line[_DIGEST + 1 :] for line in lines if line.count(" ") == _FIELDS - 1 and line[64] == " "}
