"""Finds the lock file of an environment and reads it, at most once for the same bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.memo import recall, remember
from tiphys.workflows.environment.model import Environment, Parsed, normalized
from tiphys.workflows.environment.platforms import (
    full_version,
    marker_environment,
    minor_version,
    running_platform,
    running_python,
)
from tiphys.workflows.setting_kinds import EnvironmentSettings

DEFAULT_LOCKS = ("uv.lock", "requirements.lock", "requirements.txt")
"""Lock files that are taken when the project names none, the first that there is."""

_FORMAT = 1  # of what is remembered: raised when a parser changes its answers
_INCLUDE = rb"^[ \t]*(?:-r|--requirement)[ =]*([^\s#]+)"  # compiled when a lock has such a line
_FOREIGN = {
    "poetry.lock": "poetry export -f requirements.txt -o requirements.lock",
    "pdm.lock": "pdm export -o requirements.lock",
    "Pipfile.lock": "pipenv requirements > requirements.lock",
    "pylock.toml": "uv pip compile pyproject.toml -o requirements.lock",
}


class _Lock(NamedTuple):
    """A lock file with those that it includes: (name as shown, bytes). `named`: the settings name it."""

    source: str
    files: tuple[tuple[str, bytes], ...]
    named: bool
    uv: bool


def load_environment(
    settings: EnvironmentSettings, root: Path, name: str = "default", cache: Path | None = None
) -> Environment:
    """The environment that `settings` describe, with the versions of its lock file.

    Lock: the one that the settings name; else the first of `uv.lock`, `requirements.lock`, `requirements.txt` in
    the root (a `requirements.txt` without exact versions is none); else what the running interpreter has.
    `cache`: a folder for what was parsed, may be unwritable. `InputError` when the lock cannot be used.
    """
    python = settings.python or running_python()
    platform = settings.platform or running_platform()
    passed_over: list[str] = []
    for lock in _candidates(settings, root, name):
        try:
            parsed = _parsed(lock, settings, python, platform, cache)
        except _not_pinned() as error:
            if lock.named or lock.files[0][0] != DEFAULT_LOCKS[-1]:
                raise
            passed_over.append(f"{error.message}; so it is not taken for a lock file")
            continue
        return Environment(
            name, lock.source, minor_version(python), platform, parsed.versions, parsed.requires,
            parsed.excluded, True, parsed.notes,
        )  # fmt: skip
    return _interpreter(python, platform, name, cache, passed_over)


def _candidates(settings: EnvironmentSettings, root: Path, name: str) -> Iterator[_Lock]:
    if settings.lock is not None:
        where = f"[tool.tiphys.environments.{name}] lock"
        yield _read(settings.lock, root, f"{_shown(settings.lock, root)} ({where})", where)
        return
    for default in DEFAULT_LOCKS:
        if (root / default).is_file():
            yield _read(root / default, root, default, "")


def _parsed(lock: _Lock, settings: EnvironmentSettings, python: str, platform: str, cache: Path | None) -> Parsed:
    chosen = None if settings.extras is None else frozenset(normalized(extra) for extra in settings.extras)
    extras = "*" if chosen is None else ",".join(sorted(chosen))
    digest = blake3(f"lock {_FORMAT} {full_version(python)} {platform} {extras} {lock.uv}\n".encode())
    for shown, data in lock.files:
        digest.update(f"{shown} {len(data)}\n".encode("utf-8", "surrogateescape"))
        digest.update(data)
    key = digest.hexdigest()
    known = recall(cache, key)
    if known is not None:
        return Parsed.from_json(known)
    parsed = _parse(lock, python, platform, chosen)
    remember(cache, key, parsed.to_json())
    return parsed


def _parse(lock: _Lock, python: str, platform: str, chosen: frozenset[str] | None) -> Parsed:
    # The parsers and `packaging` cost 30 ms: only a lock with new bytes needs them.
    from tiphys.workflows.environment.markers import Markers
    from tiphys.workflows.environment.requirements_lock import parse_requirements
    from tiphys.workflows.environment.uv_lock import parse_uv_lock

    markers = Markers(marker_environment(python, platform), chosen)
    texts = [(shown, _decoded(shown, data)) for shown, data in lock.files]
    if lock.uv:
        return parse_uv_lock(*texts[0], markers, chosen)
    return parse_requirements(texts, markers)


def _read(path: Path, root: Path, source: str, where: str) -> _Lock:
    """The bytes of a lock and, for requirements files, of all that it includes by `-r`."""
    if path.name in _FOREIGN:
        raise InputError(f"{source}: this format is not read", fix=f"turn it into pins: {_FOREIGN[path.name]}")
    uv = path.name.endswith("uv.lock")
    files: dict[Path, bytes] = {}
    waiting = [(path, f"{where} = " if where else "")]
    while waiting:
        file, asked = waiting.pop(0)
        try:
            data = file.read_bytes()
        except OSError as error:
            fix = "correct the path" if asked else "make it readable"
            raise InputError(f"{asked}{_shown(file, root)}: {error.strerror}", fix=fix) from error
        files[file] = data
        if not uv and b"-r" in data:
            for found in re.findall(_INCLUDE, data, re.MULTILINE):
                included = Path(os.path.normpath(file.parent / os.fsdecode(found)))
                if included not in files:
                    waiting.append((included, f"-r in {_shown(file, root)}: "))
    uv = uv or b"\n[[package]]" in files[path]
    return _Lock(source, tuple((_shown(file, root), data) for file, data in files.items()), bool(where), uv)


def _interpreter(python: str, platform: str, name: str, cache: Path | None, passed_over: list[str]) -> Environment:
    from tiphys.workflows.environment.installed import read_installed

    if minor_version(python) != running_python() or platform != running_platform():
        raise InputError(
            f"environment {name!r} is for Python {python} on {platform}, has no lock file, and this is "
            f"Python {running_python()} on {running_platform()}",
            fix=f'give it one: [tool.tiphys.environments.{name}] lock = "requirements.lock"',
        )
    parsed = read_installed(cache)
    notes = (*passed_over, "no lock file: versions are those that this interpreter has installed")
    return Environment(
        name, "this interpreter", minor_version(python), platform, parsed.versions, parsed.requires,
        locked=False, notes=notes,
    )  # fmt: skip


def _not_pinned() -> type[InputError]:
    """The class of one error, looked up only when an error is being handled."""
    from tiphys.workflows.environment.requirements_lock import NotPinned

    return NotPinned


def _shown(path: Path, root: Path) -> str:
    relative = os.path.relpath(path, root)
    return str(path) if relative.startswith("..") else relative.replace(os.sep, "/")


def _decoded(shown: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown} is not UTF-8 text: {error}", fix="lock again") from error
