"""Which installed distribution a top-level name below site-packages belongs to, from the RECORD files there.

Needed for what the text of a step does not show: optional modules that a library imports on its own, data files that
are read out of an installed package. Reading the records of a hundred distributions takes tens of milliseconds, so the
answer is remembered under the signature of what is installed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tiphys.workflows.environment.installed import signature_of
from tiphys.workflows.environment.memo import recall, remember
from tiphys.workflows.environment.model import normalized

_FORMAT = "owners 1"


def owners(cache: Path | None = None, path: Iterable[str] | None = None) -> Mapping[str, tuple[str, ...]]:
    """Top-level name (`dateutil`, `six`) -> normalized names of the distributions that put files there."""
    folders = [os.path.abspath(entry) for entry in (sys.path if path is None else path)]
    key = signature_of(folders, _FORMAT)
    known = recall(cache, key)
    if known is not None:
        return {name: tuple(found) for name, found in known.items()}
    found: dict[str, set[str]] = {}
    for folder in folders:
        for distribution, names in _records(folder):
            for name in names:
                found.setdefault(name, set()).add(distribution)
    answer = {name: tuple(sorted(distributions)) for name, distributions in found.items()}
    remember(cache, key, {name: list(distributions) for name, distributions in answer.items()})
    return answer


def _records(folder: str) -> Iterator[tuple[str, set[str]]]:
    """(distribution, top-level names) of each `.dist-info` folder that has a RECORD."""
    try:
        entries = [e for e in os.listdir(folder) if e.endswith(".dist-info")]
    except OSError:
        return
    for entry in entries:
        try:
            text = Path(folder, entry, "RECORD").read_text("utf-8", "replace")
        except OSError:
            continue
        tops = {line.split("/", 1)[0].split(",", 1)[0] for line in text.splitlines()}
        names = {top.removesuffix(".py").split(".", 1)[0] for top in tops if not top.endswith(".dist-info")}
        yield normalized(entry.rsplit("-", 1)[0].split("-", 1)[0]), names - {"", "__pycache__"}
