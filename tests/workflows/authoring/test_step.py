"""Definitions of steps: what is allowed, what is refused with the reason, and steps outside a pipeline."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiphys.cluster.errors import InputError
from tiphys.workflows.graph import Literal, Output

Module = Callable[..., Any]


DEFINITIONS = {
    "f = step(lambda x: x)": "a step cannot be a lambda: it has no name",
    "def outer():\n    @step\n    def inner() -> int: ...\nouter()": "a step cannot be a nested function",
    "class A:\n    @step\n    def f(self) -> int: ...": "a step cannot be a method",
    "@step\nasync def f() -> int: ...": "a step cannot be an async function",
    "@step\ndef f() -> int:\n    yield 1": "a step cannot be a generator",
    "@step\nasync def f() -> int:\n    yield 1": "a step cannot be a generator",
    "@pipeline\nasync def f() -> int: ...": "a pipeline cannot be an async function",
    "step(print)": "@step is put on <built-in function print>, which is not a function",
    "@step\nclass A: ...": "which is not a function",
    "@step\ndef f(x: int): ...": "the step 'f' declares no result type",
    "@step\ndef f(x) -> int: ...": "the step 'f' declares no type for its parameter 'x'",
    "@step\ndef f(*xs: int) -> int: ...": "takes *args, **kwargs or position-only",
    "@step\ndef f(x: int, /) -> int: ...": "takes *args, **kwargs or position-only",
    "@pipeline\ndef f(store: str) -> int: ...": "has a parameter 'store'",
    "@step(cpus=2)\ndef f() -> int: ...": "@step has no setting 'cpus'",
    "@step(env='HOME')\ndef f() -> int: ...": "env='HOME' is not a list",
    "@step(env=['A=1'])\ndef f() -> int: ...": "'A=1' is not the name of an environment variable",
    "@step(env=['A'], secrets=['A'])\ndef f() -> int: ...": "'A' is in env and in secrets",
    "@step(retries=-1)\ndef f() -> int: ...": "retries=-1 is not a whole number from 0 up",
    "@step(gpu_type='h100')\ndef f() -> int: ...": "gpu_type='h100' and no gpu",
    "@step(cache=0)\ndef f() -> int: ...": "cache=0 is not True or False",
    "@step(cache=False, cache_for='1d')\ndef f() -> int: ...": "cache_for='1d' and cache=False",
    "@step(timeout='10m')\ndef f() -> int: ...": "timeout",
    "@step(memory='4 apples')\ndef f() -> int: ...": "memory",
    "@step(resources={'local': 1})\ndef f() -> int: ...": "'local': 1 is not an amount of hardware",
    "@step(environment=1)\ndef f() -> int: ...": "environment=1 is not a name",
    "@pipeline(parallel=0)\ndef f() -> int: ...": "@pipeline(parallel=0)",
    "Gpus(0)": "Gpus(0): not a number of whole GPUs",
    "Gpus(1, link='pcie')": "Gpus(link='pcie'): no such link",
    "Cpus(-1)": "Cpus(-1): not a number of cores",
}


@pytest.mark.parametrize("text", DEFINITIONS)
def test_definitions_are_refused_with_the_reason(module: Module, text: str) -> None:
    with pytest.raises(InputError, match=re.escape(DEFINITIONS[text])) as caught:
        module(text)
    assert caught.value.fix


RESULTS = {
    "pandas.DataFrame": ['df.to_parquet("out.parquet")', 'return Features("out.parquet")', "class Features(Table)"],
    "polars.DataFrame": ['df.write_parquet("out.parquet")', 'return Features("out.parquet")'],
    "list[pandas.DataFrame]": ['df.to_parquet("out.parquet")'],
    "numpy.ndarray": ['numpy.save("out.npy", array)', 'return File("out.npy")'],
    "set[int]": ["results are None, bool, int"],
    "bytes": ['return File("out.bin")'],
    "Path": ["return Report("],
    "Any": ["say which type"],
    "int | str": ["return one type"],
    "tuple[int, ...]": ["declare list[T]"],
    "dict[int, str]": ["dict[str, T]"],
    "Artifact": ["File, Folder, Table, Model"],
    "Wrapped": ['df.to_parquet("out.parquet")'],
    "Bare": ["annotate the field"],
}


@pytest.mark.parametrize("annotation", RESULTS)
def test_results_without_encoding_are_refused_with_the_lines_to_write(module: Module, annotation: str) -> None:
    with pytest.raises(InputError) as caught:
        module(f"""
            import numpy, pandas, polars
            from collections import namedtuple
            @dataclass
            class Wrapped:
                frame: pandas.DataFrame
            Bare = namedtuple("Bare", "a b")
            @step
            def f() -> {annotation}: ...
        """)
    assert "the step 'f' returns" in caught.value.message
    for line in RESULTS[annotation]:
        assert line in caught.value.fix, caught.value.fix


def test_allowed_results(module: Module) -> None:
    module("""
        class Color(Enum):
            RED = 1
        class Pair(NamedTuple):
            a: int
            b: "Tree | None"
        @dataclass
        class Tree:
            left: Tree | None
            pair: Pair
            tables: dict[str, Table]
        for a in (None, bool, int, float, str, date, datetime, Color, Literal[1, "a", None], Optional[int], Tree, Pair,
                  tuple[int, Pair], File, Folder, Table, Model, list[Tree], dict[str, list[Pair]], "list[Tree]"):
            def f(x: int): ...
            f.__annotations__["return"] = a
            step(f)
    """)


def test_parameters_without_encoding_are_refused_with_the_way(module: Module) -> None:
    for annotation in ("pandas.DataFrame", "list[set[int]]", "Literal[[1]]"):
        with pytest.raises(InputError, match=r"the step 'f' takes x: .* has no encoding") as caught:
            module(f"import pandas\n@step\ndef f(x: {annotation}) -> int: ...")
        assert "(`raw: Features`) whose `path` it reads" in caught.value.fix


def test_an_annotation_that_never_resolves_is_told_when_built(module: Module) -> None:
    user = module("""
        @step
        def f() -> Missing: ...
        @pipeline
        def p() -> None:
            f()
    """)
    with pytest.raises(InputError, match=r"the step 'f': an annotation cannot be resolved: name 'Missing'") as caught:
        user.p.build({})
    assert "TYPE_CHECKING" in caught.value.fix


def test_steps_outside_a_pipeline_just_run(module: Module) -> None:
    user = module("""
        @step
        def double(x: int, *, by: int = 2) -> int:
            "Twice."
            return x * by
    """)
    assert user.double(4) == 8
    assert user.double(4, by=3) == 12
    assert (user.double.__name__, user.double.__doc__, user.double.name) == ("double", "Twice.", "double")
    assert repr(user.double) == f"<step {user.__name__}:double>"
    import pickle

    assert pickle.loads(pickle.dumps(user.double)) is user.double


def test_annotations_may_name_classes_further_down(module: Module) -> None:
    user = module("""
        @step
        def fit(x: int) -> Fit: ...
        @pipeline
        def p() -> Fit:
            return fit(1)
        @dataclass(frozen=True)
        class Fit:
            model: Weights
        class Weights(File): ...
    """)
    assert user.p.build({}).result == Output("fit")
    plain = module(
        """
        from dataclasses import dataclass
        from tiphys import File, pipeline, step
        @step
        def fit(x: int) -> "Fit": ...
        @pipeline
        def p() -> "Fit":
            return fit(1)
        @dataclass
        class Fit:
            model: "Weights"
        class Weights(File): ...
        """,
        header=False,
    )
    assert plain.p.build({}).result == Output("fit")


def test_decorated_functions_keep_their_signature(module: Module) -> None:
    user = module("""
        import functools
        def logged(f):
            @functools.wraps(f)
            def inner(*args, **kwargs):
                return f(*args, **kwargs)
            return inner
        @step
        @logged
        def inc(x: int, by: int = 1) -> int:
            return x + by
        @pipeline
        def p() -> int:
            return inc(1)
    """)
    assert user.p.build({}).calls[0].arguments == {"x": Literal(1), "by": Literal(1)}
    assert user.inc(1) == 2


def test_info_of_a_step_is_relative_to_its_project(module: Module, tmp_path: Path) -> None:
    user = module("""
        @step
        def fit(x: int | None) -> float: ...
    """)
    info = user.fit.info
    assert (info.ref, info.file, info.line) == (f"{user.__name__}:fit", f"{user.__name__}.py", 8)
    assert (info.optional, info.result) == ({"x"}, "float")
    assert user.fit.hints == {"x": int | None, "return": float}
