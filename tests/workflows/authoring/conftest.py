"""A user's module, written to a file and imported by name: steps and pipelines stand at the top level of modules."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_HEADER = """\
from __future__ import annotations
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional
import tiphys; from tiphys import *
"""
HEADER_LINES = _HEADER.count("\n")

_numbers = count()


class Modules:
    """Writes modules below a folder that is a project of its own, and imports them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []

    def __call__(self, source: str, *, header: bool = True) -> Any:
        """The module with this text, after the usual imports (the first line of `source` is line 8)."""
        name = f"user_module_{next(_numbers)}"
        text = (_HEADER if header else "") + textwrap.dedent(source).lstrip("\n")
        (self.root / f"{name}.py").write_text(text, encoding="utf-8")
        self.names.append(name)
        return self.load(name)

    def load(self, name: str) -> ModuleType:
        importlib.invalidate_caches()
        return importlib.import_module(name)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """`module(source)`: the imported module."""
    modules = Modules(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield modules
    for name in modules.names:
        sys.modules.pop(name, None)
