"""Two independent judges of a closure, for packages that we did not write.

*Trace*: every function that runs while the entry runs must be in the closure. *Slice* (stronger: constants, effects and
order count too): in a copy of the program where all else is removed or raises when used, the entry gives the same.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tiphys.workflows.closure import CodeClosure

_RUNNER = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import main
for module in filter(None, sys.argv[2].split(",")):
    __import__(module)
answers = {}
for name in sys.argv[3:]:
    read, write = os.pipe()
    if os.fork() == 0:
        seen = set()
        def profile(frame, event, argument):
            if event == "call":
                seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno, frame.f_code.co_name))
        sys.setprofile(profile)
        try:
            out = getattr(main, name)()
        except Exception as error:
            out = "raised " + repr(error)
        sys.setprofile(None)
        with os.fdopen(write, "w") as pipe:
            json.dump([out, sorted(seen)], pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answers[name] = json.load(pipe)
    os.wait()
print("\\n" + json.dumps(answers))
"""

_IMPORTS = (ast.Import, ast.ImportFrom)
_ABSENT = '''
class _Absent:
    """Stands for a statement outside the closure."""
    def __init__(self, name): object.__setattr__(self, "_name", name)
def _refuse(name):
    def method(self, *args, **kwargs):
        raise RuntimeError(object.__getattribute__(self, "_name") + " is outside the closure")
    setattr(_Absent, name, method)
for _n in ("getattribute setattr call iter len bool getitem setitem contains eq hash add radd sub mul or ror and lt gt "
           "le ge index enter next str repr format get set_name mro_entries instancecheck subclasscheck").split():
    _refuse("__" + _n + "__")
'''


@dataclass(frozen=True)
class Answer:
    """What an entry returned, and the (file, first line, name) of each function that ran."""

    out: str
    executed: tuple[tuple[str, int, str], ...]


def run_entries(root: Path, names: Iterable[str], preload: str = "") -> dict[str, Answer]:
    """Run functions of `main.py` below `root`, each in a process forked after the imports (and those of `preload`)."""
    command = [sys.executable, "-c", _RUNNER, str(root), preload, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    return {
        name: Answer(out, tuple((file, line, function) for file, line, function in executed))
        for name, (out, executed) in json.loads(done.stdout.splitlines()[-1]).items()
    }


def missed(root: Path, closure: CodeClosure, answer: Answer) -> list[str]:
    """Functions of the project that ran and are not in the closure."""
    lines = [(unit.file, unit.first_line, unit.last_line) for unit in closure.units]
    found = []
    for file, line, name in answer.executed:
        if not file.startswith(f"{root}/"):
            continue
        relative = file[len(str(root)) + 1 :]
        if not any(relative == where and first <= line <= last for where, first, last in lines):
            found.append(f"{relative}:{line} {name}")
    return found


def write_slice(root: Path, closure: CodeClosure, destination: Path) -> None:
    """A copy of the executed modules in which statements outside the closure are gone, or raise when they are used."""
    for name in closure.files:
        kept = {(unit.first_line, unit.last_line) for unit in closure.units if unit.file == name}
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_sliced((root / name).read_text(encoding="utf-8"), kept), encoding="utf-8")
    (destination / "_absent.py").write_text(_ABSENT, encoding="utf-8")


def _sliced(source: str, kept: set[tuple[int, int]]) -> str:
    lines = source.splitlines()
    future = "from __future__"
    head = [line for line in lines if line.startswith(future)]
    for statement in ast.parse(source).body:
        first, last = extent(statement)
        if any(first <= start and end <= last for start, end in kept) or isinstance(statement, _IMPORTS):
            continue
        stubs = "; ".join(
            f"{name} = _absent._Absent({name!r})"
            for name in bound_names(statement)
            if name not in ("__all__", "__getattr__")
        )
        lines[first - 1 : last] = [stubs or "pass"] + [""] * (last - first)
    body = "\n".join("" if line.startswith(future) else line for line in lines)
    return "\n".join(head) + "\nimport _absent\n" + body + "\n"


def extent(statement: ast.stmt) -> tuple[int, int]:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)]), statement.end_lineno or statement.lineno


def bound_names(statement: ast.stmt) -> list[str]:
    """Names that a top-level statement binds, told without the code under test."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    names = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for inner in ast.walk(statement):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef):
            names.add(inner.name)
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in inner.names}
    return sorted(names)


def entries_module(bodies: Mapping[str, str]) -> str:
    """A `main.py` with one function an entry."""
    text = ""
    for name, body in bodies.items():
        text += f"def {name}():\n" + "".join(f"    {line}\n" for line in body.strip().splitlines()) + "\n\n"
    return text
