"""Reads of the store's JSON records: absent and corrupt ones are None, the corrupt are in quarantine afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TypeVar

from tiphys.cluster.store.quarantine import Quarantine
from tiphys.cluster.store.records import Json
from tiphys.cluster.store.writing import guarded, platform_error

T = TypeVar("T")


def names_in(folder: str) -> list[str]:
    """The names in a folder, unsorted; none when there is no such folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise platform_error(error, folder, "read") from error


def read_record(path: str, parse: Callable[[Json], T], quarantine: Quarantine) -> T | None:
    """What `parse` makes of the JSON in a file. It raises ValueError, KeyError or TypeError if it cannot."""
    try:
        with guarded(path, "read"), open(path, "rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            data = file.read()
    except FileNotFoundError:
        return None
    try:
        return parse(json.loads(data))
    except (ValueError, KeyError, TypeError) as error:
        quarantine.take(path, inode, f"the record {path} is corrupt: {error!r}")
        return None
