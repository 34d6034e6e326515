"""`tiphys logs`: what steps wrote, of a run that is over or still goes on."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.naming import text_of
from tiphys.cluster.store.records import RunRecord, StepRecord
from tiphys.workflows.api import load_config, open_store
from tiphys.workflows.cli.options import add_run, options_of
from tiphys.workflows.cli.parser import Command, Parser
from tiphys.workflows.cli.past_run import graph_or_none, in_order, unknown_address
from tiphys.workflows.display.screen import Screen, note
from tiphys.workflows.display.text import call_of, clean

if TYPE_CHECKING:
    from tiphys.cluster.store.port import Store

_LOGS = """Print what the steps of a run wrote to their standard output and error. Without an address: all steps, each
line behind its address. A step that was served from the cache shows the log of the run that made its result; one that
failed ends with its error."""

_POLL_SECONDS = 0.2
_SUFFIX = ".log"


@dataclass(frozen=True, slots=True)
class Log:
    """The log of an instance. `made_by`: the run that wrote it when the instance was a hit, else "". `error`: of one

    that failed."""

    address: str
    path: Path
    made_by: str = ""
    error: str = ""


def _arguments(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("address", metavar="ADDRESS", nargs="?", help="a step, or all items of it (default: all steps)")
    parser.add_argument("--follow", action="store_true", help="go on until the run ends")


def _logs(arguments: argparse.Namespace, screen: Screen) -> int:
    if arguments.follow and arguments.json:
        raise InputError(
            "tiphys logs takes --follow or --json, not both", fix="tiphys run --json tells logs as they come"
        )
    store = open_store(load_config(options_of(arguments)))
    run = store.find_run(arguments.run)
    if arguments.follow:
        follow(store, run.id, arguments.address, screen, lambda: time.sleep(_POLL_SECONDS))
        return 0
    logs = logs_of(store, run, arguments.address)
    if arguments.json:
        told = [{"address": log.address, "run": log.made_by or run.id, "text": _text(log.path)} for log in logs]
        screen.json({"run": run.id, "logs": told})
        return 0
    _tell_cached([log for log in logs if log.made_by])
    for log in logs:
        prefix = _prefix(screen, log.address) if arguments.address is None or len(logs) > 1 else ""
        for line in _lines(log.path, screen):
            screen.line(prefix + line)
        for line in log.error.splitlines():
            screen.line(prefix + clean(line))
    return 0


def _tell_cached(logs: Sequence[Log]) -> None:
    if len(logs) == 1:
        note(f"note: {logs[0].address} was cached; this is its log in run {logs[0].made_by}")
    elif logs:
        note(f"note: {len(logs)} steps were cached; their logs are those of the runs that made their results")


def logs_of(store: Store, run: RunRecord, address: str | None) -> Sequence[Log]:
    """The logs of a run, or those at an address, in the order of the graph; running steps come last."""
    records = store.step_records(run.id)
    folder = _folder(store, run)
    ordered = in_order(records.values(), graph_or_none(store, run))
    open_now = sorted(_written(folder) - {record.address for record in ordered})
    known = [*(record.address for record in ordered), *open_now]
    if address is not None:
        known = [a for a in known if address in (a, call_of(a)) or a.startswith(f"{address}[")]
        if not known:
            raise unknown_address(run, [*records, *open_now], address)
    return [_log(store, run, a, records.get(a)) for a in known]


def follow(store: Store, run_id: str, address: str | None, screen: Screen, idle: Callable[[], None]) -> None:
    """Print what is written until the run ends; `idle` waits a moment. New steps are found as they begin."""
    places: dict[str, int] = {}
    while True:
        running = store.run(run_id).state == "running"  # asked before reading, so that the last words are read too
        folder = _folder(store, store.run(run_id))
        for name in sorted(_written(folder)):
            if address is None or address in (name, call_of(name)):
                path = store.log_path(run_id, name)
                places[name] = _print_from(path, places.get(name, 0), _prefix(screen, name), screen, whole=not running)
        screen.stream.flush()
        if not running:
            return
        idle()


def _print_from(path: Path, place: int, prefix: str, screen: Screen, *, whole: bool) -> int:
    """Print the complete lines behind byte `place` (`whole`: the rest of the last one too); the new place."""
    with path.open("rb") as file:
        file.seek(place)
        data = file.read()
    end = len(data) if whole else data.rfind(b"\n") + 1
    for line in data[:end].decode("utf-8", "replace").splitlines():
        screen.line(prefix + clean(line))
    return place + end


def _log(store: Store, run: RunRecord, address: str, record: StepRecord | None) -> Log:
    path = store.log_path(run.id, address)
    if path.exists() or record is None or record.state != "hit" or record.key is None or record.entry is None:
        return Log(address, path, error=record.error or "" if record is not None else "")
    entry = store.entry(record.key, record.entry)
    if entry is None:
        return Log(address, path)
    return Log(address, store.log_path(entry.writer.run, entry.writer.address), entry.writer.run)


def _folder(store: Store, run: RunRecord) -> Path:
    return store.log_path(run.id, "any").parent


def _written(folder: Path) -> set[str]:
    """Addresses that have a log in the folder."""
    names = (text_of(path.name.removesuffix(_SUFFIX)) for path in folder.iterdir() if path.name.endswith(_SUFFIX))
    return {name for name in names if name is not None}


def _prefix(screen: Screen, address: str) -> str:
    return f"{screen.address(address)} {screen.paint('|', 'dim')} "


def _lines(path: Path, screen: Screen) -> Iterator[str]:
    """Lines of a log; for a terminal without what would move its cursor, for a pipe as they were written."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                yield clean(line) if screen.terminal else line.rstrip("\n")
    except FileNotFoundError:
        return


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


COMMANDS = (
    Command(
        "logs",
        _LOGS,
        (
            ("tiphys logs latest", "everything, each line behind its address"),
            ("tiphys logs latest train", "one step"),
            ("tiphys logs latest --follow", "of a run that goes on in another terminal"),
        ),
        _arguments,
        _logs,
    ),
)
