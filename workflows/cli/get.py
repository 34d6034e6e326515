"""`tiphys get`: results of past runs, on the screen or as files."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError, PlatformError
from tiphys.cluster.store.records import Json, ObjectRef, RunRecord, StepRecord
from tiphys.workflows.api import load_config, open_store
from tiphys.workflows.cli.field import parts_of, select
from tiphys.workflows.cli.options import add_run, options_of
from tiphys.workflows.cli.parser import Command, Parser
from tiphys.workflows.cli.past_run import graph_or_none, in_order, records_at, result_of
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import short_value
from tiphys.workflows.display.table import table
from tiphys.workflows.display.text import bytes_text, call_of

if TYPE_CHECKING:
    from tiphys.cluster.store.port import Store

_GET = """Print a result of a past run, or with -o copy it out of the store: an artifact as its file or folder, anything
else as text. Without an address: what there is, and with -o the result of the run. A copy is verified, and yours to
edit."""


def _arguments(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("address", metavar="ADDRESS", nargs="?", help="a step (default: list what there is)")
    parser.add_argument("field", metavar="FIELD", nargs="?", help="a part of its result: `train`, `parts[3].auc`")
    parser.add_argument("-o", "--output", metavar="PATH", help="copy it here; into PATH when that is a folder")
    parser.add_argument("--force", dest="overwrite", action="store_true", help="let -o replace what is there")


def _get(arguments: argparse.Namespace, screen: Screen) -> int:
    store = open_store(load_config(options_of(arguments)))
    run = store.find_run(arguments.run)
    graph = graph_or_none(store, run)
    records = in_order(store.step_records(run.id).values(), graph)
    if arguments.address is None:
        if arguments.output:
            value = result_of(graph, {record.address: record for record in records})
            if value is None:
                raise InputError(
                    f"run {run.id} has no result: -o needs an ADDRESS",
                    fix=f"tiphys get {arguments.run} lists what there is",
                )
            target = copy_out(store, value, Path(arguments.output), where="the result", force=arguments.overwrite)
            _said(arguments, screen, run, value, target)
            return 0
        _list(arguments, screen, run, records)
        return 0
    found = records_at(run, records, arguments.address)
    single = len(found) == 1 and (
        found[0].address == arguments.address or call_of(found[0].address) != arguments.address
    )
    if single:
        value = _value(run, found[0])
    else:
        value = [_value(run, record) for record in found if record.state in ("hit", "succeeded")]
    where = arguments.address
    if arguments.field:
        value, where = select(value, arguments.field, where=where), f"{where}.{arguments.field}"
    if arguments.output:
        target = copy_out(store, value, Path(arguments.output), where=where, force=arguments.overwrite)
        _said(arguments, screen, run, value, target)
    else:
        _print(arguments, screen, run, value)
    return 0


def _value(run: RunRecord, record: StepRecord) -> Json:
    if record.state not in ("hit", "succeeded"):
        raise InputError(
            f"{record.address} {record.state} in run {run.id} and has no result: {record.reason}",
            fix=f"tiphys {'logs' if record.attempts else 'show'} {run.id}"
            + (f" {shlex.quote(record.address)}" if record.attempts else ""),
        )
    return record.outputs


def _list(arguments: argparse.Namespace, screen: Screen, run: RunRecord, records: tuple[StepRecord, ...]) -> None:
    if arguments.json:
        told = [{"address": r.address, "state": r.state, "outputs": r.outputs} for r in records]
        screen.json({"run": run.id, "steps": told})
        return
    rows = [[r.address, short_value(r.outputs) if r.state in ("hit", "succeeded") else f"({r.state})"] for r in records]
    screen.lines(table(screen, ("address", "result"), rows) or [f"no step of run {run.id} has ended"])


def _print(arguments: argparse.Namespace, screen: Screen, run: RunRecord, value: Json) -> None:
    if arguments.json:
        screen.json({"run": run.id, "address": arguments.address, "field": arguments.field, "value": value})
        return
    parts = parts_of(value)
    if not parts:
        screen.lines([artifact_text(value) if is_artifact(value) else plain_text(value)])
        return
    rows = [[name, artifact_text(part) if is_artifact(part) else short_value(part)] for name, part in parts.items()]
    screen.lines(table(screen, ("field", "value"), rows))


def _said(arguments: argparse.Namespace, screen: Screen, run: RunRecord, value: Json, target: Path) -> None:
    if arguments.json:
        told = {"run": run.id, "address": arguments.address, "field": arguments.field, "value": value}
        screen.json({**told, "path": str(target)})
    else:
        screen.lines([str(target)])


def is_artifact(value: Json) -> bool:
    """Whether an encoded value is a file or folder in the store."""
    return isinstance(value, dict) and "$artifact" in value


def artifact_text(value: Mapping[str, Json]) -> str:
    """`Features out.parquet: file, 1.2 MB, 9f86d081884c (-o PATH copies it)`."""
    kind = "folder" if value["kind"] == "tree" else "file"
    size = bytes_text(value["size"])
    return f"{value['$artifact']} {value['name']}: {kind}, {size}, {value['digest'][:12]} (-o PATH copies it)"


def plain_text(value: Json) -> str:
    """A value as a script wants it: text without quotes, everything else as it is shown."""
    return value if isinstance(value, str) else short_value(value)


def copy_out(store: Store, value: Json, path: Path, *, where: str, force: bool) -> Path:
    """Write an artifact or a value to `path`, complete or not at all; where it is now. Nothing is overwritten unless

    `force`. A path that is a folder takes the artifact inside, under its own name."""
    if not is_artifact(value) and (inner := [name for name, part in parts_of(value).items() if is_artifact(part)]):
        example = f", as in '{where}[{inner[0]}]'" if inner[0].isdigit() else ""
        raise InputError(
            f"{where} holds {len(inner)} artifacts: {', '.join(inner[:8])}", fix=f"name one of them{example}"
        )
    if path.is_dir():
        if not is_artifact(value):
            raise InputError(f"{path} is a folder", fix="give the name of a file")
        path = path / value["name"]
    if os.path.lexists(path) and not force:
        raise InputError(f"{path} exists", fix="give another path, or --force to replace it")
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no folder {path.absolute().parent}", fix="make it first")
    fresh = path.absolute().parent / f".{path.name[:100]}.{secrets.token_hex(4)}"
    try:
        if is_artifact(value):
            store.materialize(ObjectRef(value["digest"], value["kind"], value["size"]), fresh)
        else:
            fresh.write_text(plain_text(value) + "\n", "utf-8", errors="backslashreplace")
        _replace(fresh, path)
    except OSError as error:
        raise PlatformError(f"cannot write {path}: {error.strerror}", fix="give a path that can be written") from error
    finally:
        _discard(fresh)
    return path


def _replace(fresh: Path, path: Path) -> None:
    """Put `fresh` in the place of `path`; an old folder is moved aside first and deleted last."""
    if path.is_dir() and not path.is_symlink():
        old = fresh.with_name(f"{fresh.name}.old")
        path.rename(old)
        fresh.rename(path)
        shutil.rmtree(old)
    elif fresh.is_dir() and os.path.lexists(path):
        path.unlink()
        fresh.rename(path)
    else:
        fresh.replace(path)


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


COMMANDS = (
    Command(
        "get",
        _GET,
        (
            ("tiphys get latest", "what there is"),
            ("tiphys get latest evaluate auc", "one number"),
            ("tiphys get latest train -o model", "a copy of an artifact"),
        ),
        _arguments,
        _get,
    ),
)
