"""A tiny project and one edit of it: what the digest of an entry must do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tiphys.workflows.closure import CodeBase, CodeClosure
from tiphys.workflows.project import find_project

Analyse = Callable[..., CodeClosure]


@dataclass(frozen=True)
class Tiny:
    """A project in a folder. Files are given by path; `main.py` holds the entry."""

    folder: Path

    def write(self, files: Mapping[str, str | None]) -> None:
        """Write files; None removes one."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(dedent(text), encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        (self.folder / name).write_text(text.replace(old, new), encoding="utf-8")

    def code(self, cache: Path | None = None) -> CodeBase:
        return CodeBase(find_project(self.folder / "main.py"), cache)

    def step(self, name: str = "go", module: str = "main", cache: Path | None = None) -> CodeClosure:
        code = self.code(cache)
        closure = code.step(module, name)
        code.close()
        return closure

    def pipeline(self, name: str = "flow", module: str = "main", cache: Path | None = None) -> CodeClosure:
        code = self.code(cache)
        closure = code.pipeline(module, name)
        code.close()
        return closure


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return Tiny(folder)


@pytest.fixture
def digests_of_edit(tiny: Tiny, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Digests before and after an edit, the latter the same with the cache of the former as without any."""

    def run(
        files: Mapping[str, str], edit: Mapping[str, str | None] | tuple[str, str, str], kind: str = "step"
    ) -> tuple[str, str]:
        tiny.write(files)
        entry = tiny.step if kind == "step" else tiny.pipeline
        before = entry(cache=tmp_path / "cache").digest
        assert entry(cache=tmp_path / "cache").digest == before
        if isinstance(edit, tuple):
            tiny.replace(*edit)
        else:
            tiny.write(edit)
        after = entry(cache=tmp_path / "cache").digest
        assert after == entry().digest
        return before, after

    return run
