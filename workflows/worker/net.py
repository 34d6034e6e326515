"""The net under a step: sees what its code reads beyond what the key holds. Installed once, in a worker process.

An audit hook cannot be taken out again, so it looks at a switch. While Tiphys itself works (`paused`) and after the
step has ended, nothing is seen; other threads of the step stay in view.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Observed
from tiphys.workflows.worker.places import Places
from tiphys.workflows.worker.sightings import Sightings
from tiphys.workflows.worker.watch_environment import EnvironmentReads as EnvironmentReads
from tiphys.workflows.worker.watch_environment import WatchEnvironment, observe_environment
from tiphys.workflows.worker.watch_files import WatchFiles
from tiphys.workflows.worker.watch_functions import Ranges, WatchFunctions
from tiphys.workflows.worker.watch_imports import WatchImports
from tiphys.workflows.worker.watch_processes import WatchProcesses


@dataclass(frozen=True, slots=True)
class Expected:
    """What the net does not report: the key holds it, or the step declared it. `bundle`: absolute path -> digest."""

    step: str
    bundle: Mapping[str, str]
    closure_lines: Mapping[str, Ranges]
    declared: tuple[str, ...]
    harmless: tuple[str, ...]
    planner: tuple[str, ...]
    local_ok: bool


@dataclass(frozen=True, slots=True)
class Digests:
    """How content is digested: of a file, of the names in a folder, of a module (by name and file)."""

    file: Callable[[str], str]
    listing: Callable[[str], str]
    module: Callable[[str, str], str]


class Net:
    """`report_path`: where processes that the step forks leave what they saw."""

    def __init__(self, places: Places, expected: Expected, digests: Digests, report_path: str) -> None:
        self.sightings = Sightings()
        self._report_path = report_path
        self._digests = digests
        self._on = False
        self._busy = threading.local()
        self._files = WatchFiles(places, self.sightings, digests.file, digests.listing, expected.bundle)
        self._processes = WatchProcesses(places, self.sightings, silent=expected.local_ok)
        self.imports = WatchImports(places, self.sightings, expected.bundle, self._module_digest, self._files.read)
        self.functions = WatchFunctions(
            places, expected.closure_lines, {places.shown(path): digest for path, digest in expected.bundle.items()}
        )
        self._environment = WatchEnvironment(
            places,
            self.sightings,
            expected.step,
            declared=expected.declared,
            harmless=expected.harmless,
            planner=expected.planner,
        )
        self._handlers = self._files.handlers() | self._processes.handlers() | self.imports.handlers()

    # Switching -----------------------------------------------------------------------------------------------------
    def install(self) -> None:
        """See from now on."""
        sys.addaudithook(self._audit)
        self._wrap_stats()
        self.imports.install()
        self._processes.install()
        observe_environment(self)
        os.register_at_fork(after_in_child=self._forked)
        self._on = True

    def finish(self) -> None:
        """See nothing more, in any thread; take in what forked processes saw."""
        self._on = False
        observe_environment(None)
        self.imports.loaded()
        self.sightings.read_reports(self._report_path)
        for note in self._files.outside_notes():
            self.sightings.add("notes", note)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What this thread does now is Tiphys' own."""
        before = getattr(self._busy, "now", False)
        self._busy.now = True
        try:
            yield
        finally:
            self._busy.now = before

    # Results -------------------------------------------------------------------------------------------------------
    @property
    def refused(self) -> InputError | None:
        """The refusal of a read, also when the step's code swallowed it."""
        return self._environment.refused

    def observed(self) -> Observed:
        """All sightings."""
        return self.sightings.observed()

    # Hooks ---------------------------------------------------------------------------------------------------------
    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        handler = self._handlers.get(event)
        if handler is not None and self._sees():
            self._run(handler, args)

    def _sees(self) -> bool:
        return self._on and not getattr(self._busy, "now", False)

    def _run(self, handler: Callable[..., None], *args: Any) -> None:
        """Run a handler, whose own opens and stats are not the step's."""
        self._busy.now = True
        try:
            handler(*args)
        finally:
            self._busy.now = False

    def _module_digest(self, name: str, file: str) -> str:
        with self.paused():
            return self._digests.module(name, file)

    def _forked(self) -> None:
        if self._on:
            self.sightings.report_to(self._report_path)

    # The environment's observer ------------------------------------------------------------------------------------
    def read(self, name: str, present: bool) -> None:
        """A variable is looked up."""
        if self._sees():
            self._run(self._environment.read, name, present)

    def changed(self, name: str) -> None:
        """The step sets a variable."""
        if self._sees():
            self._environment.changed(name)

    def iterated(self) -> None:
        """The whole environment is read."""
        if self._sees():
            self._run(self._environment.iterated)

    # Stats ---------------------------------------------------------------------------------------------------------
    def _wrap_stats(self) -> None:
        """Put wrappers in place of `os.stat`, `os.lstat` and `os.access`: no audit event tells of them.

        The import system has its own references to the originals, so its searching is not seen here.
        """
        real_stat, real_lstat, real_access, real_readlink = os.stat, os.lstat, os.access, os.readlink

        def stat(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
            return self._stat(path, dir_fd, lambda: real_stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks))

        def lstat(path: Any, *, dir_fd: int | None = None) -> os.stat_result:
            return self._stat(path, dir_fd, lambda: real_lstat(path, dir_fd=dir_fd))

        def access(path: Any, mode: int, **options: Any) -> bool:
            if self._sees():
                self._run(self._look, path)
            return real_access(path, mode, **options)

        def readlink(path: Any, *, dir_fd: int | None = None) -> Any:
            target = real_readlink(path, dir_fd=dir_fd)
            if dir_fd is None and self._sees():
                self._run(self._files.link_read, path, os.fsdecode(target))
            return target

        abilities = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids)
        wrappers: tuple[tuple[str, Any, Any], ...] = (
            ("stat", stat, real_stat),
            ("lstat", lstat, real_lstat),
            ("access", access, real_access),
            ("readlink", readlink, real_readlink),
        )
        for name, wrapper, real in wrappers:
            setattr(os, name, wrapper)
            for able in abilities:
                if real in able:
                    able.add(wrapper)

    def _stat(self, path: Any, dir_fd: int | None, ask: Callable[[], os.stat_result]) -> os.stat_result:
        if dir_fd is not None or isinstance(path, int) or not self._sees():
            return ask()
        try:
            result = ask()
        except (FileNotFoundError, NotADirectoryError):
            self._run(self._files.stat_missed, path)
            raise
        self._run(self._files.stat_found, path, result.st_mode)
        return result

    def _look(self, path: Any) -> None:
        try:
            mode = os.stat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            self._files.stat_missed(path)
        except (OSError, TypeError, ValueError):
            return  # `access` is about to say so itself
        else:
            self._files.stat_found(path, mode)
