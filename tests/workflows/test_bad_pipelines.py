"""Wrong pipelines and parameters: told before anything has started, with the user's line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.projects import Project
from tests.workflows.wrong import NUMBER, RIGHT, RUN, TRACEBACK, Wrong, attempt, require_refused

Make = Callable[[str], Project]


def _pipeline(body: str, result: str = "int") -> str:
    """A pipeline with this body; its first line is line 9 of the file."""
    return f"{NUMBER}@pipeline\ndef p(n: int = 1) -> {result}:\n    " + body.replace("\n", "\n    ") + "\n"


def _step(code: str, call: str = "bad()", head: str = "") -> str:
    """A file whose step is `code`, beginning at line 4."""
    return f"{head}\n{code}\n@pipeline\ndef p() -> int:\n    return {call}\n"


def _use(use: str, name: str, fix: str) -> Wrong:
    text = _pipeline(f"x = number()\n{use}\nreturn x")
    return Wrong(("pipe.py:10: ", name, "while the pipeline is built"), fix, text)


def _result(declared: str, says: str, fix: str, head: str = "") -> Wrong:
    text = _step(f"@step\ndef bad() -> {declared}:\n    raise AssertionError", head=head)
    return Wrong(("pipe.py:4: the step 'bad' returns ", says), fix, text)


PLACEHOLDERS = {
    "if": _use("if x: pass", "the truth of number", "with when(number):"),
    "==": _use("assert x == 1", "== of number", "branch(number, "),
    "in": _use("x in [1]", "== of number", "branch(number, "),
    "len": _use("len(x)", "len() of number", "each(number, "),
    "f-string": _use("f'{x}'", "formatting of number", "write a step that takes it"),
    "print": _use("print(x)", "str() of number", "write a step that takes it"),
    "+": _use("x + 1", "arithmetic of number", "write a step that takes it"),
    "for": _use("for i in x: pass", "iteration of number", "each(number, "),
    "[0]": _use("x[0]", "indexing of number", "each(number, "),
    "range": _use("range(x)", "number is the result of a step", "write a step that takes it"),
    "is": _use("x is None", "`is` tests 'x', the result of a step", "`with when(…):` or `branch(…)`"),
    "match": _use("match x:\n    case 1: pass", "`match` tests 'x'", "`with when(…):` or `branch(…)`"),
    "isinstance": _use("isinstance(x, int)", "isinstance() tests 'x'", "`with when(…):` or `branch(…)`"),
}

SHAPES = {
    "pipelines that call each other": Wrong(
        ("pipe.py:12: pipelines call each other without end: p -> q -> p",),
        "end it by a plain `if` on a parameter",
        f"{NUMBER}@pipeline\ndef p() -> int:\n    return q()\n@pipeline\ndef q() -> int:\n    return p()\n",
        ("run", "pipe.py:p"),
    ),
    "a pipeline that calls itself": Wrong(
        ("pipe.py:9: pipelines call each other without end: p -> p -> p",), "plain `if`", _pipeline("return p(n + 1)")
    ),
    "after a later call": Wrong(
        ("pipe.py:9: after(number): number has not been called yet",),
        "call number first",
        _pipeline("return number.after(number)()"),
    ),
    "recursion in a helper": Wrong(
        ("pipe.py:9: RecursionError while the pipeline 'p' is built",),
        "correct the line",
        _pipeline("def f(n):\n    return f(n)\nf(1)\nreturn number()"),
    ),
    "the user's error": Wrong(
        ("pipe.py:9: KeyError while the pipeline 'p' is built: 'a'",), "correct the line", _pipeline("return {}['a']")
    ),
    "a result of another type": Wrong(
        ("pipe.py:7: the result of p is <number: int,", "declared list[str]"),
        "change the annotation",
        _pipeline("return number()", "list[str]"),
    ),
    "a step that takes something else": Wrong(
        ("pipe.py:13: double: x is str 'a', declared int",),
        "pass what is declared",
        f"{NUMBER}@step\ndef double(x: int) -> int:\n    return x\n@pipeline\ndef p() -> int:\n"
        "    number()\n    return double('a')\n",
    ),
    "a misspelt argument": Wrong(
        ("pipe.py:9: number() has no parameter 'x'",), "it takes none", _pipeline("return number(x=1)")
    ),
}

STEPS = {
    "lambda": Wrong(("pipe.py:4: a step cannot be a lambda",), "plain `def`", _step("bad = step(lambda: 1)")),
    "nested function": Wrong(
        ("pipe.py:5: a step cannot be a nested function: make.<locals>.bad",),
        "top level of a module",
        _step("def make():\n    @step\n    def bad() -> int:\n        return 1\n    return bad\nbad = make()"),
    ),
    "async": Wrong(
        ("pipe.py:4: a step cannot be an async function",), "def", _step("@step\nasync def bad() -> int:\n    return 1")
    ),
    "method": Wrong(
        ("pipe.py:5: a step cannot be a method: A.bad",),
        "top level of a module",
        _step("class A:\n    @step\n    def bad(self) -> int:\n        return 1", "A().bad()"),
    ),
    "generator": Wrong(
        ("pipe.py:4: a step cannot be a generator",), "def", _step("@step\ndef bad() -> list[int]:\n    yield 1")
    ),
    "class": Wrong(("pipe.py:4: @step is put on <class 'pipe.bad'>",), "a `def`", _step("@step\nclass bad: pass")),
    "no result type": Wrong(
        ("pipe.py:4: the step 'bad' declares no result type",), "-> None:", _step("@step\ndef bad(): pass")
    ),
    "no parameter type": Wrong(
        ("pipe.py:4: the step 'bad' declares no type for its parameter 'x'",),
        "annotate it: `x: int`",
        _step("@step\ndef bad(x) -> int: return 1", "bad(1)"),
    ),
    "renamed": Wrong(
        ("pipe.number is not this step: a worker could not find it",),
        "write @step above `def number`",
        _step(f"{NUMBER}good = number\nnumber = 3", "good()"),
    ),
    "returns object": _result("object", "its consumers could not be checked", "say which type"),
    "returns a set": _result("set[int]", "set[int] has no encoding", "list[T]"),
    "returns an iterator": _result("Iterator[int]", "Iterator", "list[T]", "from collections.abc import Iterator"),
    "returns a DataFrame": _result("pd.DataFrame", "DataFrame", 'df.to_parquet("out.parquet")', "import pandas as pd"),
    "memory 4GB": Wrong(
        ("pipe.py:4: step 'bad': memory='4GB'", "did you mean 'G'?"),
        "4Gi",
        _step("@step(memory='4GB')\ndef bad() -> int: return 1"),
    ),
    "memory without unit": Wrong(
        ("step 'bad': memory=4 is 4 bytes",), '"4Gi"', _step("@step(memory=4)\ndef bad() -> int: return 1")
    ),
    "timeout 5m": Wrong(
        ("pipe.py:4: step 'bad': timeout='5m'", "minutes or months"),
        "5min",
        _step("@step(timeout='5m')\ndef bad() -> int: return 1"),
    ),
    "misspelt setting": Wrong(
        ("step 'bad': @step has no setting 'memmory'",),
        "did you mean 'memory'?",
        _step("@step(memmory='4Gi')\ndef bad() -> int: return 1"),
    ),
    "one text for a list": Wrong(
        ("step 'bad': reads='a.csv' is not a list",),
        "['a.csv']",
        _step("@step(reads='a.csv')\ndef bad() -> int: return 1"),
    ),
    "reads a missing file": Wrong(
        ("pipe.py:4: step 'bad' declares reads='nope.csv': there is no such file",),
        "relative to /",
        _step("@step(reads=['nope.csv'])\ndef bad() -> int: return 1"),
    ),
}

PARAMETERS = {
    "unknown": Wrong(("no parameter 'm'",), "its parameters: n", _pipeline("return number()"), (*RUN, "-p", "m=3")),
    "close": Wrong(("no parameter 'nn'",), "did you mean n?", _pipeline("return number()"), (*RUN, "-p", "nn=3")),
    "ill-typed": Wrong(("-p n=abc is not an int",), "-p n=5", _pipeline("return number()"), (*RUN, "-p", "n=abc")),
    "missing": Wrong(("'p' needs a value for 'k' (int)",), "pass -p k=…", RIGHT.replace("p()", "p(k: int)")),
    "twice": Wrong(("-p n is given twice: '1' and '2'",), "once", words=(*RUN, "-p", "n=1", "-p", "n=2")),
    "without a value": Wrong(("-p 'n' is not NAME=VALUE",), "-p epochs=3", words=(*RUN, "-p", "n")),
    "without -p": Wrong(("'n=1' is not expected here",), "given as -p n=1", words=(*RUN, "n=1")),
}

IMPORTS = {
    "syntax": Wrong(
        ("pipe.py does not import: pipe.py:11: SyntaxError: invalid syntax", "def broken(:"),
        "`python pipe.py` shows the same error",
        f"{RIGHT}def broken(:\n",
    ),
    "syntax of a helper": Wrong(
        ("pipe.py does not import: helper.py:2: SyntaxError",),
        "correct the line",
        f"import helper\n{RIGHT}",
        files={"helper.py": "x = 1\ndef broken(:\n"},
    ),
    "no such module": Wrong(
        ("pipe.py:3: ModuleNotFoundError: No module named 'no_such_thing'", "import no_such_thing"),
        "install no_such_thing, or add its folder to [tool.tiphys] path",
        f"import no_such_thing\n{RIGHT}",
    ),
    "no such name": Wrong(
        ("pipe.py:3: ImportError: cannot import name 'nope'",),
        "correct the line",
        f"from helper import nope\n{RIGHT}",
        files={"helper.py": ""},
    ),
    "a circle": Wrong(
        ("helper.py:1: ImportError: cannot import name 'number'", "circular import"),
        "correct the line",
        f"import helper\n{RIGHT}",
        files={"helper.py": "from pipe import number\n"},
    ),
    "an exception in a helper": Wrong(
        ("helper.py:2: RuntimeError: deep", "raise RuntimeError('deep')"),
        "correct the line",
        f"import helper\n{RIGHT}",
        files={"helper.py": "def f():\n    raise RuntimeError('deep')\nf()\n"},
    ),
    "sys.exit": Wrong(
        ("pipe.py:4: SystemExit: 3",), '`if __name__ == "__main__":`', f"import sys\nsys.exit(3)\n{RIGHT}"
    ),
    "os._exit": Wrong(
        ("importing pipe.py ended the process with exit code 7",), "os._exit", f"import os\nos._exit(7)\n{RIGHT}"
    ),
    "killed": Wrong(
        ("importing pipe.py ended in SIGKILL",), "python", f"import os\nos.kill(os.getpid(), 9)\n{RIGHT}", code=1
    ),
    "not UTF-8": Wrong(
        ("helper.py:1: SyntaxError",), "correct", f"import helper\n{RIGHT}", files={"helper.py": b"'\xff'"}
    ),
    "no pipeline": Wrong(("pipe.py defines no pipeline",), "with @pipeline", "x = 1\n"),
    "unknown pipeline": Wrong(("pipe.py has no pipeline 'q'",), "there is pipe.py:p", words=("run", "pipe.py:q")),
    "several pipelines": Wrong(
        ("pipe.py defines 2 pipelines",),
        "name one: pipe.py:p, pipe.py:q",
        f"{RIGHT}@pipeline\ndef q() -> int:\n    return number()\n",
    ),
    "a step as pipeline": Wrong(("no pipeline 'number'",), "there is pipe.py:p", words=("run", "pipe.py:number")),
    "a notebook": Wrong(
        ("x.ipynb is a notebook",), "into a .py file", words=("run", "x.ipynb"), files={"x.ipynb": "{}"}
    ),
    "a folder": Wrong((". is a folder",), "give the file of the pipeline", words=("run", ".")),
    "a missing file": Wrong(("pip.py: there is no such file",), "did you mean pipe.py?", words=("run", "pip.py")),
    "without .py": Wrong(
        ("script has no name",), "rename it to script.py", words=("run", "script"), files={"script": ""}
    ),
    "a dot in the name": Wrong(("'a.b' has a dot",), "rename it", words=("run", "a.b.py"), files={"a.b.py": ""}),
    "a name of Python's": Wrong(
        ("time.py cannot be imported: its name means a module inside of Python",),
        "rename the file",
        words=("run", "time.py"),
        files={"time.py": ""},
    ),
}

ROWS = {
    f"{table}: {name}": row
    for table, rows in {
        "placeholder": PLACEHOLDERS,
        "pipeline": SHAPES,
        "step": STEPS,
        "parameter": PARAMETERS,
        "file": IMPORTS,
    }.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_it_is_told_in_one_message_before_anything_starts(project: Make, row: Wrong) -> None:
    require_refused(project(row.text), row)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("placeholder: +", '/pipe.py", line 10, in p'),
        ("pipeline: the user's error", '/pipe.py", line 9, in p'),
        ("file: an exception in a helper", '/helper.py", line 2, in f'),
        ("parameter: ill-typed", '/values_parse.py", line '),
    ],
)
def test_debug_shows_the_traceback_down_to_the_users_frame(project: Make, name: str, frame: str) -> None:
    row = ROWS[name]
    done = attempt(project(row.text), row, "--debug")
    assert done.returncode == 2
    assert TRACEBACK in done.stderr
    assert "In the process that builds the pipeline:" in done.stderr
    assert frame in done.stderr
    assert "\nerror: " in done.stderr
    assert "\nfix:   " in done.stderr


def test_what_was_there_stays_and_a_mended_pipeline_hits(project: Make) -> None:
    made = project(RIGHT)
    assert made.tiphys(*RUN).returncode == 0
    first = made.store.find_run("latest")
    for broken in (PLACEHOLDERS["if"].text, IMPORTS["syntax"].text, STEPS["reads a missing file"].text, "x = 1\n"):
        made.write(broken)
        assert made.tiphys(*RUN).returncode == 2
    assert made.store.find_run("latest") == first
    assert made.tiphys("get", "latest", "number").stdout == "3\n"
    made.write(RIGHT)
    assert made.states() == {"number": "hit"}
