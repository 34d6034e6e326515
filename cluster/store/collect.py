"""Gathers the facts for `gc` from a store folder, and deletes what was decided."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

from tiphys.cluster.store.gc import Collection, Deletion, Facts, Item
from tiphys.cluster.store.layout import Layout
from tiphys.cluster.store.liveness import is_alive
from tiphys.cluster.store.reading import names_in
from tiphys.cluster.store.trees import MARK
from tiphys.cluster.store.writing import guarded, remove

_NAME = re.compile(rb"[0-9a-f]{64}")

_LOOKED_INTO = 1 << 20
"""Bytes up to which any JSON object is searched for digests; tree manifests are at any size."""


def gather_facts(layout: Layout) -> Facts:
    """Everything that is in the store now. Reads entries, records and small JSON objects; hashes nothing."""
    refs = _mentions(*(f"{layout.refs}/{name}" for name in names_in(layout.refs)))
    leftovers = [_item(layout, path) for folder in (layout.tmp, layout.quarantine) for path in _paths(folder)]
    return Facts(
        runs=tuple(_runs(layout)),
        entries={key: tuple(_entries(layout, key)) for key in names_in(layout.entries)},
        objects=tuple(_objects(layout)),
        leftovers=tuple(item for item in leftovers if item is not None),
        refs=refs,
    )


def delete(layout: Layout, collection: Collection) -> Iterator[Deletion]:
    """Delete, yielding each deletion that was done. What was written again since the decision stays."""
    for deletion in collection.deletions:
        path = f"{layout.root}/{deletion.item.name}"
        try:
            written = os.stat(path).st_mtime
        except FileNotFoundError:
            continue
        if collection.now - written <= collection.grace_seconds:
            continue
        if deletion.kind == "run":
            _delete_run(layout, path)
        else:
            remove(path)
        yield deletion
    for folder in {os.path.dirname(d.item.name) for d in collection.deletions if d.kind == "entry"}:
        _remove_empty(f"{layout.root}/{folder}")


def _delete_run(layout: Layout, record: str) -> None:
    """The record first: without it the rest is not seen by anybody."""
    remove(record)
    folder = os.path.dirname(record)
    for path in _paths(folder):
        remove(path)
    for name in names_in(folder):
        _remove_empty(f"{folder}/{name}")
    _remove_empty(folder)
    run = os.path.basename(folder)
    for line in names_in(layout.runs_history):
        if line.partition("-")[2] == run:
            remove(f"{layout.runs_history}/{line}")


def _remove_empty(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:  # somebody writes there again, or it is gone
        return


def _runs(layout: Layout) -> Iterator[Item]:
    for name in names_in(layout.runs):
        path = f"{layout.runs}/{name}/run.json"
        item = _item(layout, path)
        content = _json(path)
        if item is None or not isinstance(content, dict):
            continue
        files = list(_paths(f"{layout.runs}/{name}"))
        records = [file for file in files if file.endswith(".json")]
        alive = content.get("state") == "running" and is_alive(content["pid"], content["host"], content["boot"])
        yield Item(
            name=item.name,
            digest="",
            size_bytes=sum(_size(file) for file in files),
            written=item.written,
            created=content["started"],
            mentions=_mentions(*records),
            is_open=alive,
        )


def _entries(layout: Layout, key: str) -> Iterator[Item]:
    for name in names_in(f"{layout.entries}/{key}"):
        path = f"{layout.entries}/{key}/{name}"
        item = _item(layout, path)
        content = _json(path)
        if item is not None and isinstance(content, dict):
            digest = name.removesuffix(".json")
            yield Item(item.name, digest, item.size_bytes, item.written, content["created"], _mentions(path))


def _objects(layout: Layout) -> Iterator[Item]:
    for prefix in names_in(layout.objects):
        for rest in names_in(f"{layout.objects}/{prefix}"):
            path = f"{layout.objects}/{prefix}/{rest}"
            item = _item(layout, path)
            if item is not None:
                mentions = _mentions_of_object(path, item.size_bytes)
                yield Item(item.name, prefix + rest, item.size_bytes, item.written, item.written, mentions)


def _mentions_of_object(path: str, size: int) -> frozenset[str]:
    try:
        with open(path, "rb") as file:
            start = file.read(len(MARK))
            if start == MARK or (start[:1] in (b"{", b"[") and size <= _LOOKED_INTO):
                return _digests(start + file.read())
    except FileNotFoundError:
        pass  # collected by another process in between
    return frozenset()


def _mentions(*paths: str) -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        try:
            with guarded(path, "read"), open(path, "rb") as file:
                found |= _digests(file.read())
        except FileNotFoundError:
            continue
    return frozenset(found)


def _digests(data: bytes) -> frozenset[str]:
    return frozenset([name.decode("ascii") for name in _NAME.findall(data)])


def _json(path: str) -> object:
    """What a record holds; None when it is gone or not JSON (`verify` deals with that)."""
    try:
        with guarded(path, "read"), open(path, "rb") as file:
            return json.loads(file.read())
    except (FileNotFoundError, ValueError):
        return None


def _item(layout: Layout, path: str) -> Item | None:
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return Item(path[len(layout.root) + 1 :], "", stat.st_size, stat.st_mtime, stat.st_mtime)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _paths(folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield f"{parent}/{name}"
