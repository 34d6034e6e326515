"""A checkout whose links became text files must not build an empty package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.installed import build, copy_of_the_tree


@pytest.mark.parametrize("name", ["workflows", "cluster"])
def test_a_link_that_is_a_text_file_stops_the_build(tmp_path: Path, name: str) -> None:
    tree = copy_of_the_tree(tmp_path / "tree")
    link = tree / "tiphys" / name
    link.unlink()
    link.write_text(f"../{name}")  # as git writes it with `core.symlinks=false`

    done = build(tree, tmp_path / "out")

    assert done.returncode != 0
    assert f"tiphys/{name} is not a link to the folder {name}/" in done.stderr
    assert "core.symlinks=true" in done.stderr
    assert not list((tmp_path / "out").glob("*.whl"))


def test_the_same_tree_with_its_links_builds(tmp_path: Path) -> None:
    done = build(copy_of_the_tree(tmp_path / "tree"), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "out").glob("*.whl"))
