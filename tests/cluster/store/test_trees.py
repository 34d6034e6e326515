from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster.store.records import ObjectRef
from tiphys.cluster.store.trees import MARK, Tree, manifest, parents, parse_manifest

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=5).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
TREES = st.builds(
    lambda files, marked, folders: Tree(files, frozenset(sorted(files)[:marked]), tuple(sorted(set(folders)))),
    st.dictionaries(PATHS, st.builds(ObjectRef, DIGESTS, st.just("file"), st.integers(0, 2**62))),
    st.integers(0, 3),
    st.lists(PATHS, max_size=3),
)


@given(TREES)
def test_manifests_read_back(tree: Tree) -> None:
    assert parse_manifest(manifest(tree)) == tree
    assert manifest(tree).startswith(MARK)


@given(TREES)
def test_order_does_not_count(tree: Tree) -> None:
    backwards = Tree(dict(reversed(list(tree.files.items()))), tree.executable, tuple(reversed(tree.folders)))
    assert manifest(backwards) == manifest(tree)


@given(TREES, TREES)
def test_different_trees_have_different_manifests(one: Tree, other: Tree) -> None:
    assert (manifest(one) == manifest(other)) == (one == other)


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/./b", "a/..", "", "a\0b", "a/"])
def test_paths_that_leave_the_tree_are_refused_both_ways(path: str) -> None:
    ref = ObjectRef("0" * 64, "file", 1)
    with pytest.raises(ValueError, match="not a path inside a tree"):
        manifest(Tree({path: ref}))
    data = {"kind": "tiphys/tree", "folders": [], "files": {path: {"digest": ref.digest, "size": 1}}}
    with pytest.raises(ValueError, match="not a path inside a tree"):
        parse_manifest(json.dumps(data).encode())


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"kind": "other"}', b'{"kind": "tiphys/tree", "files": []}', b"3"]
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a tree manifest"):
        parse_manifest(data)


def test_parents_come_first() -> None:
    assert parents(["a/b/c", "a/d", "e"]) == ["a", "a/b"]
