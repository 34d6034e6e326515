"""Entries and records with defaults, for tests that care about one field."""

from __future__ import annotations

import os
from typing import Any

from tiphys.cluster.digest import digest_bytes
from tiphys.cluster.store.liveness import boot_mark, host_name
from tiphys.cluster.store.records import Entry, ObjectRef, Observed, RunRecord, StepRecord, Writer


def key(text: str) -> str:
    """A key: 64 hex digits that depend on `text`."""
    return digest_bytes(text.encode())


def make_entry(
    name: str = "a", *, objects: tuple[ObjectRef, ...] = (), created: float = 1_000.0, **fields: Any
) -> Entry:
    """An entry of the key of `name`, written by `p:p`, `address` of choice."""
    writer = Writer(
        run=fields.pop("run", "r1"),
        address=fields.pop("address", "step"),
        pipeline=fields.pop("pipeline", "p:p"),
        scope="main",
        profile="local",
        host="here",
    )
    settings: dict[str, Any] = {
        "outputs": None,
        "observed": Observed(),
        "components": {"code": "c"},
        "seconds": 1.5,
    }
    return Entry(key=key(name), objects=objects, created=created, writer=writer, **(settings | fields))


def make_run(run_id: str = "r1", *, started: float = 1_000.0, **fields: Any) -> RunRecord:
    """A run of this process."""
    settings: dict[str, Any] = {
        "pipeline": "p:p",
        "file": "p.py",
        "root": "/project",
        "parameters": {},
        "graph": key("graph"),
        "code": key("code"),
        "profile": "local",
        "scope": "main",
        "frozen_now": started,
        "versions": {"tiphys": "0", "key_version": 1, "format": 1},
        "argv": ("tiphys", "run"),
        "pid": os.getpid(),
        "host": host_name(),
        "boot": boot_mark(),
    }
    return RunRecord(id=run_id, started=started, **(settings | fields))


def make_step(address: str = "step", **fields: Any) -> StepRecord:
    """The record of a step that succeeded."""
    settings: dict[str, Any] = {"state": "succeeded", "reason": "it ran"}
    return StepRecord(address=address, **(settings | fields))
