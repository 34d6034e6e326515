"""One edit of a tiny project, and whether the digest of the step `main.go` changes: names, imports, classes, text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest


class Case(NamedTuple):
    name: str
    files: Mapping[str, str]
    edit: Mapping[str, str | None] | tuple[str, str, str]
    changes: bool = True


def main(body: str, top: str = "") -> str:
    return f"from tiphys import step\n{top}\n@step(cpu=1)\ndef go(x: int) -> int:\n    {body}\n"


HELPER = {"helper.py": "RATE = 3\nOTHER = 4\ndef f(x):\n    return x * RATE\ndef g(x):\n    return x * OTHER\n"}
USES_HELPER = {**HELPER, "main.py": main("return f(x)", "from helper import f")}
SHAPES = """
class Base:
    def area(self): return 1
class Square(Base):
    def side(self): return 2
def make(): return Square()
"""

NAMES = [
    Case("body", {"main.py": main("return x + 1")}, ("main.py", "x + 1", "x + 2")),
    Case("comment", {"main.py": main("return x + 1")}, ("main.py", "x + 1", "x + 1  # why"), False),
    Case("layout", {"main.py": main("return x + 1")}, ("main.py", "x + 1", "(x +\n        1)"), False),
    Case("docstring", {"main.py": main('"One."\n    return x')}, ("main.py", "One", "Two"), False),
    Case("settings of the step", USES_HELPER, ("main.py", "cpu=1", "cpu=8, retries=3"), False),
    Case("annotation of the step", USES_HELPER, ("main.py", "-> int", "-> float")),
    Case("helper", USES_HELPER, ("helper.py", "x * RATE", "x + RATE")),
    Case("constant of a helper", USES_HELPER, ("helper.py", "RATE = 3", "RATE = 4")),
    Case("constant of another helper", USES_HELPER, ("helper.py", "OTHER = 4", "OTHER = 5"), False),
    Case("unreached function", USES_HELPER, ("helper.py", "x * OTHER", "x - OTHER"), False),
    Case("function moved", USES_HELPER, {"helper.py": "def g(x): return 0\nRATE = 3\ndef f(x):\n    return x * RATE\n"}, False),
    Case(
        "two modules away",
        {"main.py": main("return a.f(x)", "import a"), "a.py": "from b import f\n", "b.py": "def f(x): return 1\n"},
        ("b.py", "1", "2"),
    ),
    Case(
        "re-export rebound",
        {
            "main.py": main("return a.f(x)", "import a"),
            "a.py": "from b import f\n",
            "b.py": "def f(x): return 1\n",
            "c.py": "def f(x): return 2\n",
        },
        ("a.py", "from b", "from c"),
    ),
    Case("default", {"main.py": main("return f()", "N = 1\ndef f(n=N): return n")}, ("main.py", "N = 1", "N = 2")),
    Case(
        "partial",
        {"main.py": main("return p()", "from functools import partial\ndef f(n): return n\np = partial(f, 1)")},
        ("main.py", "partial(f, 1)", "partial(f, 2)"),
    ),
    Case("local hides global", {"main.py": main("N = 2\n    return N", "N = 1")}, ("main.py", "N = 1", "N = 9"), False),
    Case(
        "comprehension target hides global",
        {"main.py": main("return [n for n in range(x)]", "n = 1")},
        ("main.py", "n = 1", "n = 9"),
        False,
    ),
    Case("class scope reads global", {"main.py": main("return A.y", "x = 1\nclass A:\n    y = x\n    x = 2")}, ("main.py", "x = 1", "x = 7")),
    Case(
        "class name invisible in method",
        {"main.py": main("return A().f()", "n = 1\nclass A:\n    n = 5\n    def f(self): return n")},
        ("main.py", "n = 1", "n = 2"),
    ),
    Case("new builtin", {"main.py": main("return len([x])")}, {"main.py": main("return len([x])", "def len(a): return 9")}),
    Case("mangled", {"main.py": main("return A().f()", "_A__k = 1\nclass A:\n    def f(self): return __k")}, ("main.py", "k = 1", "k = 2")),
    Case(
        "written through global",
        {"main.py": main("return N", "N = 1\ndef put():\n    global N\n    N = 5")},
        ("main.py", "N = 5", "N = 6"),
    ),
    Case("walrus", {"main.py": main("return n", "print(n := 1)")}, ("main.py", "n := 1", "n := 2")),
    Case("type checking only", {"main.py": main("return x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import helper"), **HELPER}, ("helper.py", "RATE = 3", "RATE = 4"), False),
    Case("else of type checking", {"main.py": main("return N", "import typing\nif typing.TYPE_CHECKING:\n    N = 0\nelse:\n    N = 1")}, ("main.py", "N = 1", "N = 2")),
    Case("main guard", {"main.py": main("return x") + 'if __name__ == "__main__":\n    print(go(1))\n'}, ("main.py", "go(1)", "go(2)"), False),
    Case("string annotation", {"main.py": main("return f(x)", 'class A:\n    k: int = 1\ndef f(a: "A"): return a')}, ("main.py", "k: int = 1", "k: int = 2")),
    Case("future annotations", {"main.py": main("return x")}, {"main.py": "from __future__ import annotations\n" + main("return x")}),
    Case("lambda", {"main.py": main("return f(x)", "f = lambda v: v + 1")}, ("main.py", "v + 1", "v + 2")),
    Case("step called by a step", {"main.py": main("return sub(x)", "@step\ndef sub(v: int) -> int:\n    return v + 1")}, ("main.py", "v + 1", "v + 2")),
    Case("order of assignments", {"main.py": main("return Y", "X = 1\nY = X\nX = 2")}, {"main.py": main("return Y", "X = 2\nY = X\nX = 1")}),
    Case("deleted name", {"main.py": main("return max([x])", "max = min")}, {"main.py": main("return max([x])", "max = min\ndel max")}),
]

CLASSES = [
    Case("method", {"main.py": main("return make().side()", "from shapes import make"), "shapes.py": SHAPES}, ("shapes.py", "return 2", "return 3")),
    Case("base class", {"main.py": main("return make().side()", "from shapes import make"), "shapes.py": SHAPES}, ("shapes.py", "return 1", "return 3")),
    Case(
        "dataclass field",
        {"main.py": main("return A().k", "from dataclasses import dataclass\n@dataclass\nclass A:\n    k: int = 1")},
        ("main.py", "k: int = 1", "k: int = 2"),
    ),
    Case("enum value", {"main.py": main("return E.A.value", "from enum import Enum\nclass E(Enum):\n    A = 1")}, ("main.py", "A = 1", "A = 2")),
    Case(
        "constant of a decorator",
        {"main.py": main("return f(x)", "K = 2\ndef twice(f): return lambda v: f(v) * K\n@twice\ndef f(v): return v")},
        ("main.py", "K = 2", "K = 3"),
    ),
    Case(
        "method called by a computed name",
        {"main.py": main('return getattr(V(), f"visit_{x}")()', "class V:\n    def visit_1(self): return 1")},
        ("main.py", "return 1", "return 2"),
    ),
    Case(
        "subclass found by __subclasses__",
        {
            "main.py": main("return [c.k for c in Base.__subclasses__()]", "import plugins\nfrom base import Base"),
            "base.py": "class Base: pass\n",
            "plugins.py": "from base import Base\nclass P(Base):\n    k = 1\n",
        },
        ("plugins.py", "k = 1", "k = 2"),
    ),
    Case(
        "unused subclass",
        {
            "main.py": main("return Base.k", "import plugins\nfrom base import Base"),
            "base.py": "class Base:\n    k = 0\n",
            "plugins.py": "from base import Base\nclass P(Base):\n    k = 1\n",
        },
        ("plugins.py", "k = 1", "k = 2"),
        False,
    ),
    Case(
        "factory",
        {"main.py": "from tiphys import step\ndef make(n):\n    def run(x: int) -> int: return x + n\n    return step(run)\ngo = make(1)\nother = make(2)\n"},
        ("main.py", "go = make(1)", "go = make(3)"),
    ),
    Case(
        "other step of a factory",
        {"main.py": "from tiphys import step\ndef make(n):\n    def run(x: int) -> int: return x + n\n    return step(run)\ngo = make(1)\nother = make(2)\n"},
        ("main.py", "other = make(2)", "other = make(3)"),
        False,
    ),
    Case(
        "class attribute of an annotation",
        {"main.py": "from tiphys import step, Table\nclass T(Table, rows=(1, 2)): ...\n@step\ndef go(x: T) -> T: return x\n"},
        ("main.py", "rows=(1, 2)", "rows=(1, 3)"),
    ),
]

PACKAGE = {"pkg/__init__.py": "", "pkg/a.py": "def f(x): return 1\n", "pkg/b.py": "def f(x): return 2\n"}
IMPORTS = [
    Case("attribute of a package", {**PACKAGE, "main.py": main("return pkg.a.f(x)", "import pkg.a")}, ("pkg/a.py", "return 1", "return 3")),
    Case("other submodule", {**PACKAGE, "main.py": main("return pkg.a.f(x)", "import pkg.a")}, ("pkg/b.py", "return 2", "return 3"), False),
    Case("import inside a function", {**PACKAGE, "main.py": main("from pkg.b import f; return f(x)")}, ("pkg/b.py", "return 2", "return 3")),
    Case(
        "from pkg import sub, written in the package",
        {**PACKAGE, "pkg/__init__.py": "from pkg import a\n", "main.py": main("return pkg.a.f(x)", "import pkg")},
        ("pkg/a.py", "return 1", "return 3"),
    ),
    Case(
        "function and submodule of one name",
        {"pkg/__init__.py": "from pkg.sub import sub\n", "pkg/sub.py": "def sub(x): return 1\nK = 2\n", "main.py": main("return pkg.sub.K", "import pkg.sub")},
        ("pkg/sub.py", "K = 2", "K = 3"),
    ),
    Case("relative import", {**PACKAGE, "pkg/c.py": "from .a import f as h\n", "main.py": main("return h(x)", "from pkg.c import h")}, ("pkg/a.py", "return 1", "return 3")),
    Case("star import", {"main.py": main("return f(x)", "from helper import *"), **HELPER}, ("helper.py", "RATE = 3", "RATE = 4")),
    Case("new name behind a star", {"main.py": main("return max(x, 1)", "from helper import *"), **HELPER}, {"helper.py": "def max(a, b): return 0\n"}),
    Case("__all__ behind a star", {"main.py": main("return f(x)", "from helper import *"), "helper.py": "__all__ = ['f']\ndef f(x): return 1\n"}, ("helper.py", "['f']", "[]")),
    Case("star over a binding", {"main.py": main("return f(x)", "def f(v): return 0\nfrom helper import *"), **HELPER}, ("helper.py", "x * RATE", "x - RATE")),
    Case("try import", {"main.py": main("return f(x)", "try:\n    from fast import f\nexcept ImportError:\n    from helper import f"), **HELPER}, ("helper.py", "x * RATE", "x - RATE")),
    Case("module appears", {"main.py": main("return f(x)", "try:\n    from fast import f\nexcept ImportError:\n    from helper import f"), **HELPER}, {"fast.py": "def f(x): return 0\n"}),
    Case("module used as a value", {"main.py": main("return getattr(helper, NAME)(x)", "import helper\nNAME = 'f'"), **HELPER}, ("helper.py", "OTHER = 4", "OTHER = 5")),
    Case("getattr with a literal", {"main.py": main("return getattr(helper, 'f')(x)", "import helper"), **HELPER}, ("helper.py", "OTHER = 4", "OTHER = 5"), False),
    Case("import_module with a literal", {"main.py": main("return import_module('helper').f(x)", "from importlib import import_module"), **HELPER}, ("helper.py", "RATE = 3", "RATE = 4")),
    Case(
        "import_module with a prefix",
        {**PACKAGE, "main.py": main("return importlib.import_module(f'pkg.{x}').f(x)", "import importlib")},
        ("pkg/b.py", "return 2", "return 3"),
    ),
    Case(
        "module __getattr__",
        {
            "main.py": main("return lib.deep(x)", "import lib"),
            "lib/__init__.py": "def __getattr__(name):\n    from importlib import import_module\n    return getattr(import_module('lib.inner'), name)\n",
            "lib/inner.py": "def deep(x): return 1\n",
        },
        ("lib/inner.py", "return 1", "return 2"),
    ),
    Case(
        "module replaces itself",
        {"main.py": main("return lib.deep", "import lib"), "lib.py": "import sys\nclass L:\n    deep = 1\nsys.modules[__name__] = L()\n"},
        ("lib.py", "deep = 1", "deep = 2"),
    ),
    Case("globals", {"main.py": main("return globals()[chr(x)]", "B = 1")}, ("main.py", "B = 1", "B = 2")),
    Case("exec in the own namespace", {"main.py": main("return N", "TEXT = 'N = 1'\nexec(TEXT)")}, ("main.py", "'N = 1'", "'N = 2'")),
    Case("eval with a namespace", {"main.py": main("return eval('a + x', {'a': A, 'x': x})", "A = 1\nB = 2")}, ("main.py", "B = 2", "B = 3"), False),
    Case("namespace package", {"tools/f.py": "K = 1\n", "main.py": main("return K", "from tools.f import K")}, ("tools/f.py", "K = 1", "K = 2")),
    Case("__doc__ is read", {"main.py": '"""One."""\n' + main("return __doc__")}, ("main.py", "One", "Two")),
    Case("__doc__ of a function is read", {"main.py": main("return f.__doc__", 'def f():\n    "One."')}, ("main.py", "One", "Two")),
    Case(
        "docstring of what a library decorates",
        {"main.py": main("return f", 'import agents\n@agents.tool\ndef f():\n    "One."')},
        ("main.py", "One", "Two"),
    ),
    Case(
        "docstring of what is handed to a library",
        {"main.py": main("return agents.Agent(tools=[f])", 'import agents\ndef f():\n    "One."')},
        ("main.py", "One", "Two"),
    ),
    Case("source text is read", {"main.py": main("return inspect.getsource(f)", "import inspect\ndef f(): return 1  # one")}, ("main.py", "# one", "# two")),
]


@pytest.mark.parametrize("case", [*NAMES, *CLASSES, *IMPORTS], ids=lambda case: case.name)
def test_one_edit(case: Case, digests_of_edit: Callable[..., tuple[str, str]]) -> None:
    before, after = digests_of_edit(case.files, case.edit)
    assert (before != after) == case.changes
