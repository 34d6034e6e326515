"""Rows of the stale matrix: environment, lock and place; and edits that must rerun nothing."""

from __future__ import annotations

import os
from pathlib import Path

from tests.stale.row import HELPER, HERE, Row

LOCK = """\
numpy==2.4.{numpy}
    # via pandas
pandas==3.1.1
    # via -r requirements.in
tinydb==4.9.{tinydb}
    # via -r requirements.in
"""


def _nothing(folder: Path) -> None:
    """What changes is not a file of the project: the test does it."""


WORLD = [
    Row(
        "declared environment variable",
        _nothing,
        "runs",
        "import os\nreturn float(os.environ['MODE'])",
        decorator="@step(env=['MODE'])",
        env_before={"MODE": "1"},
        env_after={"MODE": "2"},
    ),
    Row(
        "undeclared environment variable",
        _nothing,
        "refused",
        "import os\nreturn float(os.environ.get('MODE', '1'))",
        env_after={"MODE": "2"},
        says="env=['MODE']",
    ),
    Row(
        "value of a secret",
        _nothing,
        "hits",
        "import os\nreturn float(len(os.environ['TOKEN']) > 0)",
        decorator="@step(secrets=['TOKEN'])",
        env_before={"TOKEN": "old-value"},
        env_after={"TOKEN": "new-value"},
    ),
    Row(
        "lock upgrade of an imported package",
        ("requirements.txt", None, LOCK.format(numpy=7, tinydb=0)),
        "runs",
        "import pandas\nreturn 0",
        files={"requirements.txt": LOCK.format(numpy=6, tinydb=0)},
        options=("--allow-drift",),
    ),
    Row(
        "lock upgrade of an unimported package",
        ("requirements.txt", None, LOCK.format(numpy=6, tinydb=1)),
        "hits",
        "import pandas\nreturn 0",
        files={"requirements.txt": LOCK.format(numpy=6, tinydb=0)},
    ),
    Row("project root moved", _nothing, "hits", "return f()", "from helper import f", HELPER),
]


NOTHING = [
    Row("comment", ("helper.py", "return 1", "return 1  # one"), "hits", "return f()", "from helper import f", HELPER),
    Row(
        "docstring",
        ("helper.py", "return 1", '"""One."""\n    return 1'),
        "hits",
        "return f()",
        "from helper import f",
        HELPER,
    ),
    Row(
        "formatting",
        ("helper.py", "return 1", "return (\n        1\n    )"),
        "hits",
        "return f()",
        "from helper import f",
        HELPER,
    ),
    Row(
        "unreached function",
        ("helper.py", None, HELPER["helper.py"] + "\n\ndef other():\n    return 3\n"),
        "hits",
        "return f()",
        "from helper import f",
        HELPER,
    ),
    Row(
        "resources and retries",
        ("pipe.py", "@step\ndef subject", "@step(cpu=2, memory='1Gi', retries=3)\ndef subject"),
        "hits",
    ),
    Row(
        "import for type checkers only",
        ("types_only.py", "1", "2"),
        "hits",
        "return 0",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from types_only import X",
        {"types_only.py": "X = 1\n"},
    ),
    Row(
        "main block",
        ("helper.py", "print(1)", "print(2)"),
        "hits",
        "return f()",
        "from helper import f",
        {"helper.py": HELPER["helper.py"] + "if __name__ == '__main__':\n    print(1)\n"},
    ),
    Row("a file that nothing reads", ("notes.txt", None, "new"), "hits", files={"notes.txt": "old"}),
    Row(
        "touched, not changed",
        lambda folder: os.utime(folder / "data.txt"),
        "hits",
        "return float((HERE / 'data.txt').read_text())",
        HERE,
        {"data.txt": "3"},
    ),
    Row(
        "renamed local variable elsewhere",
        ("other.py", "a = 1", "b = 1"),
        "hits",
        "return f()",
        "from helper import f",
        HELPER | {"other.py": "def g():\n    a = 1\n"},
    ),
    Row(
        "text of the pipeline function around the calls",
        ("pipe.py", "    bystander()", "    # calm\n    bystander()"),
        "hits",
    ),
    Row(
        "library constant that is not reached",
        ("helper.py", "[1]", "[2]"),
        "hits",
        "return helper.f()",
        "import helper",
        {"helper.py": "import numpy as np\nD = np.array([1])\ndef f():\n    return 1\n"},
    ),
]
