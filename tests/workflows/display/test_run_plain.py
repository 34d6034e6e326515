"""A run as plain lines: golden text."""

from __future__ import annotations

import os

import pytest

from tests.workflows.display.story import (
    FAILING,
    GROWING,
    HandClock,
    a_record,
    a_screen,
    assert_lines,
    beginning,
    ending,
    failed,
    hit,
    play,
    skipped,
    uncoloured,
)
from tiphys.workflows.display.run_plain import PlainDisplay
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import Commands
from tiphys.workflows.run.events import Event, RunEnded, StepEnded


def here(end: RunEnded) -> Commands:
    return Commands()


def plain(events: tuple[tuple[float, Event], ...], commands: Commands | None = None, *, colour: bool = False) -> str:
    screen, stream = a_screen(colour=colour)
    clock = HandClock()
    play(events, PlainDisplay(screen, lambda end: commands or Commands(), clock), clock)
    return stream.getvalue()


def test_a_failing_run() -> None:
    assert_lines(
        plain(FAILING),
        """
             0.0s  run 20261125-013642-9f3a of flights:flights, 16 steps
             0.1s  ingest  cached: unchanged since run r0, 2 h ago
             0.1s  featurize  11 of 12 cached: unchanged since run r0, 2 h ago
             0.1s  warning: featurize[11]: asks for 64 GB of 16 GB, runs alone
             0.1s  featurize[11]  started: arguments changed: month 12 -> 13
             0.5s  featurize[11] | 27,000 rows
             0.9s  featurize[11]  done in 0.80 s
             1.0s  train  started: code changed: flights.train
             1.2s  train | epoch 1: 100%
             3.0s  train  attempt 1 failed, again in 2.0 s: ValueError: no rows of carrier 'ÜÖ'
             5.0s  train  started attempt 2: code changed: flights.train
             8.0s  train  failed after 2 attempts: ValueError: no rows of carrier 'ÜÖ'
             8.1s  evaluate  skipped: upstream failed: train
             8.1s  register  skipped: upstream was skipped: evaluate
        flights:flights failed in 8.1 s: 12 cached, 1 ran, 1 failed, 2 skipped; 31.0 s saved
        failed: train
          Traceback (most recent call last):
            File "flights.py", line 40, in train
              fit(features)
          ValueError: no rows of carrier 'ÜÖ'
          log: tiphys logs 20261125-013642-9f3a train
        skipped: evaluate: upstream failed: train
        skipped: register: upstream was skipped: evaluate
        run:    20261125-013642-9f3a
        next:   tiphys rerun 20261125-013642-9f3a --from-failed
        """,
    )


def test_hits_between_steps_that_run() -> None:
    assert_lines(
        plain(GROWING),
        """
             0.0s  run 20261125-013642-9f3a of flights:flights, 1 step
             0.0s  list  started: never run before
             1.0s  list  done in 1.0 s
             1.0s  3 more steps known
             1.0s  work[0]  started: never run before
             2.0s  work  1 of 3 cached: unchanged since run r0, 2 h ago
             2.0s  work[0]  done in 1.0 s
             2.0s  work[2]  started: never run before
             4.0s  work[2]  done in 2.0 s
        flights:flights done in 4.0 s: 1 cached, 3 ran; 1.5 s saved
        result: [1, 2, 3]
        run:    20261125-013642-9f3a
        """,
    )


def test_ten_thousand_hits_are_one_line() -> None:
    events: tuple[tuple[float, Event], ...] = (
        (0.0, beginning(10_000, {"work": 10_000})),
        *((0.0, hit(f"work[{i}]", 3.6)) for i in range(10_000)),
        (0.2, ending(counts={"hit": 10_000}, seconds=0.2, saved_seconds=36_000.0)),
    )
    assert_lines(
        plain(events),
        """
             0.0s  run 20261125-013642-9f3a of flights:flights, 10,000 steps
             0.2s  work  10,000 cached: unchanged since run r0, 2 h ago
        flights:flights done in 0.20 s: 10,000 cached; 10 h saved
        run:    20261125-013642-9f3a
        """,
    )


def test_what_never_started_is_one_line_a_call() -> None:
    wait = [a_record(f"work[{i}]", "cancelled", reason="interrupted by SIGINT") for i in range(900)]
    missing = [a_record(f"more[{i}]", "failed", error=f"more[{i}] is not in the cache") for i in range(900)]
    events: list[tuple[float, Event]] = [(0.0, StepEnded(record)) for record in (*wait, *missing)]
    text = plain((*events, (0.0, ending("cancelled", 130))))
    assert "work  900 cancelled: interrupted by SIGINT" in text
    assert "more  900 failed: more[0] is not in the cache" in text
    assert "failed: more[0], more[1], more[2], more[3], more[4], more[5] and 894 more\n  more[0] is not" in text
    assert len(text.splitlines()) == 7
    assert "tiphys logs" not in text


def test_one_error_of_many_items_is_told_once_and_many_errors_end() -> None:
    same = tuple((0.0, failed(f"work[{i}]", "ValueError: bad row")) for i in range(40))
    others = tuple((0.0, failed(f"other[{i}]", f"ValueError: {i}")) for i in range(9))
    text = plain((*same, *others, (1.0, ending("failed", 1, counts={"failed": 49}))))
    summary = text[text.index("flights:flights failed") :]
    assert summary.count("ValueError: bad row") == 1
    assert "failed: work[0], work[1], work[2], work[3], work[4], work[5] and 34 more" in summary
    assert "5 more failed steps: tiphys show 20261125-013642-9f3a" in summary


def test_items_that_break_a_contract_alike_are_one_error() -> None:
    def broken(i: int) -> str:
        made = f"(made by work[{i}]); correct what work[{i}] writes, or the contract of Rows"
        return f"Rows breaks its contract: 'n' is double, its contract says float: row 0: {i}.5, row 1: 7.5, … {made}"

    events = tuple((0.0, failed(f"work[{i}]", broken(i))) for i in range(12))
    text = plain((*events, (1.0, ending("failed", 2, counts={"failed": 12}))))
    summary = text[text.index("flights:flights failed") :]
    assert summary.count("breaks its contract") == 1
    assert "row 0: 0.5" in summary
    assert "work[5] and 6 more" in summary


def test_skipped_items_are_one_line() -> None:
    events: tuple[tuple[float, Event], ...] = (
        *((0.0, skipped(f"work[{i}]", f"upstream failed: prep[{i}]")) for i in range(500)),
        (0.0, ending()),
    )
    text = plain(events)
    assert "work  500 skipped: upstream failed: prep[0]" in text
    assert "skipped: work (500): upstream failed: prep[0]" in text


def test_an_effect_with_nothing_to_do_says_so() -> None:
    record = a_record("register", reason="nothing to do: version 7 has this digest", started=1.0, ended=1.5)
    assert "  register: nothing to do" in plain(((0.0, StepEnded(record)), (0.0, ending()))).splitlines()


def test_interrupted_in_another_project_the_whole_command_is_given() -> None:
    events = ((0.0, ending("cancelled", 130, counts={"cancelled": 1}, seconds=1.0)),)
    text = plain(events, Commands("/home/ann/my flights", ("--store", "/mnt/store")))
    expected = "cd '/home/ann/my flights' && tiphys rerun 20261125-013642-9f3a --store /mnt/store"
    assert text.splitlines()[-1] == f"go on:  {expected}"
    assert text.startswith("flights:flights interrupted in 1.0 s: 1 cancelled")


def test_a_spin_is_repeated_as_it_was_given() -> None:
    events = ((0.0, failed("train", "E: x")), (0.0, ending("failed", 1)))
    text = plain(events, Commands(again="tiphys spin latest train"))
    assert text.splitlines()[-1] == "next:   tiphys spin latest train"


def test_colours_change_no_character() -> None:
    assert uncoloured(plain(FAILING, colour=True)) == plain(FAILING)


def test_what_is_held_back_is_told_when_the_run_breaks_off() -> None:
    assert "work  cached" in plain(((0.0, hit("work")),))


def test_a_run_goes_on_without_words_when_its_reader_has_gone() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    clock = HandClock()
    with os.fdopen(write_end, "w") as stream:
        play(FAILING, PlainDisplay(Screen(stream), here, clock), clock)


def test_lines_are_flushed_as_they_come() -> None:
    read_end, write_end = os.pipe()
    clock = HandClock()
    with os.fdopen(write_end, "w") as stream, os.fdopen(read_end) as reader:
        display = PlainDisplay(Screen(stream), here, clock)
        display(beginning(1))
        assert reader.readline().endswith("of flights:flights, 1 step\n")


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_only_a_run_that_did_not_succeed_has_a_next_command(state: str) -> None:
    text = plain(((0.0, ending(state)),))
    assert ("tiphys rerun" in text) == (state != "succeeded")
