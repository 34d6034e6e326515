"""What is refused while a pipeline is written and built: one message with the line, and the way to do it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiphys.cluster.errors import InputError

from .conftest import HEADER_LINES

Module = Callable[..., Any]

STEPS = """
class Features(Table): ...
@dataclass(frozen=True)
class Split:
    train: Features
    auc: float
@step
def number() -> int: ...
@step
def flag() -> bool: ...
@step
def text() -> str: ...
@step
def numbers() -> list[int]: ...
@step
def table() -> dict[str, int]: ...
@step
def features() -> Features: ...
@step
def split() -> Split: ...
@step
def maybe() -> float | None: ...
@step
def take(x: int) -> int: ...
@step
def take_features(x: Features) -> int: ...
@step
def take_many(xs: list[Features], since: date = date(2013, 1, 1)) -> int: ...
"""
BODY_LINE = HEADER_LINES + STEPS.count("\n") - 1 + 3  # the first line of the body of `p`


def refused(module: Module, body: str) -> InputError:
    """The refusal of a pipeline with this body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    user = module(f"{STEPS}@pipeline\ndef p() -> None:\n{lines}\n")
    with pytest.raises(InputError) as caught:
        user.p.build({})
    return caught.value


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
    "import tiphys\nxs = tiphys.each([1], take)\nxs is None": ("`is` tests 'xs'", 2),
    "x = y = branch(True, number, number)\ny is None": ("`is` tests 'y'", 1),
}


@pytest.mark.parametrize("body", TEXTS)
def test_the_text_is_checked_for_what_python_cannot_refuse(module: Module, body: str) -> None:
    what, line = TEXTS[body]
    if "tiphys.each" in body:
        body = body.replace("import tiphys\n", "1\n")
    user_error = refused(module, body) if "tiphys.each" not in body else refused_with_import(module, body)
    assert f".py:{BODY_LINE + line}: {what}" in user_error.message.replace(f":{BODY_LINE + line + 1}:", "::")


def refused_with_import(module: Module, body: str) -> InputError:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    user = module(f"{STEPS}@pipeline\ndef p() -> None:\n{lines}\nimport tiphys\n")
    with pytest.raises(InputError) as caught:
        user.p.build({})
    return caught.value


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


OUTSIDE = {
    "import time; time.time()": "the clock (time.time)",
    "from time import monotonic as m; m()": "the clock (time.monotonic)",
    "datetime.now()": "the clock (datetime.now)",
    "date.today()": "the clock (date.today)",
    "now = datetime.utcnow; now()": "the clock (datetime.utcnow)",
    "import random; random.random()": "randomness (random.random)",
    "import random; random.choice([1, 2])": "randomness (random.getrandbits)",
    "import random; random.Random()": "a random generator without a seed",
    "import uuid; uuid.uuid4()": "randomness (urandom)",
    "import secrets; secrets.token_hex()": "randomness (urandom)",
    "import os; os.urandom(4)": "randomness (urandom)",
    "import socket; socket.create_connection(('127.0.0.1', 9))": "the network",
    "import subprocess; subprocess.run(['true'])": "a subprocess",
    "import os; os.system('true')": "a subprocess",
    "helper()": "the clock (time.time)",
}


@pytest.mark.parametrize("body", OUTSIDE)
def test_clock_randomness_and_network_are_refused_with_the_line(module: Module, body: str) -> None:
    user = module(f"import time\ndef helper():\n    return time.time()\n@pipeline\ndef p() -> None:\n    {body}\n")
    with pytest.raises(InputError) as caught:
        user.p.build({})
    assert f".py:{HEADER_LINES + 6}: {OUTSIDE[body]} is used while the pipeline is built" in caught.value.message


def test_a_refusal_that_the_pipeline_catches_is_raised_all_the_same(module: Module) -> None:
    user = module("""
        @pipeline
        def p() -> None:
            try:
                datetime.now()
            except Exception:
                pass
    """)
    with pytest.raises(InputError, match=r"datetime\.now"):
        user.p.build({})


def test_what_is_the_same_each_time_is_allowed(module: Module) -> None:
    module("""
        import logging, random, uuid
        @pipeline
        def p() -> None:
            random.Random(7).shuffle([1, 2, 3])
            datetime(2013, 1, 1).strftime("%Y")
            uuid.uuid5(uuid.NAMESPACE_DNS, "x")
            logging.getLogger("p").warning("building")
            import xmlrpc.client
    """).p.build({})


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


@pytest.mark.parametrize("use", ["bool(number())", "features().path", "str(text())"])
def test_a_pipeline_that_catches_a_refusal_is_refused_all_the_same(module: Module, use: str) -> None:
    error = refused(module, f"try:\n    {use}\nexcept Exception:\n    pass\ntake(1)")
    assert f".py:{BODY_LINE + 1}: " in error.message


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


def test_parameters_without_encoding_are_refused_with_the_way(module: Module) -> None:
    for annotation in ("pandas.DataFrame", "list[set[int]]", "Literal[[1]]"):
        with pytest.raises(InputError, match=r"the step 'f' takes x: .* has no encoding") as caught:
            module(f"import pandas\n@step\ndef f(x: {annotation}) -> int: ...")
        assert "(`raw: Features`) whose `path` it reads" in caught.value.fix


def test_a_parameter_that_the_pipeline_changes_is_recorded_as_given(module: Module) -> None:
    user = module("""
        @pipeline
        def p(xs: list[int]) -> None:
            xs.append(2)
    """)
    assert user.p.build({"xs": [1]}).parameters == {"xs": [1]}
