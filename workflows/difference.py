"""What differs between two keys, down to the changed function (pure). `why` shows it, `plan` says it in a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tiphys.cluster.store.records import Json

_DIFF_LINES = 24
_SHORT = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `component`: code, environment, python, arguments, env, secrets, reads, key version.

    `what` names the thing (`clean.normalise in clean.py:12`), `before` and `after` are short texts, `diff` is a
    unified diff of a changed function ("" for anything else).
    """

    component: str
    what: str
    before: str
    after: str
    diff: str = ""

    @property
    def sentence(self) -> str:
        """The change in one line."""
        if self.component == "code":
            return f"code changed: {self.what}"
        return f"{self.component} changed: {self.what} {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True)
class UnitText:
    """A unit of a closure as it was stored: its digest, where it stands and how to read its source lines."""

    name: str  # "clean.normalise"
    digest: str
    role: str  # code, effect or docs
    file: str
    line: int
    text: Callable[[], str]


def compare(before: Json, after: Json) -> tuple[Change, ...]:
    """Differences of two `components`, without the code (see `compare_units`), most telling first."""
    changes: list[Change] = []
    if before["key_version"] != after["key_version"]:
        changes.append(Change("key version", "", str(before["key_version"]), str(after["key_version"])))
    changes += _mappings("arguments", before["arguments"], after["arguments"])
    changes += _mappings("reads", before["reads"], after["reads"])
    changes += _mappings("environment", before["environment"], after["environment"])
    if before["python"] != after["python"]:
        changes.append(Change("python", "", before["python"], after["python"]))
    changes += _mappings("env", before["env"], after["env"])
    if before["secrets"] != after["secrets"]:
        changes.append(Change("secrets", "names", ", ".join(before["secrets"]), ", ".join(after["secrets"])))
    return tuple(changes)


def compare_units(before: Sequence[UnitText], after: Sequence[UnitText]) -> tuple[Change, ...]:
    """Changed, new and gone units of two closures, with a small diff of each changed one."""
    old = {(u.name, u.role): u for u in before}
    new = {(u.name, u.role): u for u in after}
    unmoved = {u.digest for u in before} & {u.digest for u in after}  # a statement without a name moves by lines
    changes = []
    for key, unit in new.items():
        if key not in old and unit.digest not in unmoved:
            changes.append(Change("code", f"{unit.name} is new ({unit.file}:{unit.line})", "", "new"))
        elif key in old and old[key].digest != unit.digest:
            diff = small_diff(old[key].text(), unit.text(), unit.file)
            changes.append(Change("code", f"{unit.name} ({unit.file}:{unit.line})", "", "edited", diff))
    for key, unit in old.items():
        if key not in new and unit.digest not in unmoved:
            changes.append(Change("code", f"{unit.name} is no longer used ({unit.file}:{unit.line})", "used", "gone"))
    return tuple(sorted(changes, key=lambda c: c.after != "edited"))


def small_diff(before: str, after: str, file: str) -> str:
    """A unified diff with one line of context, cut after some lines."""
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), f"{file} (then)", f"{file} (now)", "", "", 1, "")
    )
    if len(lines) > _DIFF_LINES:
        lines = [*lines[:_DIFF_LINES], f"… {len(lines) - _DIFF_LINES} more lines"]
    return "\n".join(lines)


def sentence(changes: Sequence[Change]) -> str:
    """The first change in a sentence, and how many more there are."""
    if not changes:
        return "the key is the same"
    more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
    return changes[0].sentence + more


def _mappings(component: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> list[Change]:
    changes = []
    for name in sorted({*before, *after}):
        if name not in before:
            changes.append(Change(component, name, "absent", short(after[name])))
        elif name not in after:
            changes.append(Change(component, name, short(before[name]), "absent"))
        elif not same(before[name], after[name]):
            changes += _inner(component, name, before[name], after[name])
    return changes


def _inner(component: str, name: str, before: Json, after: Json) -> list[Change]:
    """Into lists and dataclasses, so that the item that changed is named."""
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(f"{name}[{i}]", b, a) for i, (b, a) in enumerate(zip(before, after, strict=True)) if not same(b, a)]
        return [c for n, b, a in pairs for c in _inner(component, n, b, a)]
    if _is_data(before) and _is_data(after) and before["$data"] == after["$data"]:
        old, new = before["fields"], after["fields"]
        if old.keys() == new.keys():
            changed = [field for field in old if not same(old[field], new[field])]
            return [c for field in changed for c in _inner(component, f"{name}.{field}", old[field], new[field])]
    return [Change(component, name, short(before), short(after))]


def _is_data(value: Json) -> bool:
    return isinstance(value, dict) and "$data" in value


def same(before: Json, after: Json) -> bool:
    """Equality that tells `1`, `1.0` and `True` apart, as keys do."""
    return type(before) is type(after) and before == after and repr(before) == repr(after)


def short(value: Json) -> str:
    """A value as a person would want to see it in one line."""
    if value is None:
        return "absent"
    if isinstance(value, dict) and "$artifact" in value:
        return f"{value['$artifact']} {value['digest'][:12]}"
    if isinstance(value, dict) and "$path" in value:
        return str(value["$path"])
    if isinstance(value, str):
        return value[:12] if len(value) == 64 and " " not in value else value[:_SHORT]
    text = repr(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
