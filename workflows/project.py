"""The project around a pipeline file: its root, the folders that go on `sys.path`, and the names of its modules.

Root: the nearest parent with `pyproject.toml` or `.git`, else the file's folder. Modules are named as by pytest's
*prepend* mode: up from the file while the folder has an `__init__.py`; the first folder without one goes on `sys.path`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiphys.cluster.errors import InputError

_MARKS = ("pyproject.toml", ".git")
_OURS = "tiphys"


@dataclass(frozen=True, slots=True)
class Project:
    """Where first-party code is found.

    `search`: absolute folders in the order in which a worker has them at the front of `sys.path`. `inert`: full names
    (`package.module.decorator`) of decorators and bases that only register or wrap.
    """

    root: Path
    search: tuple[Path, ...]
    inert: frozenset[str] = frozenset()

    def module_of(self, file: Path) -> str:
        """The name by which a worker imports a file (`pipelines/flights.py` without `__init__.py`: `flights`)."""
        path = Path(os.path.abspath(file))
        folder = _import_folder(path)
        parts = list(path.relative_to(folder).with_suffix("").parts)
        if len(parts) > 1 and parts[-1] == "__init__":
            parts.pop()
        if parts[0] == _OURS:
            raise InputError(
                f"{self.relative(path)} would be imported as {'.'.join(parts)}, and {_OURS} is this library's own name",
                fix=f"rename {'the file' if len(parts) == 1 else 'the folder'}",
            )
        for part in parts:
            if "." in part:
                raise InputError(
                    f"{self.relative(path)} cannot be imported: {part!r} has a dot", fix="rename it without the dot"
                )
        return ".".join(parts)

    def relative(self, path: Path | str) -> str:
        """POSIX path below the root; the absolute path as text when it is outside."""
        full = os.path.normpath(os.path.join(self.root, path))
        root = str(self.root)
        if full == root:
            return "."
        prefix = root if root.endswith(os.sep) else root + os.sep
        return (full[len(prefix) :] if full.startswith(prefix) else full).replace(os.sep, "/")


def find_project(file: Path) -> Project:
    """The project of a pipeline file, with `path` and `inert` of its `[tool.tiphys]`."""
    path = Path(os.path.abspath(file))
    root = _root_of(path.parent)
    table = _settings(root / "pyproject.toml")
    folders = [_import_folder(path), root]
    folders += [Path(os.path.normpath(root / entry)) for entry in _texts(table, "path", root)]
    if (root / "src").is_dir():
        folders.append(root / "src")
    return Project(root, tuple(dict.fromkeys(folders)), frozenset(_texts(table, "inert", root)))


def _root_of(folder: Path) -> Path:
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _MARKS):
            return candidate
    return folder


def _import_folder(file: Path) -> Path:
    """The first folder above the file that is not a regular package."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder


def _settings(pyproject: Path) -> dict[str, Any]:
    """The `[tool.tiphys]` table; empty when there is none."""
    try:
        data = pyproject.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    if b"tiphys" not in data:
        return {}
    import tomllib  # 10 ms that most projects without settings need not pay

    try:
        table = tomllib.loads(data.decode("utf-8")).get("tool", {}).get("tiphys", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {pyproject}: {error}", fix="correct the file: it must be TOML") from error
    if not isinstance(table, dict):
        raise InputError(f"{pyproject}: tool.tiphys is {table!r}, not a table", fix="write [tool.tiphys]")
    return table


def _texts(table: dict[str, Any], field: str, root: Path) -> list[str]:
    value = table.get(field, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(
            f"{root / 'pyproject.toml'}: tool.tiphys.{field} is {value!r}, not a list of texts",
            fix=f'write {field} = ["…"]',
        )
    return value
