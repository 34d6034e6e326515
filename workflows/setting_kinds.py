"""What a value of each setting must be: one checker a kind, and the table of all settings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Json

_Amount = TypeVar("_Amount", int, float)
# Patterns are compiled when a setting that has one is given.
_SCOPE = r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
_MINOR = r"3\.\d{1,2}(\.\d{1,2})?"
_WORD = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class WrongValue(Exception):
    """A value is not of its kind. `where`: the part of a table; `expected` "" when the kind's own text says it."""

    def __init__(self, expected: str = "", *, where: str = "", fix: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.where = where
        self.fix = fix


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """`[tool.tiphys.environments.NAME]`: the lock file (absolute), image, Python, platform and extras of one.

    `python`: "3.11", or exactly "3.11.9"; "" for the running one. `platform`: "linux-x86_64"; "" for the default.
    `extras`: which optional dependencies and groups of the project are installed there; None for all of them.
    """

    lock: Path | None = None
    image: str = ""
    python: str = ""
    platform: str = ""
    extras: tuple[str, ...] | None = None


class Kind(NamedTuple):
    """`check(value, base)` returns the value in its final form; `base` is where relative paths start.

    `from_text` reads environment variables and flags, None for tables, which only the file may hold.
    """

    expected: str
    check: Callable[[object, Path], Any]
    from_text: Callable[[str], object] | None = None


def _text(value: object, base: Path) -> str:
    if not isinstance(value, str) or not value:
        raise WrongValue("a text")
    return value


def _word(value: object, base: Path) -> str:
    if not isinstance(value, str) or not re.fullmatch(_WORD, value):
        raise WrongValue
    return value


def _scope(value: object, base: Path) -> str:
    if not isinstance(value, str) or not re.fullmatch(_SCOPE, value):
        raise WrongValue
    return value


def _folder(value: object, base: Path) -> Path:
    """A folder as an absolute path; `~` is the home folder. Other kinds of store are refused, not made as folders."""
    if not isinstance(value, str | Path) or not str(value) or "://" in str(value) or "\0" in str(value):
        raise WrongValue
    return Path(os.path.normpath(base / Path(value).expanduser()))


def _count(value: object, base: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise WrongValue
    return value


def _switch(value: object, base: Path) -> bool:
    if not isinstance(value, bool):
        raise WrongValue
    return value


def _texts(value: object, base: Path) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise WrongValue("a list of texts")
    return tuple(value)


def _imports(value: object, base: Path) -> Mapping[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {}
    for name, given in _items(value):
        try:
            result[name] = _texts([given] if isinstance(given, str) else given, base)
        except WrongValue:
            raise WrongValue("a distribution or a list of them (an empty one: none)", where=name) from None
    return result


def _environments(value: object, base: Path) -> Mapping[str, EnvironmentSettings]:
    return {name: _environment(given, name, base) for name, given in _items(value)}


def _environment(value: object, name: str, base: Path) -> EnvironmentSettings:
    checks: Mapping[str, Callable[[object, Path], Any]] = {
        "lock": _folder,
        "image": _text,
        "python": _python,
        "platform": _platform,
        "extras": _texts,
    }
    return EnvironmentSettings(**_parts(value, name, checks, base))


def _python(value: object, base: Path) -> str:
    if not isinstance(value, str) or not re.fullmatch(_MINOR, value):
        raise WrongValue('a version of Python as text: "3.11"')
    return value


def _platform(value: object, base: Path) -> str:
    from tiphys.workflows.environment.platforms import PLATFORMS  # only projects that name a platform need the list

    if not isinstance(value, str) or value not in PLATFORMS:
        raise WrongValue(f"one of {', '.join(sorted(PLATFORMS))}")
    return value


def _profiles(value: object, base: Path) -> Mapping[str, Mapping[str, Json]]:
    """Resources by profile, `memory = "4Gi"` as `memory_bytes`."""
    result: dict[str, Mapping[str, Json]] = {}
    for name, given in _items(value):
        parts = _parts(given, name, _RESOURCES, base)
        result[name] = {_IN_BYTES.get(part, part): amount for part, amount in parts.items()}
    return result


def _cores(value: object, base: Path) -> float:
    from tiphys.cluster.quantity import cpu_cores  # only projects with profiles need the parser

    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise WrongValue('cores as a number or a quantity: 2, 0.5, "500m"')
    return _quantity(cpu_cores, value)


def _bytes(value: object, base: Path) -> int:
    from tiphys.cluster.quantity import memory_bytes  # as above

    if isinstance(value, bool) or not isinstance(value, int | str):
        raise WrongValue('bytes as a quantity: "4Gi"')
    return _quantity(memory_bytes, value)


def _quantity(parse: Callable[[Any], _Amount], value: object) -> _Amount:
    try:
        return parse(value)
    except InputError as error:  # the caller names the place in the table
        raise WrongValue(f"a quantity; {error.fix}") from None


def _gpus(value: object, base: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WrongValue("a whole number of GPUs")
    return value


_IN_BYTES = {"memory": "memory_bytes", "ephemeral_storage": "ephemeral_storage_bytes"}
_RESOURCES: Mapping[str, Callable[[object, Path], Any]] = {
    "cpu": _cores,
    "memory": _bytes,
    "ephemeral_storage": _bytes,
    "gpu": _gpus,
    "gpu_type": _text,
    "link": _text,
}


def _items(value: object) -> list[tuple[str, object]]:
    if not isinstance(value, Mapping):
        raise WrongValue
    return list(value.items())


def _parts(value: object, name: str, checks: Mapping[str, Callable[[object, Path], Any]], base: Path) -> dict[str, Any]:
    """The entries of a small table, each checked; unknown ones are refused with the closest known one."""
    if not isinstance(value, Mapping):
        raise WrongValue("a table", where=name)
    result: dict[str, Any] = {}
    for key, given in value.items():
        if key not in checks:
            import difflib  # for errors alone

            found = difflib.get_close_matches(key, checks, n=1)
            listed = f"one of {', '.join(checks)}"
            raise WrongValue(listed, where=f"{name}.{key}", fix=f"did you mean {found[0]!r}?" if found else "")
        try:
            result[key] = checks[key](given, base)
        except WrongValue as wrong:
            raise WrongValue(wrong.expected or "a path", where=f"{name}.{key} = {given!r}") from None
    return result


def _count_text(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise WrongValue
    return int(text)


def _switch_text(text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise WrongValue
    return _SWITCHES[text.lower()]


def _texts_text(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _same(text: str) -> str:
    return text


KINDS: Mapping[str, Kind] = {
    "store": Kind("the path of a folder", _folder, _same),
    "scope": Kind("`main`, `pr/123` or `user/ann`", _scope, _same),
    "read": Kind("a list of texts", _texts, _texts_text),
    "profile": Kind("the name of a profile, such as `local`", _word, _same),
    "parallel": Kind("a whole number of at least 1", _count, _count_text),
    "path": Kind("a list of folders below the project root", _texts, _texts_text),
    "inert": Kind("a list of full names (`package.module.name`)", _texts, _texts_text),
    "imports": Kind("a table: import name = distribution", _imports),
    "environments": Kind("a table of environments", _environments),
    "profiles": Kind("a table of profiles", _profiles),
    "strict_resources": Kind("true or false", _switch, _switch_text),
}
"""Every setting, in the order in which `tiphys config` shows them."""
