"""Small projects in temporary folders, and ways to run them: in this process, or as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.records import StepRecord
from tiphys.workflows import api
from tiphys.workflows.plan_model import Plan
from tiphys.workflows.run.events import Listener

HEAD = "from __future__ import annotations\nfrom tiphys import branch, each, pipeline, step, unless, when\n"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with `pipe.py` in it."""

    folder: Path

    @property
    def file(self) -> Path:
        """The pipeline file."""
        return self.folder / "pipe.py"

    @property
    def store(self) -> FolderStore:
        """Its store, as any later process sees it."""
        return FolderStore(self.folder / ".tiphys")

    def write(self, text: str, name: str = "pipe.py") -> None:
        """Write a file of the project; `pipe.py` gets the imports."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(HEAD + text if name == "pipe.py" else text)

    def edit(self, old: str, new: str, name: str = "pipe.py") -> None:
        """Replace a text that must be there."""
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))

    def options(self, **more: Any) -> api.RunOptions:
        """Options whose store and project are this one, wherever the test runs."""
        flags = {"store": str(self.folder / ".tiphys"), **more.pop("flags", {})}
        return api.RunOptions(flags=flags, **more)

    def run(
        self, parameters: Mapping[str, str] | None = None, listen: Listener = api.ignore, **options: Any
    ) -> api.RunResult:
        """`tiphys run`, in this process."""
        return api.run(api.Target(self.file, None, parameters or {}), self.options(**options), listen)

    def plan(self, parameters: Mapping[str, str] | None = None, **options: Any) -> Plan:
        """`tiphys plan`, in this process."""
        return api.plan(api.Target(self.file, None, parameters or {}), self.options(**options))

    def states(self, parameters: Mapping[str, str] | None = None, **options: Any) -> dict[str, str]:
        """Run; the state of every instance."""
        return states(self.run(parameters, **options).records)

    def verdicts(self, **options: Any) -> dict[str, str]:
        """Plan; the verdict of every instance."""
        return {step.address: step.verdict for step in self.plan(**options).steps}

    @property
    def command(self) -> Path:
        """The installed command line: unlike `python -m`, it has no current folder on its path."""
        return Path(sys.executable).with_name("tiphys")

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """This interpreter, in the project's folder."""
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The command line, in a process of its own."""
        return subprocess.Popen(
            [self.command, *words],
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tiphys(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The command line, to its end."""
        with self.start(*words, env=env) as process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)


def states(records: Mapping[str, StepRecord]) -> dict[str, str]:
    """The state of every instance by address."""
    return {address: record.state for address, record in records.items()}


def a_project(folder: Path, text: str) -> Project:
    """A new project with this pipeline."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text("[tool.tiphys]\n")
    project = Project(folder)
    project.write(text)
    return project
