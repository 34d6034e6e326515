"""The canonical form: golden digests, comments and layout, foreign files written anew."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.workflows.closure.canonical import digest_of
from tiphys.workflows.closure.summary import summarize

GOLDEN = Path(__file__).parent / "data" / "golden.txt"
"""Statements with the first 16 digits of their digests: equal on every Python that Tiphys runs on."""


def digest(source: str) -> str:
    return digest_of(ast.parse(source).body)[0]


def golden() -> list[tuple[str, str]]:
    blocks = GOLDEN.read_text(encoding="utf-8").split("\n----\n")
    return [(block.partition("\n")[0], block.partition("\n")[2]) for block in blocks]


@pytest.mark.parametrize(("expected", "source"), golden(), ids=lambda text: text[:16].strip())
def test_golden_digests(expected: str, source: str) -> None:
    assert digest(source)[:16] == expected


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 0.0", "x = -0.0"),
        ("x = '1'", "x = b'1'"),
        ("x = None", "x = ..."),
        ("f(*a)", "f(**a)"),
        ("def f(*, a=1, b): pass", "def f(*, a, b=1): pass"),
        ("{**a, b: c}", "{a: b, **c}"),
        ("x = 'a', 'b'", "x = 'a' 'b'"),
        ("match x:\n  case None: y()", "match x:\n  case True: y()"),
        ("f'{x}'", "f'{x!r}'"),
        ("f'{x = }'", "f'{x=}'"),
        ("async def f(): g()", "def f(): g()"),
        ("x: int", "x: int = 1"),
        ("x = a.b", "x = a.c"),
        ("from . import x", "from .. import x"),
    ],
)
def test_what_differs(left: str, right: str) -> None:
    assert digest(left) != digest(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x = u'a'", "x = 'a'"),
        ("x = 0x10", "x = 16"),
        ("x = 1_000", "x = 1000"),
        ("x = 'a' 'b'", "x = 'ab'"),
        ("f'a' f'{x}' 'b' f'c'", "f'a{x}bc'"),
        ("def f():\n  'doc'\n  return 1", "def f(): return 1"),
        ("if x:\n  y()\nelse:\n  pass", "if x: y()"),
        ("class A:\n  'doc'\n  ...", "class A: pass"),
        ("x = (yield)", "x = yield"),
    ],
)
def test_what_is_the_same(left: str, right: str) -> None:
    assert digest(left) == digest(right)


def test_docstrings_have_a_digest_of_their_own() -> None:
    one = digest_of(ast.parse("def f():\n  'one'\n  def g(): 'inner'").body)
    two = digest_of(ast.parse("def f():\n  'two'\n  def g(): 'inner'").body)
    assert one[0] == two[0]
    assert one[1] != two[1]


def test_a_long_sum_and_a_long_number_are_no_trouble() -> None:
    source = "x = " + " + ".join(f"a{i}" for i in range(1500)) + "\ny = 0x" + "f" * 6000
    facts = summarize(source.encode(), "long.py")
    assert len(facts.units[0].body.now) == 1500


@pytest.mark.parametrize(
    "name",
    ["argparse", "ast", "dataclasses", "enum", "functools", "inspect", "typing", "tinydb.table", "tinydb.queries"],
)
def test_a_file_written_anew_keeps_its_digests(name: str) -> None:
    """`unparse` drops all comments and layout."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_bytes())
    again = ast.parse(ast.unparse(tree))
    for left, right in zip(tree.body, again.body, strict=True):
        assert digest_of([left]) == digest_of([right]), ast.unparse(left)[:200]


LINES = [
    "a = 1",
    "def f(x, *, y=2):",
    "    return [x, y]  ",
    "class A(B):",
    "    z: int = a",
    "    def g(self): return f(3)",
]
NOISE = st.sampled_from(["", "# a comment", "    # indented", "\n\n", '"a text"', "pass"])


@given(st.lists(NOISE, min_size=len(LINES), max_size=len(LINES)), st.booleans())
def test_comments_blank_lines_and_bare_texts_change_nothing(noise: list[str], crlf: bool) -> None:
    plain = summarize("\n".join(LINES).encode(), "a.py")
    text = "\n".join(
        f"{line}  # {extra}" if line.startswith("    ") or "\n" in extra or line.endswith(":") else f"{extra}\n{line}"
        for line, extra in zip(
            LINES,
            (
                extra.replace("\n", "") if line.startswith("    ") else extra.strip("\n ")
                for line, extra in zip(LINES, noise, strict=True)
            ),
            strict=True,
        )
    )
    noisy = summarize(text.replace("\n", "\r\n" if crlf else "\n").encode(), "a.py")
    assert [u.body.digest for u in noisy.units] == [u.body.digest for u in plain.units]
    assert [u.names for u in noisy.units] == [u.names for u in plain.units]


@given(
    st.text(max_size=40)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.binary()
)
def test_literals_survive_any_spelling(value: object) -> None:
    spelled = ast.unparse(ast.Constant(value))  # type: ignore[arg-type]
    assert digest(f"x = {spelled}") == digest(f"x = ({spelled})")
    assert digest(f"x = {spelled}") != digest(f"x = [{spelled}]")


def test_a_coding_line_is_honoured() -> None:
    text = "# -*- coding: latin-1 -*-\nx = 'é'\n"
    latin = summarize(text.encode("latin-1"), "a.py")
    assert latin.units[0].body.digest == summarize("x = 'é'\n".encode(), "a.py").units[0].body.digest
