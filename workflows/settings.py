"""Settings of a project, each with where it came from: `[tool.tiphys]` < `TIPHYS_*` < flags of the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Json
from tiphys.workflows.setting_kinds import KINDS, EnvironmentSettings, WrongValue

DEFAULT = "default"
PYPROJECT = "pyproject.toml [tool.tiphys]"
_PREFIX = "TIPHYS_"
_CLOSE = 0.85  # how like a setting an unknown TIPHYS_* name must be to be taken for a misspelt one


class Setting(NamedTuple):
    """One value as `tiphys config` shows it. `source`: `default`, the table, `TIPHYS_STORE` or `--store`."""

    name: str
    value: Json
    source: str


@dataclass(frozen=True, slots=True)
class Config:
    """The settings that hold for one project. Paths are absolute, except `path`, which is relative to the root.

    `scope` is who writes entries (`main`, `pr/123`, `user/ann`); `read` the further stores or scopes to read, in
    order. `parallel`: most steps at once, None for as many as fit. `imports`: import name -> distributions.
    `profiles`: name -> resources in the units of `graph.Settings` (`cpu` cores, `memory_bytes`, `gpu`, `gpu_type`, …).
    `provenance`: setting -> source.
    """

    root: Path
    store: Path
    scope: str
    read: tuple[str, ...] = ()
    profile: str = "local"
    parallel: int | None = None
    path: tuple[str, ...] = ()
    inert: tuple[str, ...] = ()
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environments: Mapping[str, EnvironmentSettings] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    strict_resources: bool = False
    provenance: Mapping[str, str] = field(default_factory=dict)

    def shown(self) -> tuple[Setting, ...]:
        """Every setting in a fixed order, tables by dotted name (`environments.gpu.lock`)."""
        found: list[Setting] = []
        for name in KINDS:
            source = self.provenance.get(name, DEFAULT)
            found += [Setting(path, value, source) for path, value in _leaves(name, getattr(self, name))]
        return tuple(found)


def load_config(root: Path, flags: Mapping[str, object], environ: Mapping[str, str]) -> Config:
    """The settings of the project at `root`. Flags that are None were not given.

    `InputError` names the key, the value and what was expected; unknown keys come with the closest known one.
    """
    root = root.absolute()
    values: dict[str, Any] = {"store": root / ".tiphys", "scope": f"user/{_user(environ)}"}
    provenance: dict[str, str] = {}

    def take(name: str, value: object, source: str, shown: str, base: Path) -> None:
        values[name] = _checked(name, value, shown, base)
        provenance[name] = source

    for name, value in _table(root).items():
        _require_known(name, KINDS, f"{root / 'pyproject.toml'} [tool.tiphys]")
        take(name, value, PYPROJECT, f"{root / 'pyproject.toml'} [tool.tiphys] {name} = {value!r}", root)
    for variable, text in sorted(environ.items()):
        if variable.startswith(_PREFIX) and text:
            for name in _named_by(variable):
                take(name, _from_text(name, text, f"{variable}={text}"), variable, f"{variable}={text}", Path.cwd())
    for name, value in flags.items():
        flag = "--" + name.replace("_", "-")
        _require_known(name, KINDS, "the command line")
        if value is not None:
            value = _from_text(name, value, f"{flag} {value}") if isinstance(value, str) else value
            take(name, value, flag, f"{flag} {value}", Path.cwd())
    return Config(root=root, **values, provenance=provenance)


def close_match(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?`, or the list of what is known."""
    import difflib  # for errors alone

    names = sorted(known)
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else f"known: {', '.join(names)}"


def _table(root: Path) -> Mapping[str, object]:
    """The `[tool.tiphys]` table; empty when there is none."""
    file = root / "pyproject.toml"
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}", fix="make it readable") from error
    if b"tiphys" not in data:  # spares most projects the import of a TOML reader, 4 ms
        return {}
    import tomllib

    try:
        table = tomllib.loads(data.decode("utf-8")).get("tool", {}).get("tiphys", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is not TOML: {error}", fix="correct that line") from error
    if not isinstance(table, dict):
        raise InputError(f"{file}: tool.tiphys is {table!r}, expected a table", fix="write [tool.tiphys]")
    return table


def _named_by(variable: str) -> tuple[str, ...]:
    """The setting that an environment variable means: none when it is another program's or a secret's."""
    word = variable.removeprefix(_PREFIX)
    name = word.lower()
    if name in KINDS and word.isupper():
        return (name,) if KINDS[name].from_text is not None else ()
    import difflib  # few environments have a TIPHYS_* variable that is not ours

    if difflib.get_close_matches(name, KINDS, n=1, cutoff=_CLOSE):
        known = [_PREFIX + n.upper() for n, kind in KINDS.items() if kind.from_text is not None]
        raise InputError(f"{variable} is set, and there is no such setting", fix=close_match(variable, known))
    return ()


def _require_known(name: str, known: Iterable[str], where: str) -> None:
    names = list(known)
    if name not in names:
        raise InputError(f"{where} has no setting {name!r}", fix=close_match(name, names))


def _checked(name: str, value: object, shown: str, base: Path) -> object:
    try:
        return KINDS[name].check(value, base)
    except WrongValue as wrong:
        expected = wrong.expected or KINDS[name].expected
        place = f" ({wrong.where})" if wrong.where else ""
        raise InputError(f"{shown}{place}: expected {expected}", fix=wrong.fix or f"correct {name!r}") from None


def _from_text(name: str, text: str, shown: str) -> object:
    kind = KINDS[name]
    if kind.from_text is None:
        raise InputError(f"{shown}: {name!r} is a table", fix=f"write it in pyproject.toml: [tool.tiphys.{name}]")
    try:
        return kind.from_text(text)
    except WrongValue:
        raise InputError(f"{shown}: expected {kind.expected}", fix=f"correct {name!r}") from None


def _user(environ: Mapping[str, str]) -> str:
    """Who runs this, in characters that a scope may have."""
    name = environ.get("USER") or environ.get("LOGNAME") or ""
    if not name:
        import pwd  # containers often have neither variable

        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            name = str(os.getuid())
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".-") or str(os.getuid())


def _leaves(name: str, value: Any) -> list[tuple[str, Json]]:
    if isinstance(value, EnvironmentSettings):
        given = {part: getattr(value, part) for part in value.__slots__}
        return [leaf for part, v in given.items() if v for leaf in _leaves(f"{name}.{part}", v)]
    if isinstance(value, Mapping) and value:
        return [leaf for part, v in value.items() for leaf in _leaves(f"{name}.{part}", v)]
    if isinstance(value, tuple):
        return [(name, list(value))]
    return [(name, str(value) if isinstance(value, Path) else value)]  # an empty table as it is
