"""Fingerprints: a large file in page cache against MD5, and 100,000 small files for the first time and unchanged."""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Figure, interleaved
from tiphys.cluster.fingerprint import Fingerprints

FOLDERS = 100
SMALL_BYTES = 4_096


def timed(body: Callable[[], object]) -> Callable[[], float]:
    """A case of `interleaved`: the wall seconds of `body`."""

    def case() -> float:
        started = time.perf_counter()
        body()
        return time.perf_counter() - started

    return case


def fill(path: Path, size: int) -> None:
    """Write random bytes that no file system can share or squeeze."""
    with path.open("wb") as file:
        while size > 0:
            file.write(os.urandom(min(size, 16 << 20)))
            size -= 16 << 20


def md5(path: Path) -> None:
    """What DVC does with a file."""
    with path.open("rb") as file:
        hashlib.file_digest(file, "md5", _bufsize=1 << 20)


def large(base: Path, size: int, rounds: int) -> None:
    """One file of `size` bytes that is in page cache, nothing remembered of it."""
    path = base / "large"
    fill(path, size)
    cases = {"ours": timed(lambda: Fingerprints(None).file(path)), "md5": timed(lambda: md5(path))}
    taken = interleaved(cases, rounds)
    name = f"fingerprint of {size / 1e9:.1f} GB in page cache"
    Figure(name, size / taken["ours"] / 1e9, "GB/s", 3.5, at_most=False).emit()
    Figure(f"{name}, times MD5", taken["md5"] / taken["ours"], "x", 6.0, at_most=False).emit()
    path.unlink()


def many(base: Path, count: int, rounds: int) -> None:
    """`count` files of 4 KiB in 100 folders: with nothing remembered, and unchanged since they were remembered."""
    root, cache = base / "many", base / "cache"
    for folder in range(FOLDERS):
        (root / f"{folder:03d}").mkdir(parents=True)
        for number in range(count // FOLDERS):
            (root / f"{folder:03d}" / f"{number:05d}.bin").write_bytes(os.urandom(SMALL_BYTES))
    time.sleep(0.1)  # signatures younger than a tick of the clock are not believed
    first = Fingerprints(cache)
    first.folder(root)
    first.save()
    cases = {
        "first": timed(lambda: Fingerprints(None).folder(root)),
        "again": timed(lambda: Fingerprints(cache).folder(root)),
    }
    taken = interleaved(cases, rounds)
    share = count / 100_000
    Figure(f"{count:,} files of 4 KiB, first time", taken["first"], "s", 1.0 * share).emit()
    Figure(f"{count:,} files of 4 KiB, unchanged", taken["again"], "s", 0.8 * share).emit()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bytes and files, fewer rounds")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="tiphys-bench-") as name:
        large(Path(name), 200_000_000 if quick else 2_000_000_000, 2 if quick else 4)
        many(Path(name), 10_000 if quick else 100_000, 2 if quick else 5)


if __name__ == "__main__":
    main()
