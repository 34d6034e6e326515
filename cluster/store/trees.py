"""Tree manifests: folders as canonical JSON objects that name files by digest (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tiphys.cluster.store.layout import canonical
from tiphys.cluster.store.records import ObjectRef

KIND = "tiphys/tree"
MARK = b'{"files":'
"""How every manifest begins: `files` is the first of its keys."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder. Paths are relative POSIX. `executable`: files with the bit; `folders`: those with nothing in them."""

    files: Mapping[str, ObjectRef]
    executable: frozenset[str] = frozenset()
    folders: tuple[str, ...] = field(default=())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(ref.size for ref in self.files.values())


def manifest(tree: Tree) -> bytes:
    """The manifest of a tree: equal trees give equal bytes. A path that leaves the tree is a `ValueError`."""
    for path in (*tree.files, *tree.folders):
        _check(path)
    files = {
        path: {"digest": ref.digest, "size": ref.size} | ({"executable": True} if path in tree.executable else {})
        for path, ref in tree.files.items()
    }
    return canonical({"files": files, "folders": sorted(tree.folders), "kind": KIND})


def parse_manifest(data: bytes) -> Tree:
    """The tree of a manifest; `ValueError` when `data` is not one."""
    try:
        content = json.loads(data)
        if content["kind"] != KIND:
            raise KeyError(f"kind {content['kind']!r}")
        files = {path: ObjectRef(f["digest"], "file", f["size"]) for path, f in content["files"].items()}
        executable = frozenset(path for path, f in content["files"].items() if f.get("executable"))
        folders = tuple(content["folders"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a tree manifest: {error!r}") from error
    for path in (*files, *folders):
        _check(path)
    return Tree(files, executable, folders)


def parents(paths: Iterable[str]) -> list[str]:
    """All folders that these paths are in, parents first."""
    found: set[str] = set()
    for path in paths:
        while "/" in path:
            path = path.rpartition("/")[0]
            found.add(path)
    return sorted(found)


def _check(path: str) -> None:
    """A manifest from elsewhere must not write outside of the folder that it is unpacked in."""
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise ValueError(f"not a path inside a tree: {path!r}")
