"""Wrong calls, blocks and pipelines are refused when the graph is built."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tiphys.cluster.errors import InputError

from .user_code import BODY_LINE, STEPS, refused

Module = Callable[..., Any]


CALLS = {
    "take()": "take(x) was called without 'x'",
    "take(1, 2)": "take(x) takes 1 arguments by position, 2 were given",
    "take(y=1)": "take(x) has no parameter 'y'",
    "take(1, x=1)": "take(x) was given 'x' twice",
    "take('a')": "take: x is str 'a', declared int",
    "take(number)": "take: x is Step",
    "take(text())": "take: x is <text: str, not known",
    "take(maybe())": "take: x is <maybe: float | None, not known",
    "take_features(split())": "take_features: x is Split(",
    "take_features(split().auc)": "declared Features",
    "take_many([features(), number()])": "take_many: xs[1] is <number: int",
    "take_many(features())": "declared list[Features]",
    "take_many([], since='2013')": "take_many: since is str '2013', declared date",
    "take_features(Features('x.parquet'))": "which no step has made",
}


@pytest.mark.parametrize("body", CALLS)
def test_wrong_calls_are_refused_as_type_checkers_do(module: Module, body: str) -> None:
    error = refused(module, body)
    assert f".py:{BODY_LINE}: {CALLS[body]}" in error.message or (
        f".py:{BODY_LINE}: " in error.message and CALLS[body] in error.message
    )


BLOCKS = {
    "with when(flag()):\n    x = number()\ntake(x)": "take: x is number, which is skipped if `when(flag)` is not met",
    "with unless(flag()):\n    x = split()\ntake_features(x.train)": "split.train, which is skipped if `unless(flag)`",
    "with when(False):\n    x = number()\ntake(x)": "number, which is skipped if `when(False)` is not met",
    "seen = []\nbranch(flag(), lambda: seen.append(number()), lambda: None)\ntake(seen[0])": "skipped if `when(flag)`",
    "def body(n):\n    with when(flag()):\n        x = take(n)\n    return x\neach([1], body)":
        "the result of the body of each1 is take, which is skipped",
    "with when(flag()):\n    xs = numbers()\neach(xs, take)": "the items of each() is numbers, which is skipped",
    "with when(flag()):\n    x = flag()\nwith when(x):\n    number()": "flag#2, which is skipped",
    "with when(flag()):\n    x = number()\ntake_many([x, x])": "declared Features",
    "seen = []\neach([1], lambda n: seen.append(n))\ntake(seen[0])": "item of each1, which differs by item",
    "seen = []\neach([1], lambda n: seen.append(take(n)))\ntake(seen[0])": "take, which differs by item",
    "with when(number()):\n    pass": "the condition of when() is <number: int",
    "with when(1):\n    pass": "the condition of when() is int 1",
    "branch(maybe(), number, number)": "the condition of branch() is <maybe: float | None",
    "each(number(), take)": "each() over <number: int",
    "each('abc', take)": "each() over a str",
    "each({1, 2}, take)": "each() over a set",
    "each(5, take)": "each() over a int",
    "each([1], take, parallel=0)": "parallel=0",
    "take.after(number)(1)": "after(number): number has not been called yet",
    "take.after(5)(1)": "after(5): no step made this",
    "1 / 0": "ZeroDivisionError while the pipeline 'p' is built: division by zero",
    "return number()": "the result of p is <number: int",
    "flag.run()": "AttributeError",
    "p.run()": "p is run while another pipeline is built",
}  # fmt: skip


@pytest.mark.parametrize("body", BLOCKS)
def test_blocks_are_checked_when_the_graph_is_built(module: Module, body: str) -> None:
    error = refused(module, body)
    assert BLOCKS[body] in error.message, error.message
    assert re.search(r"\.py:\d+: ", error.message)
    assert error.fix


@pytest.mark.parametrize("use", ["each([1], take)", "branch(True, number, number)", "when(True)", "take.after(1)"])
def test_combinators_outside_a_pipeline_are_refused(module: Module, use: str) -> None:
    user = module(STEPS)
    with pytest.raises(InputError, match=r"is used outside a pipeline"):
        exec(use, dict(vars(user)))


def test_a_pipeline_is_not_called_but_run(module: Module) -> None:
    user = module("@pipeline\ndef p() -> None: ...")
    with pytest.raises(InputError, match=r"test_refusals\.py:\d+: p is a pipeline") as caught:
        user.p()
    assert "p.run(…)" in caught.value.fix


def test_the_result_of_a_pipeline_is_checked(module: Module) -> None:
    user = module(f"""{STEPS}
@pipeline
def nothing() -> int: ...
@pipeline
def bare():
    return number()
@pipeline
def quiet():
    number()
@pipeline
def skipped() -> int:
    with when(flag()):
        x = number()
    return x
""")
    for name, message in {
        "nothing": "returns nothing",
        "bare": "declares no result type",
        "skipped": "which is skipped",
    }.items():
        with pytest.raises(InputError, match=message):
            getattr(user, name).build({})
    assert user.quiet.build({}).result is None


def test_steps_of_scripts_and_notebooks_are_refused_with_the_way_out(module: Module, monkeypatch: Any) -> None:
    user = module("@step\ndef f() -> int: ...\n@pipeline\ndef p() -> int:\n    return f()\n")
    monkeypatch.setattr(user.f, "module", "__main__")
    with pytest.raises(InputError, match=r"the step 'f' is defined in __main__") as caught:
        user.p.build({})
    assert "tiphys run" in caught.value.fix
    monkeypatch.setattr(user.p, "module", "__main__")
    for start in (user.p.run, user.p.plan):
        with pytest.raises(InputError, match=r"the pipeline 'p' is defined in __main__"):
            start()
    monkeypatch.setattr(user.p, "file", "/tmp/ipykernel_17/1234.py")
    with pytest.raises(InputError, match="is defined in a notebook") as caught:
        user.p.run()
    assert "move it to a file" in caught.value.fix


def test_a_step_must_be_found_by_its_name(module: Module) -> None:
    user = module("""
        def double(x: int) -> int: ...
        twice = step(double)
        @pipeline
        def p() -> int:
            return twice(1)
    """)
    with pytest.raises(InputError, match="a worker could not find it by that name"):
        user.p.build({})


def test_steps_are_not_run_in_threads_of_a_build(module: Module) -> None:
    user = module("""
        from concurrent.futures import ThreadPoolExecutor
        ran = []
        @step
        def f(x: int) -> int:
            ran.append(x)
        @pipeline
        def p() -> None:
            with ThreadPoolExecutor() as pool:
                list(pool.map(f, [1, 2]))
    """)
    with pytest.raises(InputError, match="a step is called in another thread while a pipeline is built"):
        user.p.build({})
    assert not user.ran


def test_a_parameter_that_the_pipeline_changes_is_recorded_as_given(module: Module) -> None:
    user = module("""
        @pipeline
        def p(xs: list[int]) -> None:
            xs.append(2)
    """)
    assert user.p.build({"xs": [1]}).parameters == {"xs": [1]}
