"""Placeholders refuse every use of their value, with the line and the way to do it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tiphys.cluster.errors import InputError

from .user_code import BODY_LINE, STEPS, refused

Module = Callable[..., Any]


USES = {
    "if number(): pass": "the truth",
    "not flag()": "the truth",
    "flag() and flag()": "the truth",
    "number() == 1": "==",
    "number() != 1": "!=",
    "1 < number()": ">",
    "number() >= 1": ">=",
    "3 in numbers()": "`in`",
    "number() in [1, 2]": "==",
    "{number(): 1}": "hash()",
    "len(numbers())": "len()",
    "numbers()[0]": "indexing",
    "table()['k']": "indexing",
    "text().upper()": "attribute 'upper'",
    "number()()": "a call",
    "f'{number():5d}'": "formatting",
    "f'{number()}'": "formatting",
    "str(number())": "str()",
    "open(text())": "the path",
    "for x in numbers(): pass": "iteration",
    "a, b = numbers()": "iteration",
    "[*numbers()]": "iteration",
    "{**table()}": "attribute 'keys'",
    "number() + 1": "arithmetic",
    "1 + number()": "arithmetic",
    "-number()": "arithmetic",
    "number() ** 2": "arithmetic",
    "x = number(); x += 1": "arithmetic",
    "int(number())": "int()",
    "range(number())": "use as an index",
    "round(number())": "round()",
    "check = isinstance; check(number(), int)": "isinstance()",
    "text().name = 1": "setting attribute 'name'",
    "import copy; copy.copy(number())": "copying or pickling",
    "sum(numbers())": "iteration",
    "split().auc > 0.5": ">",
    "'%s' % number()": "str()",
}


@pytest.mark.parametrize("body", USES)
def test_a_placeholder_refuses_every_use_of_its_value(module: Module, body: str) -> None:
    error = refused(module, body)
    assert re.search(rf"\.py:{BODY_LINE}: {re.escape(USES[body])} of \w+", error.message), error.message
    assert error.fix


def test_the_refusal_names_the_origin_and_the_way(module: Module) -> None:
    error = refused(module, "number()\nif split().auc > number():\n    pass")
    assert error.message.endswith(
        f".py:{BODY_LINE + 1}: > of split.auc is needed here, and split.auc is the result of a step: "
        "it has no value while the pipeline is built"
    )
    assert "with when(split.auc):" in error.fix
    assert "branch(split.auc, lambda: …, lambda: …)" in error.fix


def test_repr_works(module: Module) -> None:
    user = module(f"{STEPS}seen = []\n@pipeline\ndef p() -> None:\n    seen.append((repr(number()), repr(split())))\n")
    user.p.build({})
    number, split = user.seen[0]
    assert number == "<number: int, not known while the pipeline is built>"
    assert split == (
        "Split(train=<Features split.train>, auc=<split.auc: float, not known while the pipeline is built>)"
    )


@pytest.mark.parametrize(
    "body",
    ["features().path", "str(features())", "open(features())", "f'{features()}'", "features() == features()",
     "hash(features())", "split().train.path", "split() == split()", "hash(split())"],
)  # fmt: skip
def test_an_artifact_without_a_file_refuses_its_path(module: Module, body: str) -> None:
    error = refused(module, body)
    assert re.search(rf"\.py:{BODY_LINE}: (features|split\.train) has no file yet: it is a Features", error.message)
    assert "inside a step" in error.fix


@pytest.mark.parametrize("use", ["bool(number())", "features().path", "str(text())"])
def test_a_pipeline_that_catches_a_refusal_is_refused_all_the_same(module: Module, use: str) -> None:
    error = refused(module, f"try:\n    {use}\nexcept Exception:\n    pass\ntake(1)")
    assert f".py:{BODY_LINE + 1}: " in error.message


def test_results_do_not_outlive_their_build(module: Module) -> None:
    user = module(f"""{STEPS}
kept = []
@pipeline
def first() -> None:
    kept.extend([number(), features(), split()])
@pipeline
def second(n: int) -> None:
    [take, take_features, lambda s: take_features(s.train)][n](kept[n])
""")
    user.first.build({})
    for n in range(3):
        with pytest.raises(InputError, match="of another build"):
            user.second.build({"n": n})
