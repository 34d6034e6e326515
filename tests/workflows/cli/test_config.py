"""`tiphys config`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.cli.conftest import Tiphys


def test_every_setting_with_its_source(tiphys: Tiphys, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pyproject.toml").write_text('[tool.tiphys]\npath = ["lib", "src"]\nprofile = "big"\n')
    monkeypatch.setenv("TIPHYS_PARALLEL", "3")
    answer = tiphys("config", "--store", "here", "--no-color")
    assert answer.code == 0
    rows = {line.split()[0]: line.split()[1:] for line in answer.lines if line}
    assert answer.lines[0] == f"project {project}"
    assert rows["store"][-1] == "--store"
    assert rows["profile"] == ["big", "pyproject.toml", "[tool.tiphys]"]
    assert rows["parallel"] == ["3", "TIPHYS_PARALLEL"]
    assert rows["path"][:2] == ["lib,", "src"]
    assert rows["read"] == ["-", "default"]


def test_the_project_is_that_of_the_current_folder(
    tiphys: Tiphys, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(project / "deep" / "er")
    assert tiphys("config").lines[0] == f"project {project}"


def test_a_misspelt_setting_is_wrong_input(tiphys: Tiphys, project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.tiphys]\nprofil = 'big'\n")
    answer = tiphys("config")
    assert answer.code == 2
    assert "profile" in answer.err
