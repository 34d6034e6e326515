"""`tiphys get` on a real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workflows.cli.conftest import FIRST, SECOND, Tiphys
from tests.workflows.display.story import assert_lines
from tiphys.cluster.errors import InputError
from tiphys.cluster.store.folder import FolderStore
from tiphys.workflows.cli.field import select, split_field


def test_without_an_address_it_lists_what_there_is(tiphys: Tiphys, past: FolderStore) -> None:
    assert_lines(
        tiphys("get", "latest").lines,
        """
        address  result
        prep[0]  0
        prep[1]  10
        prep[2]  20
        train    (failed)
        report   (skipped)
        """,
    )


def test_a_dataclass_is_listed_by_field(tiphys: Tiphys, past: FolderStore) -> None:
    lines = tiphys("get", FIRST, "train").lines
    assert lines[0] == "field   value"
    assert lines[1].startswith("all     File tree: folder, 1 B, ")
    assert lines[2:4] == ["auc     0.75", "name    'modèle'"]
    assert lines[4].startswith("rows    Rows out.csv: file, 8 B, ")
    assert lines[5] == "scores  {'north': [1, 2.5]}"


@pytest.mark.parametrize(
    ("field", "out"),
    [("auc", "0.75\n"), ("name", "modèle\n"), ("scores.north[1]", "2.5\n")],
)
def test_a_value_is_printed_for_scripts(tiphys: Tiphys, past: FolderStore, field: str, out: str) -> None:
    assert tiphys("get", FIRST, "train", field).out == out


def test_all_items_of_a_call_are_a_list(tiphys: Tiphys, past: FolderStore) -> None:
    assert tiphys("get", FIRST, "prep").lines == ["field  value", "0      0", "1      10", "2      20"]
    assert tiphys("get", FIRST, "prep[1]").out == "10\n"
    assert json.loads(tiphys("get", FIRST, "prep", "--json").out)["value"] == [0, 10, 20]


def test_a_file_is_copied(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    answer = tiphys("get", FIRST, "train", "rows", "-o", "copy.csv")
    assert (answer.code, answer.out) == (0, "copy.csv\n")
    assert (project / "copy.csv").read_text() == "a,b\n1,2\n"
    (project / "copy.csv").write_text("mine now")
    assert past.read_bytes(json.loads(tiphys("get", FIRST, "train", "rows", "--json").out)["value"]["digest"])


def test_into_a_folder_it_goes_under_its_own_name(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    (project / "results").mkdir()
    assert tiphys("get", FIRST, "train", "rows", "-o", "results").out == "results/out.csv\n"
    assert tiphys("get", FIRST, "train", "all", "-o", "results").out == "results/tree\n"
    assert (project / "results" / "tree" / "sub" / "x.txt").read_text() == "x"


def test_nothing_is_overwritten_unless_forced(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    (project / "mine.csv").write_text("mine")
    answer = tiphys("get", FIRST, "train", "rows", "-o", "mine.csv")
    assert (answer.code, answer.err) == (
        2,
        "error: mine.csv exists\nfix:   give another path, or --force to replace it\n",
    )
    assert (project / "mine.csv").read_text() == "mine"
    assert tiphys("get", FIRST, "train", "rows", "-o", "mine.csv", "--force").code == 0
    assert (project / "mine.csv").read_text() == "a,b\n1,2\n"


def test_forced_a_folder_is_replaced_whole(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    (project / "results" / "tree").mkdir(parents=True)
    (project / "results" / "tree" / "old.txt").write_text("old")
    assert tiphys("get", FIRST, "train", "all", "-o", "results", "--force").code == 0
    assert sorted(p.name for p in (project / "results").rglob("*")) == ["sub", "tree", "x.txt"]


def test_a_failed_copy_leaves_what_was_there(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    digest = json.loads(tiphys("get", FIRST, "train", "rows", "--json").out)["value"]["digest"]
    (project / ".tiphys" / "objects" / digest[:2] / digest[2:]).unlink()
    (project / "mine.csv").write_text("mine")
    before = sorted(p.name for p in project.iterdir())
    answer = tiphys("get", FIRST, "train", "rows", "-o", "mine.csv", "--force")
    assert answer.code == 5
    assert (project / "mine.csv").read_text() == "mine"
    assert sorted(p.name for p in project.iterdir()) == before


def test_a_value_is_written_as_text(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    assert tiphys("get", FIRST, "train", "auc", "-o", "auc.txt", "--json").code == 0
    assert (project / "auc.txt").read_text() == "0.75\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "acu"), "train has no field 'acu'\nfix:   did you mean auc?"),
        (("train", "auc.x"), "train.auc is one value and has no field 'x'"),
        (("train", "scores..x"), "'scores..x' is not a field"),
        (("trian",), f"run {FIRST} has no step 'trian'\nfix:   it has train"),
        (("train", "-o", "x"), "train holds 2 artifacts: all, rows\nfix:   name one of them"),
        (("train", "auc", "-o", "."), ". is a folder"),
        (("train", "rows", "-o", "no/such/x"), "there is no folder"),
        (("-o", "x"), "the result holds 2 artifacts: all, rows"),
    ],
)
def test_wrong_input(tiphys: Tiphys, past: FolderStore, words: tuple[str, ...], message: str) -> None:
    answer = tiphys("get", FIRST, *words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: {message}")


def test_a_failed_step_has_no_result(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("get", SECOND, "train")
    assert answer.code == 2
    assert answer.err.startswith(f"error: train failed in run {SECOND} and has no result: code changed")


def test_a_field_is_split_at_dots_and_brackets() -> None:
    assert split_field("a.b[3].c d") == ("a", "b", "3", "c d")
    with pytest.raises(InputError):
        split_field("a[x]")
    assert select({"$tuple": [1, 2]}, "1", where="w") == 2


def test_without_an_address_the_result_of_the_run_is_copied(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    assert tiphys("get", SECOND, "-o", "x").err.startswith(f"error: run {SECOND} has no result: -o needs an ADDRESS")
    assert f"fix:   tiphys show {SECOND}\n" in tiphys("get", SECOND, "report").err  # it never started: there is no log
    assert f"fix:   tiphys logs {SECOND} train\n" in tiphys("get", SECOND, "train").err
