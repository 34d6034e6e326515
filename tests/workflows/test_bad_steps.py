"""Steps that fail, end their process, or leave things behind: what the user is told, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.projects import Project
from tests.workflows.wrong import RUN, TRACEBACK, Wrong, attempt, require_failed

Make = Callable[[str], Project]


def _step(
    body: str, result: str = "int", settings: str = "", head: str = "from tiphys import File, Folder, Model"
) -> str:
    """A pipeline of one step `bad`, whose body begins at line 6; it returns 1 when it comes to its end."""
    told = f"({settings})" if settings else ""
    inside = "\n    ".join([*body.splitlines(), *([] if "return" in body else ["return 1"])])
    end = f"@pipeline\ndef p() -> {result}:\n    return bad()\n"
    return f"{head}\n@step{told}\ndef bad() -> {result}:\n    {inside}\n{end}"


def _table(columns: str) -> str:
    """Steps `ingest` (writes these columns) and `use`."""
    return f"""
import pyarrow as pa, pyarrow.parquet as pq
from tiphys import Table, column
class Raw(Table): ...
class Flights(Raw, rows=(3, 10)):
    carrier = column("string")
    delay = column("double")
@step
def ingest() -> Flights:
    pq.write_table(pa.table({columns}), "out.parquet")
    return Flights("out.parquet")
@step
def use(flights: Flights) -> int:
    return 1
@pipeline
def p() -> int:
    return use(ingest())
"""


RESULTS = {
    "None": Wrong(("the result of bad is None, declared int",), "declare what is returned", _step("return None")),
    "a set": Wrong(("is set {1}, declared list[int]",), "return sorted(values)", _step("return {1}", "list[int]")),
    "an object": Wrong(("is object <object object at",), "declare", _step("return object()")),
    "a DataFrame": Wrong(
        ("is DataFrame a 0 1, declared int",),
        'df.to_parquet("out.parquet")',
        _step("import pandas as pd\nreturn pd.DataFrame({'a': [1]})"),
    ),
    "a path": Wrong(
        ("declared File",), 'return Report("out.txt")', _step("return __import__('pathlib').Path('x')", "File")
    ),
    "missing output": Wrong(
        ("bad returns File('out.csv')", "no such file: the step wrote other.csv"),
        "correct the name",
        _step("open('other.csv', 'w').close()\nreturn File('out.csv')", "File"),
    ),
    "output outside": Wrong(
        ("bad returns File('/etc/hostname'), which is outside its working folder",),
        "return File('hostname')",
        _step("return File('/etc/hostname')", "File"),
    ),
    "output that is a link": Wrong(
        ("File('out.csv'), which is a link to /etc/passwd",),
        "write the file in the current folder",
        _step("import os; os.symlink('/etc/passwd', 'out.csv')\nreturn File('out.csv')", "File"),
    ),
    "a file for a folder": Wrong(
        ("Folder at 'out.csv' is a file (made by bad)",),
        "return a File",
        _step("open('out.csv', 'w').close()\nreturn Folder('out.csv')", "Folder"),
    ),
    "another kind": Wrong(
        ("declared Model",), "declare", _step("open('out.csv', 'w').close()\nreturn File('out.csv')", "Model")
    ),
    "a column of another type": Wrong(
        ("'delay' is string, its contract says double: row 0: 'x', row 1: 'y'", "(made by ingest)"),
        "correct what ingest writes",
        _table("{'carrier': ['a', 'b', 'c'], 'delay': ['x', 'y', 'z']}"),
    ),
    "nulls": Wrong(
        ("'delay' has nulls, its contract says nullable=False: row 1: null", "(made by ingest)"),
        "correct what ingest writes",
        _table("{'carrier': ['a', 'b', 'c'], 'delay': [1.0, None, 2.0]}"),
    ),
    "too few rows": Wrong(
        ("Flights has 1 row", "its contract says 3 to 10 (made by ingest)"),
        "the bounds of the contract",
        _table("{'carrier': ['a'], 'delay': [1.0]}"),
    ),
    "a column that is not there": Wrong(
        ("has no column 'delay' (double); there is 'dellay'",),
        "correct what ingest writes",
        _table("{'carrier': ['a', 'b', 'c'], 'dellay': [1.0, 2.0, 3.0]}"),
    ),
    "no Parquet": Wrong(
        ("Flights at 'out.parquet' is not a Parquet file",),
        'df.to_parquet("out.parquet")',
        _table("{}").replace('pq.write_table(pa.table({}), "out.parquet")', 'open("out.parquet", "w").write("abc")'),
    ),
}

RESOURCES = {
    "a GPU that is not there": Wrong(
        ("it asks for 1 GPU, and this machine has 0",),
        "nothing falls back to the CPU",
        _step("return 1", settings="gpu=1"),
    ),
    "too much memory, strictly": Wrong(
        ("it asks for 900Ti of memory, this machine has ",),
        "--strict-resources",
        _step("return 1", settings="memory='900Ti'"),
        (*RUN, "--strict-resources"),
    ),
    "a missing secret": Wrong(
        ("pipe.py:4: step 'bad' declares secrets that are not set: TOKEN_X",),
        "export TOKEN_X=",
        _step("return 1", settings="secrets=['TOKEN_X']"),
    ),
    "an undeclared variable": Wrong(
        ("step 'bad' reads the environment variable MY_FLAG at pipe.py:6",),
        "add env=['MY_FLAG']",
        _step("import os; os.environ['MY_FLAG']"),
        env={"MY_FLAG": "1"},
    ),
    "a text from outside": Wrong(
        ("pipe.py:6 executes a text from outside the project",), "@step(cache=False)", _step("exec(input())")
    ),
    "drift": Wrong(
        ("packaging 0.1, this interpreter has " + version("packaging"),),
        "uv pip install packaging==0.1, or --allow-drift",
        _step("import packaging"),
        files={"requirements.lock": "packaging==0.1\n    # via -r x.in\n"},
    ),
}

ENDS = {
    "SIGKILL": Wrong(
        ("the worker was ended by SIGKILL (out of memory, or killed by hand; peak ", "asked 1Gi"),
        "dmesg",
        _step("import os; os.kill(os.getpid(), 9)", settings="memory='1Gi'"),
        code=1,
    ),
    "os._exit": Wrong(
        ("the worker exited with 0 and left no result",), "look for os._exit", _step("import os; os._exit(0)"), code=1
    ),
    "MemoryError": Wrong(("line 6, in bad", "MemoryError"), "", _step("bytearray(1 << 60)"), code=1, tracebacks=1),
    "sys.exit": Wrong(("the step called sys.exit(2)",), "", _step("import sys; sys.exit(2)"), code=1, tracebacks=1),
    "an exception": Wrong(
        ("line 7, in f", "ValueError: three"),
        "",
        _step("def f():\n    raise ValueError('three')\nf()"),
        code=1,
        tracebacks=1,
    ),
    "a group": Wrong(
        ("ExceptionGroup: many", "ValueError: 1"), "", _step("raise ExceptionGroup('many', [ValueError(1)])"), code=1,
        tracebacks=1,
    ),
    "a file of the project": Wrong(
        ("FileNotFoundError", "hint: pipe.py is in the project, but a step runs in a working folder of its own"),
        "",
        _step("open('pipe.py')"),
        code=1,
        tracebacks=1,
    ),
    "a question": Wrong(("EOFError",), "", _step("input()"), code=1, tracebacks=1),
    "a computed import": Wrong(
        ("No module named 'a1'",), "", _step("import importlib; importlib.import_module('a' + str(1))"), code=1,
        tracebacks=1,
    ),
}  # fmt: skip

ROWS = {
    f"{table}: {name}": row
    for table, rows in {"result": RESULTS, "resources": RESOURCES, "end": ENDS}.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_it_is_told_once_and_recorded(project: Make, row: Wrong) -> None:
    require_failed(project(row.text), row)


@pytest.mark.parametrize("message", ["'x' * 1_000_000", "'x\\n' * 100_000"], ids=["one line", "many lines"])
def test_a_huge_message_is_cut(project: Make, message: str) -> None:
    row = Wrong(("ValueError: x",), "", _step(f"raise ValueError({message})"), code=1, tracebacks=1)
    done = require_failed(project(row.text), row)
    assert len(done.stdout) < 10_000
    assert ("99,9" in done.stdout and "lines are left out" in done.stdout) or "(1,000,012 characters)" in done.stdout


def test_a_violation_at_the_consumer_names_both_steps(project: Make) -> None:
    text = _table("{'carrier': ['a', 'b', 'c'], 'delay': [1.0, None, 2.0]}")
    text = text.replace("@step\ndef ingest() -> Flights", "@step\ndef ingest() -> Loose", 1)
    text = text.replace('return Flights("out', 'return Loose("out')
    text = text.replace("@step", 'class Loose(Flights):\n    delay = column("double", nullable=True)\n@step', 1)
    row = Wrong(
        ("Flights breaks its contract: 'delay' has nulls", "row 1: null (made by ingest, read by use)"),
        "correct what ingest writes",
        text,
    )
    made = project(text)
    require_failed(made, row)
    assert made.states() == {"ingest": "hit", "use": "failed"}


def test_drift_is_recorded_when_it_is_allowed(project: Make) -> None:
    row = RESOURCES["drift"]
    made = project(row.text)
    assert attempt(made, row, "--allow-drift").returncode == 0
    record = made.store.step_records(made.store.find_run("latest").id)["bad"]
    entry = made.store.entry(record.key or "", record.entry or "")
    assert entry is not None
    assert [note for note in entry.notes if "packaging 0.1, this interpreter has" in note]


def test_more_memory_than_there_is_runs_alone_with_a_warning(project: Make) -> None:
    done = project(_step("return 1", settings="memory='900Ti'")).tiphys(*RUN)
    assert done.returncode == 0
    assert "warning: bad: runs alone: it asks for 900Ti of memory, this machine has " in done.stdout


def test_plan_says_what_run_would_refuse(project: Make) -> None:
    for name in ("a GPU that is not there", "a missing secret"):
        row = RESOURCES[name]
        done = project(row.text).tiphys("plan", "pipe.py")
        assert done.returncode == 0
        assert "note: run would refuse this: " in done.stdout
        assert row.says[0] in done.stdout


def test_a_computed_import_is_noted_in_the_plan(project: Make) -> None:
    done = project(ENDS["a computed import"].text).tiphys("plan", "pipe.py")
    assert "note: pipe.py:6 imports a computed name" in done.stdout


def test_other_branches_go_on_and_the_fixed_step_alone_runs_again(project: Make) -> None:
    made = project("""
@step
def one() -> int:
    return 1
@step
def two(x: int) -> int:
    raise ValueError(f"not {x}")
@step
def three(x: int) -> int:
    return x + 2
@pipeline
def p() -> tuple[int, int]:
    x = one()
    return two(x), three(x)
""")
    done = made.tiphys(*RUN)
    assert done.returncode == 1
    assert "ValueError: not 1" in done.stdout
    made.edit('raise ValueError(f"not {x}")', "return x + 1")
    again = made.tiphys("rerun", "latest", "--from-failed")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "2 cached" in again.stdout
    assert "1 ran" in again.stdout


HARMLESS = {
    "closes its output": "import os, sys; sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)",
    "prints binary": "import sys; sys.stdout.buffer.write(bytes(range(256)))",
    "prints a lone surrogate": "print('\\udcff')",
    "changes the folder": "import os; os.chdir('/')",
    "removes its folder": "import os, shutil; shutil.rmtree(os.getcwd())",
    "leaves a daemon thread": "import threading as t; t.Thread(target=t.Event().wait, daemon=True).start()",
    "leaves a thread": "import threading as t; t.Thread(target=t.Event().wait).start()",
}


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_a_step_may_do(project: Make, body: str) -> None:
    done = project(_step(body)).tiphys(*RUN)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "result: 1" in done.stdout
    assert TRACEBACK not in done.stdout


def test_a_child_process_that_is_left_behind_is_ended(project: Make, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    body = (
        f"import subprocess\nchild = subprocess.Popen(['sleep', '99'])\nopen({str(mark)!r}, 'w').write(str(child.pid))"
    )
    assert project(_step(body)).tiphys(*RUN).returncode == 0
    status = Path(f"/proc/{mark.read_text()}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()


def test_ten_megabytes_of_output_are_cut_on_the_screen_and_whole_in_the_log(project: Make) -> None:
    made = project(_step("print('x' * 10_000_000)\nprint('end')"))
    done = made.tiphys(*RUN)
    assert done.returncode == 0
    assert len(done.stdout) < 100_000
    assert "whole in the log)" in done.stdout
    log = made.tiphys("logs", "latest", "bad").stdout
    assert log.replace("\n", "") == "x" * 10_000_000 + "end"


def test_a_file_below_another_folder_is_found(project: Make) -> None:
    body = "import os\nos.makedirs('sub'); os.chdir('sub'); open('o.txt', 'w').write('x')\nreturn File('o.txt')"
    made = project(_step(body, "File"))
    assert made.tiphys(*RUN).returncode == 0
    assert made.tiphys("get", "latest", "bad", "-o", "got.txt").returncode == 0
    assert (made.folder / "got.txt").read_text() == "x"
