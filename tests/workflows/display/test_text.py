"""Amounts, times and values as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.workflows.display.text import (
    ago,
    bytes_text,
    cells,
    clean,
    clock,
    counted,
    cut,
    duration,
    headline,
    hours_text,
    iso,
    value_text,
)
from tiphys.workflows.plan_model import Hours


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.00 s"),
        (0.004, "0.00 s"),
        (0.35, "0.35 s"),
        (0.999, "1.0 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min"),
        (252, "4 min 12 s"),
        (3599.6, "1 h"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (-3, "0:00"), (83, "1:23"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "just now"), (12, "12 s ago"), (300, "5 min ago"), (7200, "2 h ago"), (9e5, "10 d ago")]
)
def test_ago(seconds: float, text: str) -> None:
    assert ago(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_234_567, "1.23 MB"), (5e18, "5e+03 PB")]
)
def test_bytes(count: float, text: str) -> None:
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (None, ""),
        (Hours(0.4, 0.0), "0.4 CPU h"),
        (Hours(0.4, 1.25), "0.4 CPU h, 1.2 GPU h"),
        (Hours(0.0001, 0.0), "< 0.01 CPU h"),
        (Hours(0.0, 0.0), "< 0.01 CPU h"),
        (Hours(1234.0, 0.0), "1,234 CPU h"),
        (Hours(None, 0.0, "limit 2 h"), "unknown (limit 2 h)"),
        (Hours(None, None), "unknown"),
        (Hours(0.5, None, "no time-out"), "0.5 CPU h, unknown GPU h (no time-out)"),
    ],
)
def test_hours_are_never_zero(hours: Hours | None, text: str) -> None:
    assert hours_text(hours) == text


def test_iso_rounds_to_milliseconds_in_utc() -> None:
    assert iso(1_795_570_602.9996) == "2026-11-25T01:36:43.000Z"
    assert iso(None) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb", "a\tb"),
        ("10%\r50%\r100%", "100%"),
        ("line\r\n", "line"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("up\x1b[2A\x1b[2Kdown", "updown"),
        ("bell\x07 and \x9b31m", "bell and 31m"),
        ("日本語", "日本語"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_cleaned_text_moves_no_cursor(text: str) -> None:
    assert not any((ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160 for c in clean(text).replace("\n", ""))


def test_headline_is_the_last_line_of_a_traceback_and_the_first_of_a_message() -> None:
    assert headline("Traceback (most recent call last):\n  File\nValueError: x\n") == "ValueError: x"
    assert headline("Traceback (most recent call last):\n  File\nValueError: x\ny\nhint: z\n") == "ValueError: x"
    cause = (
        "Traceback (most recent call last):\n  File\nKeyError: a\n\nDuring …\n\nTraceback (most recent call last):\n"
    )
    assert headline(f"{cause}  File\nOSError: b\n") == "OSError: b"
    group = "  + Exception Group Traceback (most recent call last):\n  |   File\n  | ExceptionGroup: many\n  +-+- 1 -\n"
    assert headline(f"{group}    | ValueError: 1\n") == "ExceptionGroup: many"
    assert headline("contract broken:\n  column a") == "contract broken:"
    assert headline(" \n") == "no message"


def test_cells_and_cut_count_columns_not_characters() -> None:
    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert cut("日本語", 5) == "日本…"
    assert cut("abc", 3) == "abc"
    assert cut("abc", 0) == ""


@given(st.text(), st.integers(1, 20))
def test_cut_fits(text: str, width: int) -> None:
    assert cells(cut(text, width)) <= width


def test_counted() -> None:
    assert counted(1, "step") == "1 step"
    assert counted(12_000, "entry", "entries") == "12,000 entries"


def test_values_as_they_would_be_written() -> None:
    artifact = {"$artifact": "Features", "kind": "file", "digest": "ab" * 32, "size": 2048, "name": "out.parquet"}
    value = {
        "$data": "Split",
        "fields": {
            "train": artifact,
            "when": {"$date": "2013-10-01"},
            "pair": {"$tuple": [1]},
            "names": {"$dict": {"a": ["x", None]}},
            "colour": {"$enum": "Colour", "name": "RED"},
            "rate": {"$float": "nan"},
        },
    }
    assert value_text(value) == (
        "Split(train=Features out.parquet (2.05 kB, abababababab), when=2013-10-01, pair=(1,), "
        "names={'a': ['x', None]}, colour=Colour.RED, rate=nan)"
    )
