"""Folders into the store and out of it: walks, modes, and trees written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from tiphys.cluster.errors import InputError, MissingObject
from tiphys.cluster.store.objects import Objects
from tiphys.cluster.store.records import ObjectRef
from tiphys.cluster.store.trees import Tree, manifest, parents, parse_manifest
from tiphys.cluster.store.writing import guarded


def put_folder(objects: Objects, path: Path) -> ObjectRef:
    """Store every file of a folder and its manifest. Links and special files are an `InputError` that names them."""
    files: dict[str, ObjectRef] = {}
    executable: set[str] = set()
    folders: list[str] = []
    for entry, relative in _walk(path):
        if entry is None:
            folders.append(relative)
            continue
        digest, size = objects.put_file(Path(entry.path))
        files[relative] = ObjectRef(digest, "file", size)
        if entry.stat(follow_symlinks=False).st_mode & 0o100:
            executable.add(relative)
    return put_tree(objects, Tree(files, frozenset(executable), tuple(folders)))


def put_tree(objects: Objects, tree: Tree) -> ObjectRef:
    """Store the manifest of a tree whose files are in the store."""
    try:
        data = manifest(tree)
    except ValueError as error:
        raise InputError(f"a tree manifest cannot hold this: {error}", fix="use relative POSIX paths") from error
    return ObjectRef(objects.put_bytes(data), "tree", tree.size)


def read_tree(objects: Objects, digest: str) -> Tree:
    """The tree of a manifest; `MissingObject` when it is absent or no manifest."""
    data = objects.read(digest)
    try:
        return parse_manifest(data)
    except ValueError as error:
        raise MissingObject(digest, f"object {digest[:12]} is used as a tree: {error}") from error


def tree_fault(objects: Objects, digest: str) -> str:
    """Empty when the manifest and all its files are there and right, else a sentence about the first that is not."""
    try:
        tree = read_tree(objects, digest)
    except MissingObject as error:
        return error.message
    for path, ref in tree.files.items():
        fault = objects.fault(ref.digest, ref.size)
        if fault:
            return f"{fault} ({path} of tree {digest[:12]})"
    return ""


def with_contents(objects: Objects, refs: Iterable[ObjectRef]) -> Iterator[str]:
    """The digests of these objects and of the files in those that are trees."""
    for ref in refs:
        yield ref.digest
        if ref.kind == "tree":
            for file in read_tree(objects, ref.digest).files.values():
                yield file.digest


def write_tree(objects: Objects, tree: Tree, destination: str) -> None:
    """Write all files of a tree below the new folder `destination`, which appears when it is complete."""
    if os.path.lexists(destination):
        raise InputError(f"{destination} exists already", fix="give a new path, or delete it first")
    aside = f"{destination}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with guarded(destination, "write"):
            os.mkdir(aside)
            for folder in (*parents((*tree.files, *tree.folders)), *tree.folders):
                os.makedirs(f"{aside}/{folder}", exist_ok=True)
            for path, ref in tree.files.items():
                objects.copy_out(ref.digest, f"{aside}/{path}", executable=path in tree.executable)
            os.rename(aside, destination)
    except FileNotFoundError:
        raise InputError(f"{os.path.dirname(destination)}: no such folder", fix="make the folder first") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _walk(root: Path) -> Iterator[tuple[os.DirEntry[str] | None, str]]:
    """Files as (entry, relative path) and folders without content as (None, relative path), in order of names."""
    if root.is_symlink() or not root.is_dir():
        raise InputError(f"{root} is not a folder", fix="give the path of a folder")
    waiting = [(str(root), "")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        if not entries and prefix:
            yield None, prefix[:-1]
        for entry in entries:
            relative = prefix + _checked_name(entry)
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, f"{relative}/"))
            elif entry.is_file(follow_symlinks=False):
                yield entry, relative
            else:
                kind = "a symbolic link" if entry.is_symlink() else "a device, pipe or socket"
                raise InputError(f"{entry.path} is {kind}", fix="a stored folder holds files and folders only; copy it")


def _checked_name(entry: os.DirEntry[str]) -> str:
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{entry.path!r}: the name is not UTF-8", fix="rename the file") from None
    return entry.name
