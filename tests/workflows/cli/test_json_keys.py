"""The keys of `--json`, frozen: scripts rely on them. Adding one is fine, with this list; taking one away is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workflows.cli.conftest import FIRST, SECOND, Tiphys
from tests.workflows.display.story import FAILING, GROWING, a_screen
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import Json
from tiphys.workflows.difference import Change
from tiphys.workflows.display.documents import plan_json, why_json
from tiphys.workflows.display.run_json import JsonDisplay
from tiphys.workflows.display.summary import Commands
from tiphys.workflows.plan_model import Hours, Plan, PlannedStep
from tiphys.workflows.why import Why

# fmt: off
RUN = [
    "run", "pipeline", "state", "exit_code", "started", "ended", "seconds", "parameters", "profile",
    "scope", "parent", "file", "root", "host", "argv",
]
STEP = [
    "address", "state", "reason", "key", "entry", "outputs", "started", "ended", "seconds",
    "saved_seconds", "attempts", "error",
]
# fmt: on

EVENTS = {
    "run_started": ["event", *RUN, "instances", "calls"],
    "steps_known": ["event", "scope", "instances", "calls"],
    "step_started": ["event", "address", "attempt", "reason", "pid", "at"],
    "log": ["event", "address", "text"],
    "step_retrying": ["event", "address", "attempt", "error", "delay_seconds"],
    "step_ended": ["event", *STEP],
    "warned": ["event", "text"],
    "summary": ["event", *RUN, "saved_seconds", "counts", "outputs", "failed", "next"],
}


def keys(document: Json) -> list[str]:
    assert isinstance(document, dict)
    return list(document)


def test_events_of_a_run() -> None:
    screen, stream = a_screen()
    display = JsonDisplay(screen, lambda end: Commands())
    for _, event in (*FAILING, *GROWING):
        display(event)
    found = {line["event"]: keys(line) for line in map(json.loads, stream.getvalue().splitlines())}
    assert {name: sorted(k) for name, k in found.items()} == {name: sorted(k) for name, k in EVENTS.items()}


def test_plan() -> None:
    step = PlannedStep("a", "a", "RUN", "never run before", 1, Hours(1.0, None, "limit 2 h"))
    document = plan_json(Plan("m:p", {}, "local", (step, PlannedStep("b", "b", "HIT", "")), (), {"RUN": 1, "HIT": 1}))
    assert keys(document) == ["pipeline", "parameters", "profile", "counts", "hours", "notes", "steps"]
    assert document["hours"] == {"cpu": 1.0, "gpu": 0.0, "unknown": ["a"]}
    assert keys(document["steps"][0]) == (
        ["address", "step", "verdict", "reason", "instances", "hours", "entry", "writer", "notes"]
    )
    assert document["steps"][0]["hours"] == {"cpu": 1.0, "gpu": None, "limit": "limit 2 h"}
    assert document["steps"][1]["hours"] is None


def test_why() -> None:
    document = why_json(Why("a", "r1", "succeeded", "a of run r0", (Change("code", "f", "", "edited", "-x"),), "f"))
    assert keys(document) == ["run", "address", "verdict", "base", "sentence", "changes"]
    assert keys(document["changes"][0]) == ["component", "what", "before", "after", "diff"]


def test_runs_and_show(tiphys: Tiphys, past: FolderStore) -> None:
    runs = json.loads(tiphys("runs", "--json").out)
    assert keys(runs) == ["runs"]
    assert keys(runs["runs"][0]) == [*RUN, "counts"]
    shown = json.loads(tiphys("show", FIRST, "--json").out)
    assert keys(shown) == [*RUN, "counts", "result", "steps"]
    assert keys(shown["steps"][0]) == STEP


def test_logs_and_get(tiphys: Tiphys, past: FolderStore, project: Path) -> None:
    logs = json.loads(tiphys("logs", FIRST, "--json").out)
    assert keys(logs) == ["run", "logs"]
    assert keys(logs["logs"][0]) == ["address", "run", "text"]
    listed = json.loads(tiphys("get", FIRST, "--json").out)
    assert keys(listed) == ["run", "steps"]
    assert keys(listed["steps"][0]) == ["address", "state", "outputs"]
    got = json.loads(tiphys("get", FIRST, "train", "auc", "--json").out)
    assert keys(got) == ["run", "address", "field", "value"]
    copied = json.loads(tiphys("get", FIRST, "train", "rows", "-o", "x", "--json").out)
    assert keys(copied) == ["run", "address", "field", "value", "path"]


def test_store(tiphys: Tiphys, past: FolderStore) -> None:
    held = json.loads(tiphys("store", "ls", "--json").out)
    assert keys(held) == ["store", "entries", "objects", "size_bytes", "runs", "quarantined", "steps"]
    assert keys(held["steps"][0]) == ["pipeline", "step", "entries", "objects", "size_bytes", "newest"]
    assert keys(json.loads(tiphys("store", "verify", "--json").out)) == ["checked", "size_bytes", "problems"]
    gone = json.loads(tiphys("store", "gc", "--json").out)
    assert keys(gone) == ["deleted", "size_bytes", "kept_objects", "kept_bytes", "counts", "deletions"]


def test_config_and_version(tiphys: Tiphys, project: Path) -> None:
    config = json.loads(tiphys("config", "--json").out)
    assert keys(config) == ["root", "settings"]
    assert config["settings"]["profile"] == {"value": "local", "source": "default"}
    assert keys(json.loads(tiphys("--version", "--json").out)) == ["version"]


@pytest.mark.parametrize("words", [("show", "nope"), ("get", SECOND, "train"), ("rum",), ("runs", "--limit", "x")])
def test_errors(tiphys: Tiphys, past: FolderStore, words: tuple[str, ...]) -> None:
    answer = tiphys(*words, "--json")
    document = json.loads(answer.out)
    assert keys(document) == ["error"]
    assert keys(document["error"]) == ["kind", "message", "fix", "exit_code"]
    assert document["error"]["exit_code"] == answer.code == 2
    assert answer.err.startswith("error: ")
