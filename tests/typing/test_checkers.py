"""mypy and pyright, without a plug-in, pass right pipelines and report each line of the wrong ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = ("right.py", "wrong.py")
SCRIPTS = Path(sys.executable).parent

Report = set[tuple[str, int, str]]
"""(file, line, code) of every error."""


def expected(checker: str) -> Report:
    """What the comments `# expect-CHECKER: code, code` say."""
    pattern = re.compile(rf"# expect-{checker}: ([\w-]+(?:, [\w-]+)*)")
    found: Report = set()
    for file in FILES:
        for number, line in enumerate((HERE / file).read_text("utf-8").splitlines(), start=1):
            for match in pattern.finditer(line):
                found.update((file, number, code) for code in match[1].split(", "))
    return found


def mypy() -> Report:
    options = ["--strict", "--python-version=3.11", "--config-file=", "--output=json"]
    command = [str(SCRIPTS / "mypy"), *options, f"--cache-dir={HERE.parents[1] / '.mypy_cache'}", *FILES]
    out = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert not out.stderr, out.stderr
    errors = [json.loads(line) for line in out.stdout.splitlines()]
    return {(e["file"], e["line"], e["code"]) for e in errors if e["severity"] == "error"}


def pyright() -> Report:
    command = [str(SCRIPTS / "pyright"), f"--project={HERE}", f"--pythonpath={sys.executable}", "--outputjson"]
    env = dict(os.environ) | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    out = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, env=env)
    errors = json.loads(out.stdout)["generalDiagnostics"]
    return {
        (Path(e["file"]).name, e["range"]["start"]["line"] + 1, e["rule"]) for e in errors if e["severity"] == "error"
    }


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_right_pipelines_pass_and_wrong_ones_are_reported_line_by_line(checker: Callable[[], Report]) -> None:
    wanted = expected(checker.__name__)
    assert len(wanted) > 25
    assert checker() == wanted
