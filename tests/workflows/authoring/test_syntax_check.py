"""The text of a pipeline is checked for tests of results that Python cannot refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiphys.cluster.errors import InputError

from .user_code import BODY_LINE, STEPS, refused

Module = Callable[..., Any]


TEXTS = {
    "x = maybe()\nif x is None: pass": ("`is` tests 'x'", 1),
    "if None is not (y := maybe()): pass": ("`is` tests '(y := maybe())'", 0),
    "if maybe() is None: pass": ("`is` tests 'maybe()'", 0),
    "s = split()\nt = s.train\nif t is None: pass": ("`is` tests 't'", 2),
    "for x in range(2):\n    if x: y is None\n    y = number()": ("`is` tests 'y'", 1),
    "a, (b, c) = 1, (number(), 2)\nb is None": ("`is` tests 'b'", 1),
    "a, b = split(), 1\nb is None, a is None": ("`is` tests 'a'", 1),
    "from math import pi\nt = maybe\nx = t()\nx is None": ("`is` tests 'x'", 3),
    "def inner(y: Any) -> None:\n    y is None\ninner(number())": ("`is` tests 'y'", 1),
    "x = number()\nmatch x:\n    case 1: pass": ("`match` tests 'x'", 1),
    "match number(), 1:\n    case 1, 1: pass": ("`match` tests '(number(), 1)'", 0),
    "x = split()\nisinstance(x, Split)": ("isinstance() tests 'x'", 1),
    "x = split()\nhasattr(x, 'train')": ("hasattr() tests 'x'", 1),
    "x = take.after(number())(1)\nx is None": ("`is` tests 'x'", 1),
    "each([1], lambda n: take(2) if n is None else take(n))": ("`is` tests 'n'", 0),
    "def body(n: int) -> int:\n    return take(1 if n is None else n)\neach([1], body)": ("`is` tests 'n'", 1),
    "x = maybe()\nbranch(flag(), lambda: take(1 if x is None else 2), number)": ("`is` tests 'x'", 1),
    "xs = tiphys.each([1], take)\nxs is None": ("`is` tests 'xs'", 1),
    "from tiphys import each as over\nxs = over([1], take)\nxs is None": ("`is` tests 'xs'", 2),
    "import tiphys as t\nxs = t.each([1], take)\nxs is None": ("`is` tests 'xs'", 2),
    "x = y = branch(True, number, number)\ny is None": ("`is` tests 'y'", 1),
}


@pytest.mark.parametrize("body", TEXTS)
def test_the_text_is_checked_for_what_python_cannot_refuse(module: Module, body: str) -> None:
    what, line = TEXTS[body]
    assert f".py:{BODY_LINE + line}: {what}" in refused(module, body).message


def test_tests_of_values_are_allowed(module: Module) -> None:
    module(f"""{STEPS}
@pipeline
def p(n: int | None = None) -> int:
    x = take(1)
    m = n
    if n is None or isinstance(m, int):
        match n:
            case None:
                pass
    for i in [None, 1]:
        assert i is None or i == 1
    fallback = (lambda x: 1 if x is None else x)(None)
    return take(fallback)
""").p.build({})


def test_functions_that_the_pipeline_calls_are_read_too(module: Module) -> None:
    for body, line in {
        "helper(maybe())": "x is None",
        "helper(1, y=number())": "type(y)",
        "z = passed(maybe())\n    z is None": "z is None",
        "outer(maybe())": "v is None",
    }.items():
        user = module(f"""{STEPS}
def helper(x: Any, y: Any = 0) -> Any:
    if x is None:
        return 1
    return type(y)
def passed(x: Any) -> Any:
    return (x, 1)[0]
@pipeline
def inner(v: float | None) -> int:
    return take(1 if v is None else 2)
@pipeline
def outer(v: float | None) -> int:
    return inner(v)
@pipeline
def fine() -> None:
    helper(1)
    inner(0.5)
@pipeline
def p() -> None:
    {body}
""")
        user.fine.build({})
        with pytest.raises(InputError) as caught:
            user.p.build({})
        found = re.search(r"\.py:(\d+): ", caught.value.message)
        assert found is not None
        assert line in Path(user.__file__).read_text().splitlines()[int(found[1]) - 1]
