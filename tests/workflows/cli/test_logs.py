"""`tiphys logs` on a real store."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from tests.builders import a_run
from tests.workflows.cli.conftest import FIRST, SECOND, Tiphys
from tests.workflows.display.story import assert_lines
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.liveness import boot_mark, host_name
from tiphys.cluster.store.records import RunRecord
from tiphys.workflows.cli.logs import follow
from tiphys.workflows.display.screen import Screen


def test_all_steps_each_line_behind_its_address(tiphys: Tiphys, past: FolderStore) -> None:
    assert_lines(
        tiphys("logs", FIRST).out.split("train |", 1)[0],
        """
        prep[0] | preparing 0
        prep[0] | done 0
        prep[1] | preparing 1
        prep[1] | done 1
        prep[2] | preparing 2
        prep[2] | done 2
        """,
    )


def test_one_step_in_a_pipe_is_as_it_was_written(tiphys: Tiphys, past: FolderStore) -> None:
    assert tiphys("logs", FIRST, "train").out == "epoch 1\repoch 2\n\x1b[31mred\x1b[0m\n"


def test_all_items_of_a_call(tiphys: Tiphys, past: FolderStore) -> None:
    assert tiphys("logs", FIRST, "prep").lines[0] == "prep[0] | preparing 0"
    assert tiphys("logs", FIRST, "prep[2]").lines == ["preparing 2", "done 2"]


def test_a_hit_shows_the_log_of_the_run_that_made_it(tiphys: Tiphys, past: FolderStore) -> None:
    answer = tiphys("logs", SECOND, "prep[1]")
    assert answer.lines == ["preparing 1", "done 1"]
    assert answer.err == f"note: prep[1] was cached; this is its log in run {FIRST}\n"


def test_json(tiphys: Tiphys, past: FolderStore) -> None:
    logs = json.loads(tiphys("logs", SECOND, "--json").out)["logs"]
    assert [log["address"] for log in logs] == ["prep[0]", "prep[1]", "prep[2]", "train", "report"]
    assert logs[1] == {"address": "prep[1]", "run": FIRST, "text": "preparing 1\ndone 1\n"}
    assert logs[4]["text"] == ""


def test_a_failed_step_ends_with_its_error(tiphys: Tiphys, past: FolderStore) -> None:
    error = past.step_records(SECOND)["train"].error
    assert error
    assert tiphys("logs", SECOND, "train").lines[-len(error.splitlines()) :] == error.splitlines()
    assert tiphys("logs", SECOND).lines[-1] == f"train | {error.splitlines()[-1]}"


def test_wrong_input(tiphys: Tiphys, past: FolderStore) -> None:
    assert "it has report" in tiphys("logs", FIRST, "repotr").err
    assert tiphys("logs", FIRST, "--follow", "--json").code == 2


def running(store: FolderStore) -> RunRecord:
    """A run of this process that goes on."""
    import os

    run = a_run("live", state="running", ended=None, pid=os.getpid(), host=host_name(), boot=boot_mark())
    store.create_run(run)
    return run


def test_follow_prints_whole_lines_as_they_come_until_the_run_ends(store: FolderStore) -> None:
    run, screen = running(store), Screen(io.StringIO())
    log = store.log_path("live", "work[0]")
    log.write_text("one\ntw")
    seen: list[str] = []

    def idle() -> None:
        assert isinstance(screen.stream, io.StringIO)
        seen.append(screen.stream.getvalue())
        if len(seen) == 1:
            log.write_text("one\ntwo\n")
            store.log_path("live", "later").write_text("new step\n")
        else:
            log.write_text("one\ntwo\nlast words")
            store.finish_run(replace(run, state="succeeded", ended=1.0))

    follow(store, "live", None, screen, idle)
    assert isinstance(screen.stream, io.StringIO)
    assert seen == ["work[0] | one\n", "work[0] | one\nlater | new step\nwork[0] | two\n"]
    assert screen.stream.getvalue() == seen[-1] + "work[0] | last words\n"


def test_follow_of_one_address(store: FolderStore) -> None:
    run, screen = running(store), Screen(io.StringIO())
    for address in ("work[0]", "other"):
        store.log_path("live", address).write_text(f"{address}\n")
    follow(store, "live", "work", screen, lambda: store.finish_run(replace(run, state="failed", ended=1.0)))
    assert isinstance(screen.stream, io.StringIO)
    assert screen.stream.getvalue() == "work[0] | work[0]\n"


def test_follow_of_a_run_that_is_over_is_its_log(tiphys: Tiphys, past: FolderStore) -> None:
    assert tiphys("logs", SECOND, "train", "--follow").lines == ["train | about to fail"]
