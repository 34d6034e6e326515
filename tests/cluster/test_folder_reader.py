from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster import folder_reader
from tiphys.cluster.folder_reader import read_folders
from tiphys.cluster.folder_scan import Files, scan_files


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    for n in range(5):
        (tmp_path / f"f{n}").mkdir()
        for m in range(n):
            (tmp_path / f"f{n}" / f"é {m}").write_text(f"{n} {m}")
    return [str(path) for path in sorted(tmp_path.iterdir())]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process is worth its start."""
    monkeypatch.setattr(folder_reader, "_WORTH", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


def digests(files: list[Files]) -> list[tuple[bytes, bytes]]:
    return [(one.names, one.digest) for one in files]


def test_two_processes_find_what_one_does(folders: list[str], always: None) -> None:
    expected = [scan_files(path, None) for path in folders]
    assert digests(read_folders(folders, range(5))) == digests(expected)


@pytest.mark.parametrize("program", ["import os; os.abort()", "pass", "import sys; sys.exit(3)"])
def test_helper_that_dies_or_says_nothing_is_done_without(
    folders: list[str], always: None, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(folder_reader, "_PROGRAM", program)
    assert digests(read_folders(folders, range(5))) == digests([scan_files(path, None) for path in folders])


def test_error_of_the_helper_is_raised_here(folders: list[str], always: None) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        read_folders([*folders, "/absent"], range(6))


def test_helper_is_not_started_for_few_files_or_without_an_interpreter(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_reader, "_request", None)
    assert len(read_folders(folders, range(5))) == 5
    monkeypatch.setattr(folder_reader, "_WORTH", 0)
    monkeypatch.setattr(sys, "executable", "")
    assert len(read_folders(folders, range(5))) == 5


@given(st.lists(st.integers(0, 1_000), min_size=2))
def test_both_processes_get_a_folder(counts: list[int]) -> None:
    assert 1 <= folder_reader._half(counts) < len(counts)


def test_files_read_back(folders: list[str]) -> None:
    for path in folders:
        files = scan_files(path, None)
        assert Files.from_bytes(files.to_bytes()) == files
