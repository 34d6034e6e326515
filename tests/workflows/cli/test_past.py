"""`tiphys runs` and `show` on a real store."""

from __future__ import annotations

import json
from pathlib import Path

from tests.workflows.cli.conftest import FIRST, SECOND, Tiphys
from tests.workflows.display.story import assert_lines
from tiphys.cluster.store.folder import FolderStore
from tiphys.workflows.cli.past_run import in_order, indices


def test_runs_newest_first(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("runs")
    assert answer.code == 0
    rows = [line.split() for line in answer.lines]
    assert rows[0] == ["run", "pipeline", "state", "started", "took", "steps"]
    assert [row[0] for row in rows[1:]] == [SECOND, FIRST]
    assert answer.lines[1].endswith("4.0 s   3 cached, 1 failed, 1 skipped")
    assert answer.lines[2].endswith("10.0 s  5 ran")


def test_runs_are_limited_before_they_are_read(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("runs", "--limit", "1", "--json")
    assert [run["run"] for run in json.loads(answer.out)["runs"]] == [SECOND]


def test_no_runs_yet(tiphys: Tiphys, store: FolderStore) -> None:
    assert tiphys("runs").lines == ["no runs yet: tiphys run FILE"]
    assert json.loads(tiphys("runs", "--json").out) == {"runs": []}


def test_show_is_in_the_order_of_the_graph(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("show", "latest")
    assert answer.code == 0
    assert_lines(
        answer.lines[3:],
        """
          n = 3

        address  items  state    took   reason
        prep     3      hit             unchanged
        train           failed   2.0 s  ValueError: bad
        report          skipped         upstream failed: train

        3 cached, 1 failed, 1 skipped
        """,
    )


def test_show_has_the_result_that_the_records_make(tiphys: Tiphys, past: FolderStore) -> None:
    document = json.loads(tiphys("show", FIRST[:8], "--json").out)
    assert document["result"]["fields"]["auc"] == 0.75
    assert [step["address"] for step in document["steps"]] == ["prep[0]", "prep[1]", "prep[2]", "train", "report"]
    assert json.loads(tiphys("show", SECOND, "--json").out)["result"] is None


def test_a_run_whose_graph_is_gone_is_still_shown(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    digest = past.run(FIRST).graph
    (project / ".tiphys" / "objects" / digest[:2] / digest[2:]).unlink()
    answer = tiphys("show", FIRST)
    assert answer.code == 0
    assert "prep     3" in answer.out
    assert "result" not in answer.out


def test_an_unknown_run_lists_what_there_is(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("show", "2025")
    assert (answer.code, answer.out) == (2, "")
    assert SECOND in answer.err


def test_another_store_is_named(tiphys: Tiphys, past: FolderStore, project: Path, tmp_path: Path) -> None:
    assert tiphys("runs", "--store", str(tmp_path / "none")).code == 2
    assert tiphys("--store", str(project / ".tiphys"), "runs").code == 0


def test_without_a_graph_records_are_in_the_order_of_their_start(past: FolderStore) -> None:
    records = in_order(past.step_records(FIRST).values(), None)
    assert [r.address for r in records] == ["prep[0]", "prep[1]", "prep[2]", "report", "train"]
    assert indices("clean[3][12]") == (3, 12)
