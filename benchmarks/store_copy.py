"""A 1 GB artifact into the store and out again against `cp`, the memory it takes, and the lookups of 10,000 hits."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.fingerprint import fill
from benchmarks.measure import Figure
from tiphys.cluster.digest import digest_bytes
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import Entry, ObjectRef, Observed, Writer


def entry(key: str, ref: ObjectRef) -> Entry:
    """An entry of one object."""
    writer = Writer("bench", "step", "bench:bench", "main", "local", "here")
    artifact = {"$artifact": "File", "kind": "file", "digest": ref.digest, "size": ref.size, "name": "out"}
    components = {"code": key, "python": "3.11", "arguments": {"x": 1}, "environment": {"numpy": "2.1"}}
    return Entry(key, artifact, (ref,), Observed({"data.csv": key}), components, time.time(), 1.0, writer)


def settled(body: Callable[[], object], clean: Callable[[], object]) -> Callable[[], float]:
    """A case of `fastest` that starts with nothing left to write back: else each pays for the one before."""

    def case() -> float:
        clean()
        os.sync()
        started = time.perf_counter()
        body()
        return time.perf_counter() - started

    return case


def fastest(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The least of each case, interleaved: what the disk and other programs do at the same time only adds."""
    taken = [{name: case() for name, case in cases.items()} for _ in range(rounds)]
    return {name: min(one[name] for one in taken) for name in cases}


def copies(base: Path, size: int, rounds: int) -> None:
    """In and out, each against `cp` of the same file; flushed to the disk against `cp` and `sync` of the copy."""
    source, target = base / "source", base / "target"
    fill(source, size)
    stores = iter(range(1_000))
    store = FolderStore(base / "store")
    ref = store.put_file(source)

    def put(*, publish: bool) -> None:
        fresh = FolderStore(base / "stores" / str(next(stores)))
        stored = fresh.put_file(source)
        if publish:
            fresh.publish(entry(digest_bytes(b"key"), stored))

    def copy(*, sync: bool) -> None:
        subprocess.run(["cp", source, target], check=True)
        if sync:
            subprocess.run(["sync", target], check=True)

    def clean() -> None:
        subprocess.run(["rm", "-rf", target, base / "stores"], check=True)

    cases = {
        "cp": settled(lambda: copy(sync=False), clean),
        "in": settled(lambda: put(publish=False), clean),
        "out": settled(lambda: store.materialize(ref, target), clean),
        "cp, flushed": settled(lambda: copy(sync=True), clean),
        "in, flushed": settled(lambda: put(publish=True), clean),
    }
    taken = fastest(cases, rounds)
    name = f"{size / 1e9:.1f} GB artifact"
    Figure(f"cp of a {name}", taken["cp"], "s").emit()
    Figure(f"{name} into the store, times cp", taken["in"] / taken["cp"], "x", 1.5).emit()
    Figure(f"{name} out of the store, times cp", taken["out"] / taken["cp"], "x", 1.5).emit()
    flushed = taken["in, flushed"] / taken["cp, flushed"]
    Figure(f"{name} in, entry published, times cp and sync", flushed, "x").emit()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / 1e6
    Figure(f"{name} in and out, peak memory", peak, "MB", 200.0).emit()
    clean()


def hits(base: Path, count: int, rounds: int) -> None:
    """What a plan of `count` hits asks of the store: the entries of each key, and whether their objects are intact."""
    store = FolderStore(base / "hits")
    keys = [digest_bytes(str(number).encode()) for number in range(count)]
    for key in keys:
        store.publish(entry(key, store.put_bytes(key.encode())))

    def look() -> None:
        fresh = FolderStore(base / "hits")
        for key in keys:
            (found,) = fresh.entries(key)
            assert fresh.intact(found.objects) is None

    taken = fastest({"look": settled(look, lambda: None)}, rounds)
    Figure(f"lookup of {count:,} hits in the store", taken["look"], "s", 1.5 * count / 10_000).emit()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bytes and hits, fewer rounds")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="tiphys-bench-") as name:
        copies(Path(name), 100_000_000 if quick else 1_000_000_000, 3 if quick else 8)
        hits(Path(name), 1_000 if quick else 10_000, 3 if quick else 4)


if __name__ == "__main__":
    main()
