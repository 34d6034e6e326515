"""Everything that belongs to one project at one moment: settings, store, code, environments, fingerprints."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from tiphys.cluster.errors import InputError
from tiphys.cluster.fingerprint import Fingerprints
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.port import Store
from tiphys.workflows.closure import CodeBase
from tiphys.workflows.environment import Environments
from tiphys.workflows.keys import Keys
from tiphys.workflows.lookup import Lookup
from tiphys.workflows.project import find_project
from tiphys.workflows.settings import load_config


class Workspace:
    """One project as it is now. Parts are made when they are first used; `now` is read once."""

    def __init__(self, file: Path, flags: Mapping[str, object]) -> None:
        require_python_file(file)
        self.file = file.resolve()
        self.project = find_project(self.file)
        self.root = self.project.root
        self.config = load_config(self.root, flags, os.environ)
        self.now = time.time()

    @cached_property
    def store(self) -> Store:
        """The store, made when it is not there."""
        return FolderStore(self.config.store, scope=self.config.scope, create=True)

    @cached_property
    def cache(self) -> Path:
        """A folder for what can be recomputed at any time."""
        _ = self.store  # refuses a folder that is not a store before anything is written below it
        return self.config.store / "cache"

    @cached_property
    def code(self) -> CodeBase:
        """Closures of the project's code."""
        return CodeBase(self.project, self.cache)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """Digests of files and folders."""
        return Fingerprints(self.cache / "fingerprints")

    @cached_property
    def environments(self) -> Environments:
        """Versions by lock file."""
        return Environments(self.root, self.config, self.cache)

    @cached_property
    def lookup(self) -> Lookup:
        """Candidates of keys."""
        return Lookup(self.store, self.root, self.fingerprints, self.code)

    @cached_property
    def keys(self) -> Keys:
        """Keys of calls."""
        return Keys(self.root, self.code, self.environments, self.fingerprints)

    def remember(self, path: Path, text: str) -> None:
        """Write a recomputable file, or do without: a read-only cache slows down and breaks nothing."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{path.name}.{os.getpid()}")
            temporary.write_text(text, "utf-8")
            temporary.replace(path)
        except OSError:
            return


def require_python_file(file: Path) -> None:
    """`InputError` with what was probably meant when `file` is no file of Python source."""
    if file.is_dir():
        raise InputError(f"{file} is a folder", fix=f"give the file of the pipeline: {file / 'NAME.py'}")
    if not file.is_file():
        raise InputError(f"{file}: there is no such file", fix=_meant(file))
    if file.suffix == ".ipynb":
        raise InputError(
            f"{file} is a notebook: the processes that run steps cannot import it",
            fix="move the pipeline into a .py file, and import it from there in the notebook",
        )
    if file.suffix != ".py":
        raise InputError(
            f"{file} has no name by which Python could import it", fix=f"rename it to {file.with_suffix('.py')}"
        )


def _meant(file: Path) -> str:
    from difflib import get_close_matches  # for errors alone

    try:
        names = [path.name for path in file.parent.iterdir() if path.suffix == ".py"]
    except OSError:
        return f"there is no folder {file.parent}"
    close = get_close_matches(file.name, names, n=1)
    return f"did you mean {file.parent / close[0]}?" if close else "give the path of the pipeline's file"
