"""Artifacts and the contracts that their classes carry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiphys.cluster.artifact import Artifact, Column, File, Folder, Table, column, origin_of, unset
from tiphys.cluster.errors import InputError


class Features(Table): ...


class Raw(Table, rows=(1, None)):
    time_hour = column("timestamp[s]")
    delay = column("double", nullable=True)
    path_ = column("string", name="path")


class Dated(Raw, rows=(5, 9)):
    day = column("date32")
    delay = column("double")


def test_a_relative_path_is_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ä b.txt").write_text("x")
    file = File("sub/../ä b.txt")
    monkeypatch.chdir("/")
    assert file.path == tmp_path / "ä b.txt"
    assert str(file) == os.fspath(file) == str(tmp_path / "ä b.txt")
    with open(file) as opened:
        assert opened.read() == "x"
    assert repr(file) == f"File({str(file)!r})"


def test_artifacts_are_equal_by_class_and_path() -> None:
    assert File("/a") == File(Path("/a"))
    assert File("/a") != Folder("/a")
    assert File("/a") != "/a"
    assert len({File("/a"), File("/a"), File("/b")}) == 2
    assert File("/a")


class Origin:
    def __init__(self) -> None:
        self.errors: list[InputError] = []

    def __str__(self) -> str:
        return "split.train"

    def refused(self, error: InputError) -> None:
        self.errors.append(error)


def test_an_artifact_without_a_path_refuses_to_be_a_file() -> None:
    class Loud(Features):
        def __init__(self) -> None:
            raise AssertionError("not run")

    origin = Origin()
    artifact = unset(Loud, origin)
    assert origin_of(artifact) is origin
    assert origin_of(File("/a")) is None
    assert isinstance(artifact, Loud)
    assert repr(artifact).endswith("Loud split.train>")
    uses = (lambda: artifact.path, lambda: str(artifact), lambda: os.fspath(artifact), lambda: f"{artifact}",
            lambda: artifact == artifact, lambda: hash(artifact))  # fmt: skip
    for use in uses:
        with pytest.raises(InputError, match=r"test_artifact\.py:\d+: split\.train has no file yet"):
            use()
    assert len(origin.errors) == len(uses)


def test_contracts_are_inherited_and_named() -> None:
    assert Features.contract_columns == {}
    assert Features.contract_rows == (None, None)
    assert {n: (c.type, c.nullable) for n, c in Dated.contract_columns.items()} == {
        "time_hour": ("timestamp[s]", False),
        "delay": ("double", False),
        "path": ("string", False),
        "day": ("date32", False),
    }
    assert (Raw.contract_rows, Dated.contract_rows) == ((1, None), (5, 9))
    assert Raw.contract_columns["delay"].nullable
    assert isinstance(Raw.delay, Column)


def test_wrong_contracts_are_refused_where_they_are_written() -> None:
    with pytest.raises(InputError, match="has a column 'path'") as caught:
        type("Bad", (Table,), {"path": column("string")})
    assert 'name="path"' in caught.value.fix
    for rows in ((2, 1), 5, ("a", 2), (1, 2, 3)):
        with pytest.raises(InputError, match="rows="):
            type("Bad", (Table,), {}, rows=rows)
    with pytest.raises(InputError, match="not the name of an Arrow type"):
        column(float)  # type: ignore[arg-type]


def test_any_artifact_class_may_be_a_base() -> None:
    assert [issubclass(cls, Artifact) for cls in (File, Folder, Table, Raw)] == [True] * 4
