"""One edit of a tiny project, and whether the digest changes: what importing modules does to what a step reaches."""

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


REGISTRY = """
HANDLERS = {}
OTHERS = {}
def register(f):
    HANDLERS[f.__name__] = f
    return f
def note(f):
    OTHERS[f.__name__] = f
    return f
"""
PLUGIN = """
from registry import register, note
@register
def one(x): return 1
@note
def two(x): return 2
"""
REGISTERED = {
    "registry.py": REGISTRY,
    "plugin.py": PLUGIN,
    "main.py": main("return HANDLERS['one'](x)", "import plugin\nfrom registry import HANDLERS"),
}
TARGET = {"target.py": "RATE = 1\nOTHER = 2\nclass A:\n    k = 1\ndef f(x): return x * RATE\ndef g(x): return x * OTHER\n"}


def patched(patch: str, body: str = "return target.f(x)") -> dict[str, str]:
    return {**TARGET, "patch.py": patch, "main.py": main(body, "import target\nimport patch")}


CASES = [
    Case("registered by a decorator", REGISTERED, ("plugin.py", "return 1", "return 3")),
    Case("registered elsewhere", REGISTERED, ("plugin.py", "return 2", "return 3"), False),
    Case("registration removed", REGISTERED, ("plugin.py", "@register", "@note")),
    Case(
        "decorator declared inert",
        {**REGISTERED, "pyproject.toml": '[tool.tiphys]\ninert = ["registry.register"]\n'},
        ("plugin.py", "return 1", "return 3"),
        False,
    ),
    Case(
        "registered by a call",
        {**REGISTERED, "plugin.py": "from registry import HANDLERS\ndef one(x): return 1\nHANDLERS['one'] = one\n"},
        ("plugin.py", "return 1", "return 3"),
    ),
    Case(
        "registered by a method",
        {
            "reg.py": "class R:\n    def __init__(self): self.all = []\n    def add(self, f): self.all.append(f)\nR1 = R()\n",
            "plugin.py": "from reg import R1\ndef one(): return 1\nR1.add(one)\n",
            "main.py": main("return R1.all[0]()", "import plugin\nfrom reg import R1"),
        },
        ("plugin.py", "return 1", "return 2"),
    ),
    Case(
        "registered by __init_subclass__",
        {
            "base.py": "class Base:\n    known = []\n    def __init_subclass__(cls): Base.known.append(cls)\n",
            "plugin.py": "from base import Base\nclass P(Base):\n    k = 1\n",
            "main.py": main("return Base.known[0].k", "import plugin\nfrom base import Base"),
        },
        ("plugin.py", "k = 1", "k = 2"),
    ),
    Case(
        "singledispatch",
        {
            "disp.py": "from functools import singledispatch\n@singledispatch\ndef size(x): return 0\n",
            "plugin.py": "from disp import size\n@size.register\ndef _(x: int): return 1\n",
            "main.py": main("return size(x)", "import plugin\nfrom disp import size"),
        },
        ("plugin.py", "return 1", "return 2"),
    ),
    Case("monkeypatch", patched("import target\ntarget.RATE = 5\n"), ("patch.py", "= 5", "= 6")),
    Case("monkeypatch of something else", patched("import target\ntarget.OTHER = 5\n"), ("patch.py", "= 5", "= 6"), False),
    Case("monkeypatch appears", patched("import target\n"), {"patch.py": "import target\ntarget.f = abs\n"}),
    Case("monkeypatch of a builtin's name", patched("import target\ntarget.len = abs\n", "return target.h()") | {"target.py": "def h(): return len([])\n"}, ("patch.py", "abs", "max")),
    Case("setattr with a literal", patched("import target\nsetattr(target, 'RATE', 5)\n"), ("patch.py", "5", "6")),
    Case("setattr in a loop", patched("import target\nfor n in ('RATE',):\n    setattr(target, n, 5)\n"), ("patch.py", "5", "6")),
    Case("patched class", patched("from target import A\nA.k = 5\n", "return target.A().k"), ("patch.py", "= 5", "= 6")),
    Case("patched class, not reached", patched("from target import A\nA.k = 5\n"), ("patch.py", "= 5", "= 6"), False),
    Case("classes patched in a loop", patched("from target import A\nfor c in (A,):\n    c.k = 5\n", "return target.A().k"), ("patch.py", "= 5", "= 6")),
    Case("patched by a function", patched("import target\ndef put(m): m.RATE = 5\nput(target)\n"), ("patch.py", "= 5", "= 6")),
    Case("dictionary of a module", patched("import target\nvars(target)['RATE'] = 5\n"), ("patch.py", "= 5", "= 6")),
    Case("__dict__ of a module", patched("import target\ntarget.__dict__.update(RATE=5)\n"), ("patch.py", "=5", "=6")),
    Case("setting of a library", patched("import numpy as np\nnp.seterr(all='raise')\n"), ("patch.py", "raise", "warn")),
    Case("store into a library", patched("import pandas as pd\npd.options.mode.copy_on_write = True\n"), ("patch.py", "True", "False")),
    Case("environment", patched("import os\nos.environ['OMP_NUM_THREADS'] = '1'\n"), ("patch.py", "'1'", "'2'")),
    Case("store on a call result", patched("import decimal\ndecimal.getcontext().prec = 5\n"), ("patch.py", "= 5", "= 6")),
    Case("store on a library's object in a variable", patched("import decimal\nc = decimal.getcontext()\nc.prec = 5\n"), ("patch.py", "= 5", "= 6")),
    Case("alias of a library's object", patched("import os\ne = os.environ\ne['A'] = '1'\n"), ("patch.py", "'1'", "'2'")),
    Case("seed", patched("import random\nrandom.seed(1)\n"), ("patch.py", "1", "2")),
    Case("setting made by a function", patched("import random\ndef setup(): random.seed(1)\nsetup()\n"), ("patch.py", "1", "2")),
    Case("assigned from a library", patched("import torch\ng = torch.manual_seed(1)\n"), ("patch.py", "1", "2")),
    Case("assigned from the standard library", patched("import re\np = re.compile('a').pattern\n"), ("patch.py", "'a'", "'b'"), False),
    Case("print at import", patched("print('a')\n"), ("patch.py", "'a'", "'b'"), False),
    Case("logger", patched("import logging\nlog = logging.getLogger('a')\n"), ("patch.py", "'a'", "'b'"), False),
    Case("data next to what is used", patched("A = [1]\nB = A + [2]\n"), ("patch.py", "[2]", "[3]"), False),
    Case("unreached class", patched("class B:\n    k = 1\n"), ("patch.py", "1", "2"), False),
    Case("unreached pydantic model", patched("from pydantic import BaseModel\nclass B(BaseModel):\n    k: int = 1\n"), ("patch.py", "= 1", "= 2"), False),
    Case("class of a library with a registry", patched("from orm import Model\nclass B(Model):\n    k = 1\n"), ("patch.py", "= 1", "= 2")),
    Case(
        "iterator advanced at import",
        {"it.py": "from itertools import count\nIDS = count(1)\n", "patch.py": "from it import IDS\na = next(IDS)\n", "main.py": main("return next(IDS)", "import patch\nfrom it import IDS")},
        ("patch.py", "a = next(IDS)", "a = (next(IDS), next(IDS))"),
    ),
    Case(
        "operator that acts",
        {
            "dag.py": "class Node:\n    def __init__(self): self.after = []\n    def __rshift__(self, o): self.after.append(o)\nA = Node()\nB = Node()\n",
            "patch.py": "from dag import A, B\nA >> B\n",
            "main.py": main("return len(A.after)", "import patch\nfrom dag import A"),
        },
        ("patch.py", "A >> B", "B >> A"),
    ),
    Case(
        "order of two acting modules",
        {
            **TARGET,
            "p.py": "import target\ntarget.RATE = 5\n",
            "q.py": "import target\ntarget.RATE = 6\n",
            "main.py": main("return target.f(x)", "import target\nimport p\nimport q"),
        },
        ("main.py", "import p\nimport q", "import q\nimport p"),
    ),
    Case(
        "order of two modules that do nothing",
        {
            **TARGET,
            "p.py": "A = 5\n",
            "q.py": "B = 6\n",
            "main.py": main("return target.f(x)", "import target\nimport p\nimport q"),
        },
        ("main.py", "import p\nimport q", "import q\nimport p"),
        False,
    ),
    Case(
        "effect of a module that a package imports",
        {**TARGET, "pkg/__init__.py": "import patch\n", "pkg/a.py": "import target\ndef h(x): return target.f(x)\n", "patch.py": "import target\ntarget.RATE = 5\n", "main.py": main("return h(x)", "from pkg.a import h")},
        ("patch.py", "= 5", "= 6"),
    ),
    Case(
        "effect of a module imported inside the step",
        {**TARGET, "patch.py": "import target\ntarget.RATE = 5\n", "main.py": main("import patch\n    return target.f(x)", "import target")},
        ("patch.py", "= 5", "= 6"),
    ),
    Case(
        "effect of a module imported by a function at import",
        {**TARGET, "deep.py": "import target\ntarget.RATE = 5\n", "patch.py": "def setup():\n    import deep\nsetup()\n", "main.py": main("return target.f(x)", "import target\nimport patch")},
        ("deep.py", "= 5", "= 6"),
    ),
    Case(
        "other step of the file",
        {"main.py": main("return K", "K = {'a': 1}\n@step\ndef other(y: int) -> int:\n    return K['a']")},
        ("main.py", "return K['a']", "return K['b']"),
        False,
    ),
    Case(
        "other step with a shared result type",
        {"main.py": main("return T", "from tiphys import Table, column\nclass T(Table):\n    c = column('int')\n@step\ndef other(y: T) -> T:\n    return 1")},
        ("main.py", "return 1", "return 2"),
        False,
    ),
    Case(
        "effect found through an effect",
        {
            "a.py": "X = {}\n", "b.py": "Y = {}\n",
            "p.py": "from a import X\nfrom b import Y\nX['k'] = Y\n",
            "q.py": "from b import Y\nY['k'] = 1\n",
            "main.py": main("return X['k']['k']", "import p\nimport q\nfrom a import X"),
        },
        ("q.py", "= 1", "= 2"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_edit(case: Case, digests_of_edit: Callable[..., tuple[str, str]]) -> None:
    before, after = digests_of_edit(case.files, case.edit)
    assert (before != after) == case.changes


FLOW = {
    "helper.py": "def f(x): return 1\ndef pick(x): return go(x)\n",
    "types_.py": "from dataclasses import dataclass\n@dataclass\nclass R:\n    a: int\n",
    "main.py": """
from tiphys import step, pipeline
from types_ import R
import helper
K = 3
@step(retries=K)
def go(x: int) -> R:
    return helper.f(x)
def chain(x):
    return go(x)
@pipeline
def inner(n: int) -> R:
    return chain(n)
@pipeline(parallel=2)
def flow(n: int = 1) -> R:
    return inner(n)
""",
}
GRAPH = [
    Case("body of a step", FLOW, ("main.py", "helper.f(x)", "helper.f(x) + 1"), False),
    Case("helper of a step", FLOW, ("helper.py", "return 1", "return 2"), False),
    Case("retries", FLOW, ("main.py", "K = 3", "K = 4")),
    Case("decorator of a step", FLOW, ("main.py", "retries=K", "retries=K, cpu=2")),
    Case("annotation of a step", FLOW, ("main.py", "go(x: int)", "go(x: float)")),
    Case("result type", FLOW, ("types_.py", "a: int", "a: str")),
    Case("helper of the pipeline", FLOW, ("main.py", "    return go(x)", "    return go(x + 1)")),
    Case("nested pipeline", FLOW, ("main.py", "return chain(n)", "return chain(n + 1)")),
    Case("settings of the pipeline", FLOW, ("main.py", "parallel=2", "parallel=3")),
    Case("default of the pipeline", FLOW, ("main.py", "n: int = 1", "n: int = 2")),
    Case("docstring of the pipeline", FLOW, ("main.py", "    return inner(n)", '    "About."\n    return inner(n)'), False),
]  # fmt: skip


@pytest.mark.parametrize("case", GRAPH, ids=lambda case: case.name)
def test_one_edit_of_a_pipeline(case: Case, digests_of_edit: Callable[..., tuple[str, str]]) -> None:
    before, after = digests_of_edit(case.files, case.edit, kind="pipeline")
    assert (before != after) == case.changes
