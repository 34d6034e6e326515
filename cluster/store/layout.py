"""Where things are in a store folder, its format number, and the canonical JSON that digests are taken of.

    format.json                     {"format": 1}
    .gitignore                      *
    objects/ab/cdef…                bytes by BLAKE3 digest, mode 0444; trees are manifests (`trees`)
    signatures/ab                   stat signatures of objects, by line; deleting them costs a re-hash, nothing else
    entries/KEY/DIGEST.json         cache entries, each named by the digest of its bytes
    history/steps/PIPELINE/ADDRESS/ empty files TIME-KEY-DIGEST: which entries an address wrote, newest last
    history/runs/                   empty files TIME-RUN: runs in the order of their start
    runs/RUN/run.json               the record of a run; steps/ADDRESS.json, batches/N.json, logs/ADDRESS.log
    refs/NAME.json                  refs
    cache/                          what others keep here and can recompute
    quarantine/, tmp/               corrupt files; files being written

The format: this version reads and writes format 1. A later one that changes the layout raises the number and brings a
function from each older format to the next, run when the store is opened for writing; a store of a newer format is
refused, with both numbers, and left as it is. Objects and entries keep their digests in every format.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.naming import file_name
from tiphys.cluster.store.records import Json

FORMAT = 1
_FOLDERS = ("objects", "signatures", "entries", "history", "runs", "refs", "cache", "quarantine", "tmp")
_OURS = frozenset(("format.json", ".gitignore", *_FOLDERS))


def canonical(data: Json) -> bytes:
    """JSON with sorted keys and no spaces, UTF-8: equal values give equal bytes. NaN is a `ValueError`."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


class Layout:
    """Paths below `root`, as text (made ten thousands of times in a plan: `pathlib` would be half of its time)."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.abspath(root)
        self.format = f"{self.root}/format.json"
        self.tmp = f"{self.root}/tmp"
        self.objects = f"{self.root}/objects"
        self.signatures = f"{self.root}/signatures"
        self.entries = f"{self.root}/entries"
        self.steps_history = f"{self.root}/history/steps"
        self.runs_history = f"{self.root}/history/runs"
        self.runs = f"{self.root}/runs"
        self.refs = f"{self.root}/refs"
        self.quarantine = f"{self.root}/quarantine"

    def object(self, digest: str) -> str:
        return f"{self.objects}/{digest[:2]}/{digest[2:]}"

    def key(self, key: str) -> str:
        return f"{self.entries}/{file_name(key)}"

    def entry(self, key: str, digest: str) -> str:
        return f"{self.entries}/{file_name(key)}/{digest}.json"

    def history(self, pipeline: str, address: str) -> str:
        """`address` without item indices."""
        return f"{self.steps_history}/{file_name(pipeline)}/{file_name(address)}"

    def run(self, run_id: str) -> str:
        return f"{self.runs}/{file_name(run_id)}"

    def ref(self, name: str) -> str:
        return f"{self.refs}/{file_name(name)}.json"


def check_format(data: bytes, root: str) -> None:
    """Raise `InputError` unless `data`, the text of `format.json`, says a format that this version reads."""
    try:
        number = json.loads(data)["format"]
    except (ValueError, KeyError, TypeError):
        number = None
    if not isinstance(number, int) or number < 1:
        raise InputError(
            f"{root}/format.json does not say the format of a store: {data[:80].decode('utf-8', 'replace')!r}",
            fix=f'name another store, or restore the file (this version writes {{"format": {FORMAT}}})',
        )
    if number > FORMAT:
        raise InputError(
            f"the store {root} has format {number}, this version of Tiphys reads formats up to {FORMAT}",
            fix="upgrade Tiphys, or name another store with --store",
        )


def is_free(names: list[str]) -> bool:
    """Whether a folder with these names may become a store: empty, or one whose making was interrupted."""
    return _OURS.issuperset(names)
