"""Where text goes, and tables on wide, narrow and no terminals."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.display.story import a_screen, assert_lines
from tiphys.workflows.display.screen import Screen, screen_for, wrap
from tiphys.workflows.display.table import table
from tiphys.workflows.display.text import cells

ROWS = (
    ["train", "RUN", "code changed: flights.train (flights.py:40)"],
    ["日本[3]", "HIT", "unchanged since run r0, 2 h ago"],
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("environ", "no_colour", "terminal", "colour"),
    [
        ({}, False, True, True),
        ({"NO_COLOR": "1"}, False, True, False),
        ({"NO_COLOR": ""}, False, True, True),
        ({}, True, True, False),
        ({"TERM": "dumb"}, False, False, False),
    ],
)
def test_colour(environ: dict[str, str], no_colour: bool, terminal: bool, colour: bool) -> None:
    screen = screen_for(Terminal(), environ, no_colour=no_colour, columns=lambda _: 132)
    assert (screen.terminal, screen.colour) == (terminal, colour)


def test_width_is_the_terminals_or_that_of_columns() -> None:
    assert screen_for(Terminal(), {}, columns=lambda _: 132).width == 132
    assert screen_for(Terminal(), {"COLUMNS": "40"}, columns=lambda _: 132).width == 40
    assert screen_for(Terminal(), {"COLUMNS": "wide"}, columns=lambda _: 132).width == 80


def test_a_pipe_gets_neither_colour_nor_bounds() -> None:
    screen = screen_for(io.StringIO(), {})
    assert (screen.terminal, screen.colour) == (False, False)
    assert screen.state("failed") == "failed"


def test_an_address_has_one_colour_for_all_items() -> None:
    screen, _ = a_screen(colour=True)
    assert screen.address("work[1]").split("work")[0] == screen.address("work[2]").split("work")[0]


def test_after_the_reader_has_gone_nothing_is_written_and_nothing_fails() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as stream:
        screen = Screen(stream)
        with pytest.raises(BrokenPipeError):
            screen.lines(["lost"])
        screen.mute()
        screen.lines(["also lost"])


def test_json_is_one_line_of_utf8_and_refuses_nan() -> None:
    screen, stream = a_screen()
    screen.json({"a": "ü\n"})
    assert stream.getvalue() == '{"a": "ü\\n"}\n'
    with pytest.raises(ValueError, match="Out of range"):
        screen.json(float("nan"))


def test_a_table_in_a_pipe_has_whole_lines() -> None:
    screen, _ = a_screen()
    assert_lines(
        table(screen, ("address", "verdict", "reason"), ROWS, state=1),
        """
        address  verdict  reason
        train    RUN      code changed: flights.train (flights.py:40)
        日本[3]  HIT      unchanged since run r0, 2 h ago
        """,
    )


def test_a_terminal_wraps_the_last_column() -> None:
    screen, _ = a_screen(terminal=True, width=46)
    assert_lines(
        table(screen, ("address", "verdict", "reason"), ROWS, state=1),
        """
        address  verdict  reason
        train    RUN      code changed: flights.train
                          (flights.py:40)
        日本[3]  HIT      unchanged since run r0, 2 h
                          ago
        """,
    )


def test_a_narrow_terminal_gives_the_last_column_lines_of_its_own() -> None:
    screen, _ = a_screen(terminal=True, width=30)
    assert_lines(
        table(screen, ("address", "verdict", "reason"), ROWS, state=1),
        """
        address  verdict
            reason
        train    RUN
            code changed:
            flights.train
            (flights.py:40)
        日本[3]  HIT
            unchanged since run r0, 2
            h ago
        """,
    )


def test_a_table_without_rows_is_nothing() -> None:
    assert table(a_screen()[0], ("a", "b"), ()) == []


@given(
    st.lists(st.tuples(st.text("aé日 ", max_size=12), st.text("bü日 ", max_size=60)), min_size=1), st.integers(16, 90)
)
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, str]], width: int) -> None:
    screen, _ = a_screen(terminal=True, width=width)
    assert all(cells(line) <= width for line in table(screen, ("name", "text"), rows))


@given(st.text(), st.integers(2, 30))
def test_wrap_keeps_every_character_but_spaces(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cells(line) <= width for line in lines)
