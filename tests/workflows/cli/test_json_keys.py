"""The keys of `--json` are those of docs/json.md: scripts rely on them. Adding one is fine, taking one away is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.json_page import documented, keys_of, sections
from tests.workflows.cli.conftest import FIRST, SECOND, Tiphys
from tests.workflows.cli.test_store import age, flip_a_bit
from tests.workflows.display.story import FAILING, GROWING, a_screen
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import Json
from tiphys.workflows.difference import Change
from tiphys.workflows.display.documents import plan_json, why_json
from tiphys.workflows.display.run_json import JsonDisplay
from tiphys.workflows.display.summary import Commands
from tiphys.workflows.plan_model import Hours, Plan, PlannedStep
from tiphys.workflows.why import Why

# Each event and what it tells beyond its own table.
EVENTS: dict[str, tuple[str, ...]] = {
    "run_started": ("A run",),
    "steps_known": (),
    "step_started": (),
    "log": (),
    "step_retrying": (),
    "step_ended": ("A step",),
    "warned": (),
    "summary": ("A run",),
}
SECTIONS = {
    *("A run", "A step", "Events of tiphys run, rerun and spin", *EVENTS),
    *("tiphys plan", "tiphys runs", "tiphys show RUN", "tiphys logs RUN [ADDRESS]", "tiphys get RUN"),
    *("tiphys get RUN ADDRESS [FIELD]", "tiphys why RUN ADDRESS"),
    *("tiphys store ls", "tiphys store verify", "tiphys store gc", "tiphys config", "tiphys --version", "An error"),
}


def assert_is(document: Json, *titles: str, also: str = "") -> None:
    """A document has the keys of these sections of the page, no more and no less."""
    known = documented(*titles) | ({also} if also else set())
    assert keys_of(document, known) == known


def test_this_file_and_the_page_have_the_same_sections() -> None:
    assert set(sections()) == SECTIONS


def test_events_of_a_run() -> None:
    screen, stream = a_screen()
    display = JsonDisplay(screen, lambda end: Commands())
    for _, event in (*FAILING, *GROWING):
        display(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["event"] for line in lines} == EVENTS.keys()
    for line in lines:
        if line["event"] != "summary" or line["failed"]:
            assert_is(line, line["event"], *EVENTS[line["event"]])


def test_plan() -> None:
    step = PlannedStep("a", "a", "RUN", "never run before", 1, Hours(1.0, None, "limit 2 h"))
    document = plan_json(Plan("m:p", {}, "local", (step, PlannedStep("b", "b", "HIT", "")), (), {"RUN": 1, "HIT": 1}))
    assert_is(document, "tiphys plan")
    assert document["hours"] == {"cpu": 1.0, "gpu": 0.0, "unknown": ["a"]}
    assert document["steps"][0]["hours"] == {"cpu": 1.0, "gpu": None, "limit": "limit 2 h"}
    assert document["steps"][1]["hours"] is None


def test_why() -> None:
    why = Why("a", "r1", "succeeded", "a of run r0", (Change("code", "f", "", "edited", "-x"),), "f")
    assert_is(why_json(why), "tiphys why RUN ADDRESS")


def test_runs_and_show(tiphys: Tiphys, past: FolderStore) -> None:
    runs = json.loads(tiphys("runs", "--json").out)
    assert_is(runs, "tiphys runs")
    assert_is(runs["runs"][0], "A run", also="counts")
    shown = json.loads(tiphys("show", FIRST, "--json").out)
    assert_is(shown, "tiphys show RUN", "A run")
    assert_is(shown["steps"][0], "A step")


def test_logs_and_get(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    assert_is(json.loads(tiphys("logs", FIRST, "--json").out), "tiphys logs RUN [ADDRESS]")
    assert_is(json.loads(tiphys("get", FIRST, "--json").out), "tiphys get RUN")
    one = "tiphys get RUN ADDRESS [FIELD]"
    assert_is(json.loads(tiphys("get", FIRST, "train", "auc", "--json").out), one)
    assert_is(json.loads(tiphys("get", FIRST, "train", "rows", "-o", "x", "--json").out), one, also="path")


def test_store(tiphys: Tiphys, past: FolderStore) -> None:
    assert_is(json.loads(tiphys("store", "ls", "--json").out), "tiphys store ls")
    age(past, 40)
    assert_is(json.loads(tiphys("store", "gc", "--json").out), "tiphys store gc")
    flip_a_bit(tiphys, past)
    answer = tiphys("store", "verify", "--json")
    assert answer.code == 4
    assert_is(json.loads(answer.out), "tiphys store verify")


def test_config_and_version(tiphys: Tiphys, project: Path) -> None:
    config = json.loads(tiphys("config", "--json").out)
    assert_is(config, "tiphys config")
    assert config["settings"]["profile"] == {"value": "local", "source": "default"}
    assert_is(json.loads(tiphys("--version", "--json").out), "tiphys --version")


@pytest.mark.parametrize("words", [("show", "nope"), ("get", SECOND, "train"), ("rum",), ("runs", "--limit", "x")])
def test_errors(tiphys: Tiphys, past: FolderStore, words: tuple[str, ...]) -> None:
    answer = tiphys(*words, "--json")
    document = json.loads(answer.out)
    assert_is(document, "An error")
    assert document["error"]["exit_code"] == answer.code == 2
    assert answer.err.startswith("error: ")
