"""`tiphys why RUN ADDRESS`: which part of the key differs from the entry that the step could have hit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError, PlatformError
from tiphys.cluster.store.port import Store
from tiphys.cluster.store.records import Entry, Json, RunRecord, StepRecord
from tiphys.workflows.difference import Change, UnitText, compare, compare_units, sentence

if TYPE_CHECKING:
    from tiphys.workflows.api import RunOptions
    from tiphys.workflows.closure import Unit

_HISTORY = 1_024  # all items of an `each` share one history, and the same item is looked for


@dataclass(frozen=True, slots=True)
class Why:
    """The answer. `base` names what was compared with; `verdict` is the state of the step in that run."""

    address: str
    run: str
    verdict: str
    base: str
    changes: tuple[Change, ...]
    sentence: str


def explain(run_id: str, address: str, options: RunOptions) -> Why:
    """Compare an instance of a run with the newest entry before it of the same address, pipeline and scope."""
    from tiphys.workflows.api import load_config, open_store

    store = open_store(load_config(options))
    run = store.find_run(run_id)
    records = store.step_records(run.id)
    if address not in records:
        raise _unknown(run, address, records)
    record = records[address]
    if record.state == "hit":
        return Why(address, run.id, "hit", f"entry {(record.entry or '')[:12]}", (), record.reason)
    after = _components(store, record)
    if after is None:
        return Why(address, run.id, record.state, "", (), record.reason)
    base = base_entry(store.history(run.pipeline, record.address, limit=_HISTORY), run, address)
    if base is None:
        text = f"{record.reason}; no earlier entry of {address} in scope {run.scope}: there is nothing to compare with"
        return Why(address, run.id, record.state, "", (), text)
    changes = differences(store, base.components, after)
    text = sentence(changes) if changes else f"the key is that of the base; {record.reason}"
    return Why(address, run.id, record.state, _named(base), changes, text)


def base_entry(history: Sequence[Entry], run: RunRecord, address: str) -> Entry | None:
    """The newest entry of this instance that another run wrote before this one started, in the same scope; else that

    of any item of the call."""
    ours = [e for e in history if e.writer.run != run.id and e.writer.scope == run.scope and e.created <= run.started]
    same = (entry for entry in ours if entry.writer.address == address)
    return next(same, ours[0] if ours else None)


def differences(store: Store, before: Json, after: Json) -> tuple[Change, ...]:
    """All differences of two stored `components`, the code first."""
    changes: tuple[Change, ...] = ()
    if before["code"]["digest"] != after["code"]["digest"]:
        old, new = _stored_units(store, before["code"]), _stored_units(store, after["code"])
        changes = _code_changes(compare_units(old, new))
    return changes + compare(before, after)


def miss_sentence(
    store: Store, base: Entry | None, after: Json, units: Sequence[Unit], root: Path, address: str
) -> str:
    """Why a planned instance has no entry, in one sentence: against `base`, with the code as it is on disk.

    When `base` is another item of the call, its arguments are others by nature and say nothing.
    """
    if base is None:
        return "never run before"
    changes: tuple[Change, ...] = ()
    if base.components["code"]["digest"] != after["code"]["digest"]:
        new = [_unit_on_disk(unit, root) for unit in units]
        changes = _code_changes(compare_units(_stored_units(store, base.components["code"]), new))
    others = compare(base.components, after)
    if base.writer.address != address:
        others = tuple(change for change in others if change.component != "arguments")
        if not changes and not others:
            return "no result for these arguments yet"
    return sentence(changes + others)


def units_json(units: Sequence[Unit]) -> Json:
    """The units of a closure as they are stored beside the entries that they made."""
    return [
        {
            "module": u.module,
            "names": list(u.names),
            "digest": u.digest,
            "role": u.role,
            "file": u.file,
            "lines": [u.first_line, u.last_line],
            "pulled_by": u.pulled_by,
        }
        for u in units
    ]


def _code_changes(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Closures can differ while all units are equal: the order of statements or of imports changed."""
    return changes or (Change("code", "the order of statements or imports", "", "moved"),)


def _stored_units(store: Store, code: Json) -> list[UnitText]:
    if not code["units"]:
        return []
    try:
        units = json.loads(store.read_bytes(code["units"]))
        files = store.tree(code["files"])
    except PlatformError:  # gone by gc: then `why` says that the code changed, without the lines
        return []
    return [_stored_unit(store, unit, files) for unit in units]


def _stored_unit(store: Store, unit: Json, files: Mapping[str, Json]) -> UnitText:
    first, last = unit["lines"]

    def text() -> str:
        source = store.read_bytes(files[unit["file"]].digest).decode("utf-8", "replace")
        return "\n".join(source.splitlines()[first - 1 : last])

    name = _unit_name(unit["module"], unit["names"], first)
    return UnitText(name, unit["digest"], unit["role"], unit["file"], first, text)


def _unit_on_disk(unit: Unit, root: Path) -> UnitText:
    def text() -> str:
        source = (root / unit.file).read_text("utf-8", "replace")
        return "\n".join(source.splitlines()[unit.first_line - 1 : unit.last_line])

    name = _unit_name(unit.module, unit.names, unit.first_line)
    return UnitText(name, unit.digest, unit.role, unit.file, unit.first_line, text)


def _unit_name(module: str, names: Sequence[str], line: int) -> str:
    return f"{module}.{', '.join(names)}" if names else f"statement of {module} at line {line}"


def _components(store: Store, record: StepRecord) -> Json:
    if record.components is not None:
        return record.components
    if record.key is None or record.entry is None:
        return None
    entry = store.entry(record.key, record.entry)
    return None if entry is None else entry.components


def _named(entry: Entry) -> str:
    when = datetime.fromtimestamp(entry.created, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{entry.writer.address} of run {entry.writer.run} ({when}, scope {entry.writer.scope})"


def _unknown(run: RunRecord, address: str, records: Mapping[str, StepRecord]) -> InputError:
    from difflib import get_close_matches

    close = get_close_matches(address, records, n=3) or sorted(records)[:8]
    return InputError(f"run {run.id} has no step {address!r}", fix=f"it has {', '.join(close)}")
