from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.worker.bench import Bench
from tiphys.workflows.worker import log_lines
from tiphys.workflows.worker.log_lines import LineReader, Redactor

SECRET = 'pa\'ss "word"\nsecond-line'


def _read(pieces: list[bytes], *secrets: str) -> list[str]:
    reader = LineReader(Redactor(secrets))
    return [line for piece in pieces for line in reader.feed(piece)] + reader.end()


@given(st.text(st.characters(exclude_characters="\r", codec="utf-8")), st.integers(1, 7))
def test_lines_do_not_depend_on_how_they_come(text: str, size: int) -> None:
    data = text.encode()
    expected = text.split("\n")
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert _read(pieces) == (expected[:-1] if expected[-1] == "" else expected)


def test_progress_bars_and_windows_ends() -> None:
    assert _read([b"10%\r20%\r30%\nplain\r\n"]) == ["30%", "plain"]


@pytest.mark.parametrize("written", [SECRET, repr(SECRET), json.dumps(SECRET), SECRET.replace("\n", " ")])
def test_no_spelling_of_a_secret_is_left(written: str) -> None:
    lines = _read([f"before {written} after".encode()], SECRET)
    text = "\n".join(lines)
    assert "word" not in text
    assert "second-line" not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@given(st.integers(0, 60), st.integers(1, 9))
def test_a_secret_across_a_cut_of_a_long_line(place: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_lines, "_LONGEST_LINE", 20)
        data = b"." * place + b"hunter2" + b"." * 30
        lines = _read([data[i : i + size] for i in range(0, len(data), size)], "hunter2")
    assert "hunter2" not in "".join(lines)
    assert "".join(lines).count("***") == 1


def test_empty_secrets_hide_nothing() -> None:
    assert _read([b"a b\n"], "", " ") == ["a b"]


def test_secrets_are_nowhere_on_disk(bench: Bench, tmp_path: Path) -> None:
    """Not in lines, log, error, answer, entry or any other file of the project, the store and the working folder."""
    secret = "correct-horse-battery"
    bench.step(
        """
        print("token is", os.environ["TOKEN"], file=sys.stderr)
        os.write(1, os.environ["TOKEN"].encode() + b"\\n")
        if fail:
            raise ValueError(os.environ["TOKEN"])
        return 1
        """,
        head="import os, sys",
        signature="work(fail: bool) -> int",
    )
    for fail in (False, True):
        ended = bench.run(arguments={"fail": fail}, secrets={"TOKEN": secret}, declared=("TOKEN",))
        assert ended.lines == ["token is ***", "***"]
    assert ended.answer.reason == "ValueError: ***"
    assert "***" in ended.answer.error
    for folder, _, names in os.walk(tmp_path):
        for name in names:
            assert secret.encode() not in Path(folder, name).read_bytes(), name
