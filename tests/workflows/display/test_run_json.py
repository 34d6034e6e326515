"""A run as JSON lines."""

from __future__ import annotations

import json
import os

from tests.workflows.display.story import FAILING, HandClock, a_screen, beginning, play
from tiphys.workflows.display.run_json import JsonDisplay
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import Commands


def test_every_event_is_a_line_and_the_last_is_the_summary() -> None:
    screen, stream = a_screen()
    play(FAILING, JsonDisplay(screen, lambda end: Commands()), HandClock())
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == len(FAILING)
    assert lines[0]["calls"]["featurize"] == 12
    assert lines[-1]["event"] == "summary"
    assert (lines[-1]["state"], lines[-1]["exit_code"], lines[-1]["counts"]["hit"]) == ("failed", 1, 12)
    assert lines[-1]["failed"] == [{"error": FAILING[-4][1].record.error, "addresses": ["train"]}]  # type: ignore[union-attr]
    assert lines[-1]["next"] == "tiphys rerun 20261125-013642-9f3a --from-failed"


def test_a_log_line_is_told_as_it_was_written() -> None:
    screen, stream = a_screen()
    play(FAILING, JsonDisplay(screen, lambda end: Commands()), HandClock())
    logs = [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "log"]
    assert logs[1]["text"] == "epoch 1: 10%\repoch 1: \x1b[2K100%"


def test_a_run_goes_on_without_its_reader() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as stream:
        display = JsonDisplay(Screen(stream), lambda end: Commands())
        display(beginning(1))
        display(beginning(1))
