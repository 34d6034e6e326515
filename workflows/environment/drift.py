"""Compares what a lock says with what an interpreter has (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.model import EDITABLE, UNPINNED, Environment

PYTHON = "python"
"""The name under which the version of Python itself is compared."""

_MOST_SHOWN = 5
_ARCHIVE_BY_ADDRESS = "url:"
_ARCHIVES = ("sha256:", "url:")


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between lock and interpreter. `installed` is None when it is not there at all."""

    name: str
    locked: str
    installed: str | None


def drift(
    environment: Environment, installed: Mapping[str, str], wanted: Iterable[str], *, python: str | None = None
) -> tuple[Drift, ...]:
    """The differences that matter for `wanted` distributions (those of the components of the steps that will run).

    `installed` as of `installed_versions`; `python` is the interpreter's minor version, None to leave it out. An
    environment that *is* the interpreter has no drift.
    """
    if not environment.locked:
        return ()
    found: list[Drift] = []
    if python is not None and python != environment.python:
        found.append(Drift(PYTHON, environment.python, python))
    for name in sorted(set(wanted)):
        locked, here = environment.versions.get(name), installed.get(name)
        if locked is not None and not _same(locked, here):
            found.append(Drift(name, locked, here))
    return tuple(found)


def drift_sentence(environment: Environment, drifts: Iterable[Drift]) -> str:
    """`requirements.lock says numpy 2.4.6, this interpreter has 2.3.1; pandas 3.1.1, …`."""
    parts = [f"{d.name} {d.locked}, this interpreter has {d.installed or 'none'}" for d in drifts]
    more = f"; and {len(parts) - _MOST_SHOWN} more" if len(parts) > _MOST_SHOWN else ""
    return f"{environment.source} says " + "; ".join(parts[:_MOST_SHOWN]) + more


def drift_error(environment: Environment, drifts: tuple[Drift, ...]) -> InputError:
    """The refusal to run with other versions than the cache key says."""
    return InputError(drift_sentence(environment, drifts), fix=f"{_remedy(environment, drifts)}, or --allow-drift")


def _remedy(environment: Environment, drifts: tuple[Drift, ...]) -> str:
    if any(d.name == PYTHON for d in drifts):
        return f"run with Python {environment.python}"
    file = environment.source.split(" ", 1)[0]
    if file.endswith("uv.lock"):
        return "install what the lock says: uv sync"
    pins = [f"{d.name}=={d.locked}" for d in drifts]
    if len(pins) <= _MOST_SHOWN and not any("@" in pin for pin in pins):
        return f"install it: uv pip install {' '.join(pins)}"
    return f"install it: uv pip install -r {file}"


def _same(locked: str, installed: str | None) -> bool:
    """Equal as versions, and at the same commit or archive where the lock names one."""
    if locked == EDITABLE or locked.endswith(UNPINNED):
        return True  # the lock says nothing that could be compared
    if installed is None or installed == EDITABLE:
        return False
    version, _, direct = (part.strip() for part in locked.partition("@"))
    here, _, here_direct = (part.strip() for part in installed.partition("@"))
    if version and not _equal_versions(version, here):
        return False
    if direct and not direct.startswith(_ARCHIVE_BY_ADDRESS):
        return direct == here_direct
    # A wheel file of the locked version is that version; a commit of a repository may be anything.
    return not here_direct or here_direct.startswith(_ARCHIVES)


def _equal_versions(one: str, other: str) -> bool:
    if one == other:
        return True
    from packaging.version import InvalidVersion, Version  # `1.0` and `1.0.0` are rare: most are equal as text

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False
