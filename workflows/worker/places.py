"""Where a path lies, seen from a step: the project, the step's own folders, libraries, the operating system (pure)."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_SYSTEM = ("/etc", "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/run")
_NEVER = ("/proc", "/sys", "/dev")
_INSTALLED = ("site-packages", "dist-packages")
_OURS = ("workflows", "cluster", "ray_jobs", "serving")


@dataclass(frozen=True)
class Places:
    """Folders by what they mean. All absolute; `root` and `search` are where first-party code is.

    `private`: the working folder, the store, temporary files: nothing below them is an observation. `libraries`:
    installed distributions and the standard library, which enter the key by version. `ours`: Tiphys itself.
    """

    root: str
    search: tuple[str, ...]
    private: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()

    def shown(self, path: str) -> str:
        """How a path is recorded: POSIX below the root, else absolute."""
        for root in self._roots:
            if path.startswith(root):
                return path[len(root) :]
        return path

    def in_project(self, path: str) -> bool:
        """Whether a path lies strictly below the project root."""
        return path.startswith(self._roots)

    def is_private(self, path: str) -> bool:
        """Whether what happens there is never an observation."""
        return path.startswith(self._never) or (path + "/").startswith(self._private) or "/__pycache__" in path

    def is_library(self, path: str) -> bool:
        """Whether a file belongs to an installed distribution or the standard library."""
        return path.startswith(self._libraries) or any(f"/{name}/" in path for name in _INSTALLED)

    def is_elsewhere(self, filename: str) -> bool:
        """Whether a source file is neither first-party nor of a library, of the system or ours."""
        if not filename.startswith("/") or self.is_library(filename) or self.is_ours(filename):
            return False
        return not (self.is_code(filename) or self.is_private(filename) or filename.startswith(self._system))

    def installed_name(self, path: str) -> str:
        """The top-level name below site-packages that a file belongs to; "" for the standard library and metadata."""
        for folder in _INSTALLED:
            _, found, inside = path.rpartition(f"/{folder}/")
            if found:
                top = inside.split("/", 1)[0]
                return "" if top.endswith((".dist-info", ".egg-info")) else top.split(".", 1)[0]
        return ""

    def is_system(self, path: str) -> bool:
        """Whether a file belongs to the operating system: it counts only when the user's own line opens it."""
        return path.startswith(self._system) and not path.startswith("/usr/local/") and not self.in_project(path)

    def is_code(self, filename: str) -> bool:
        """Whether a source file is first-party: below the root or a search folder, and in no library or dot folder."""
        known = self._known.get(filename)
        if known is None:
            known = self._known[filename] = self._is_code(filename)
        return known

    def is_ours(self, filename: str) -> bool:
        """Whether a source file is a part of Tiphys (and not of a project that is kept inside it)."""
        inside = max((len(r) for r in self._code if filename.startswith(r)), default=0)
        return any(filename.startswith(f) and len(f) > inside for f in self._ours)

    def _is_code(self, filename: str) -> bool:
        folder = next((f for f in self._code if filename.startswith(f)), None)
        if folder is None or self.is_library(filename) or self.is_private(filename) or self.is_ours(filename):
            return False
        return "/." not in filename[len(folder) - 1 :]

    @cached_property
    def _known(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return _folders((self.root,))

    @cached_property
    def _code(self) -> tuple[str, ...]:
        return tuple(sorted(_folders((self.root, *self.search)), key=len, reverse=True))

    @cached_property
    def _private(self) -> tuple[str, ...]:
        return _folders(self.private)

    @cached_property
    def _libraries(self) -> tuple[str, ...]:
        return _folders(self.libraries)

    @cached_property
    def _ours(self) -> tuple[str, ...]:
        return _folders(self.ours)

    @cached_property
    def _system(self) -> tuple[str, ...]:
        return _folders(_SYSTEM)

    @cached_property
    def _never(self) -> tuple[str, ...]:
        return _folders(_NEVER)


def places_for(root: Path | str, search: Iterable[str] = (), private: Iterable[str] = ()) -> Places:
    """The places of a project, with the libraries of this interpreter."""
    return Places(str(root), tuple(search), tuple(private), _library_folders(), _our_folders())


def _library_folders() -> tuple[str, ...]:
    named = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_path(name) for name in named]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    if sys.prefix != sys.base_prefix:
        folders.append(sys.prefix)  # a virtual environment is all library, wherever it stands
    return tuple(dict.fromkeys(folders))


def _our_folders() -> tuple[str, ...]:
    package = Path(__file__).parent.parent.parent
    return (str(package), *(os.path.realpath(package / name) for name in _OURS))


def _folders(paths: Iterable[str]) -> tuple[str, ...]:
    """The folders as prefixes, as they are written and with links resolved."""
    spellings = (spelling for path in paths for spelling in (os.path.abspath(path), os.path.realpath(path)))
    return tuple(dict.fromkeys(p if p.endswith("/") else p + "/" for p in spellings))
