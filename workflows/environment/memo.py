"""Small JSON files that spare parsing something again. They may vanish or be unwritable: then it is parsed again."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from blake3 import blake3

from tiphys.cluster.store.records import Json


def recall(folder: Path | None, key: str) -> Json | None:
    """What was remembered under `key` (hexadecimal), None when there is nothing or it was damaged."""
    if folder is None:
        return None
    try:
        seal, _, body = (folder / f"{key}.json").read_bytes().partition(b"\n")
    except OSError:
        return None
    if seal != blake3(body).hexdigest().encode():
        return None
    return json.loads(body)


def remember(folder: Path | None, key: str, value: Json) -> None:
    """Write atomically, or do without."""
    if folder is None:
        return
    body = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    temporary = folder / f".{key}.{os.getpid()}"
    with contextlib.suppress(OSError):  # a read-only or full cache costs time, never a result
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(blake3(body).hexdigest().encode() + b"\n" + body)
        temporary.replace(folder / f"{key}.json")
