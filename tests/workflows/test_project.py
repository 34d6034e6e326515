"""Root, search folders and module names of a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiphys.cluster.errors import InputError
from tiphys.workflows.project import Project, find_project


def _write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("mark", ["pyproject.toml", ".git/HEAD"])
def test_root_is_the_nearest_marked_parent(tmp_path: Path, mark: str) -> None:
    _write(tmp_path, "pyproject.toml", f"a/{mark}", "a/b/flow.py")
    assert find_project(tmp_path / "a/b/flow.py").root == tmp_path / "a"


def test_root_without_marks_is_the_folder_of_the_file(tmp_path: Path) -> None:
    _write(tmp_path, "a/flow.py")
    # A mark in a parent of the temporary folder would be found: there is none on a sane machine.
    assert find_project(tmp_path / "a/flow.py").root == tmp_path / "a"


def test_the_folder_of_the_file_comes_first_then_root_settings_and_src(tmp_path: Path) -> None:
    _write(tmp_path, "pipelines/flow.py", "src/x.py", "lib/y.py")
    (tmp_path / "pyproject.toml").write_text('[tool.tiphys]\npath = ["lib"]\ninert = ["m.deco"]\n')
    project = find_project(tmp_path / "pipelines/flow.py")
    assert project.search == (tmp_path / "pipelines", tmp_path, tmp_path / "lib", tmp_path / "src")
    assert project.inert == {"m.deco"}


def test_names_are_those_below_the_first_folder_that_is_no_package(tmp_path: Path) -> None:
    _write(tmp_path, "pyproject.toml", "pipelines/flow.py", "src/pkg/__init__.py", "src/pkg/sub/__init__.py")
    _write(tmp_path, "src/pkg/sub/steps.py", "my-flow.py")
    project = find_project(tmp_path / "pipelines/flow.py")
    assert project.module_of(tmp_path / "pipelines/flow.py") == "flow"
    assert project.module_of(tmp_path / "src/pkg/sub/steps.py") == "pkg.sub.steps"
    assert project.module_of(tmp_path / "src/pkg/sub/__init__.py") == "pkg.sub"
    assert project.module_of(tmp_path / "my-flow.py") == "my-flow"
    assert find_project(tmp_path / "src/pkg/sub/steps.py").search[0] == tmp_path / "src"


def test_a_dot_in_a_module_name_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, "a.b.py")
    with pytest.raises(InputError, match=r"a\.b\.py cannot be imported"):
        find_project(tmp_path / "a.b.py").module_of(tmp_path / "a.b.py")


@pytest.mark.parametrize(("file", "rename"), [("tiphys.py", "the file"), ("tiphys/flow.py", "the folder")])
def test_our_own_name_is_refused(tmp_path: Path, file: str, rename: str) -> None:
    _write(tmp_path, "pyproject.toml")
    _write(tmp_path, "tiphys/__init__.py")
    _write(tmp_path, file)
    with pytest.raises(InputError, match="library's own name") as caught:
        find_project(tmp_path / file).module_of(tmp_path / file)
    assert caught.value.fix == f"rename {rename}"


def test_relative_is_posix_below_the_root_and_absolute_outside(tmp_path: Path) -> None:
    project = Project(tmp_path / "p", (tmp_path / "p",))
    assert project.relative(tmp_path / "p" / "a" / "ü x.csv") == "a/ü x.csv"
    assert project.relative("a/../b") == "b"
    assert project.relative(tmp_path / "pq") == str(tmp_path / "pq")
    assert project.relative("../q") == str(tmp_path / "q")
    assert project.relative(tmp_path / "p") == "."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.tiphys]\npath = 3\n", "path is 3, not a list of texts"),
        ("[tool]\ntiphys = 3\n", "tool.tiphys is 3, not a table"),
        ("[tool.tiphys\n", "cannot read"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        find_project(tmp_path / "flow.py")
