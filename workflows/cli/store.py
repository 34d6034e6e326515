"""`tiphys store ls`, `verify` and `gc`: what the store holds, whether it is intact, what may go."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tiphys.cluster.errors import CheckError
from tiphys.cluster.quantity import duration_seconds
from tiphys.cluster.store.folder import FolderStore
from tiphys.workflows.api import load_config
from tiphys.workflows.cli.options import options_of
from tiphys.workflows.cli.parser import Command, Parser
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.store_view import (
    gc_json,
    gc_lines,
    holdings_json,
    holdings_lines,
    holdings_of,
    verify_json,
    verify_lines,
)
from tiphys.workflows.display.text import bytes_text, counted

if TYPE_CHECKING:
    from tiphys.cluster.store.verify import Checked

_LS = """Count what the store holds: entries and objects by pipeline and step, runs, and bytes on the disk. An object
that several steps share counts for each of them; the last line counts it once."""

_VERIFY = """Read every object and record again and compare it with its digest. What is corrupt is moved to
quarantine/ and made anew by the next run that needs it. Exit 4 when anything was wrong."""

_GC = """List what no run of the last --keep needs: old runs, results that no kept run used, their objects, and
leftovers of processes that died. Nothing of the last day is ever deleted. Without --yes nothing is."""

_TELL_SECONDS = 0.5


def _no_arguments(parser: Parser) -> None:
    """Nothing but what all commands take."""


def _gc_arguments(parser: Parser) -> None:
    parser.add_argument("--keep", default="30d", metavar="TIME", help="keep what was used within: 12h, 30d (default)")
    parser.add_argument("--yes", action="store_true", help="delete it; without this it is only listed")


def _store(arguments: argparse.Namespace) -> FolderStore:
    config = load_config(options_of(arguments))
    return FolderStore(config.store, scope=config.scope, create=False)


def _ls(arguments: argparse.Namespace, screen: Screen) -> int:
    store = _store(arguments)
    held = holdings_of(store.gc_facts(), store.entries, sum(1 for _ in store.runs()))
    if arguments.json:
        screen.json(holdings_json(str(store.root), held))
    else:
        screen.lines(holdings_lines(screen, str(store.root), held, time.time()))
    return 0


def _verify(arguments: argparse.Namespace, screen: Screen) -> int:
    checked, size, wrong = Counter[str](), 0, []
    for one in _told(screen, _store(arguments).verify()):
        checked[one.kind] += 1
        size += one.size_bytes
        if one.problem:
            wrong.append(one)
    if arguments.json:
        screen.json(verify_json(checked, size, wrong))
    else:
        screen.lines(verify_lines(screen, checked, size, wrong))
    if wrong:
        raise CheckError(
            f"{counted(len(wrong), 'problem')} in the store",
            fix="run the pipelines again: they make anew what they need",
        )
    return 0


def _told(screen: Screen, checks: Iterable[Checked]) -> Iterator[Checked]:
    """The checks, with their progress on a terminal: hashing terabytes takes a while."""
    told, count, size = time.monotonic(), 0, 0
    for one in checks:
        count, size = count + 1, size + one.size_bytes
        if screen.terminal and time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            screen.stream.write(f"\r{counted(count, 'file')} checked, {bytes_text(size)}\x1b[K")
            screen.stream.flush()
        yield one
    if screen.terminal:
        screen.stream.write("\r\x1b[K")


def _gc(arguments: argparse.Namespace, screen: Screen) -> int:
    from tiphys.cluster.store.gc import Policy, plan_gc

    keep = duration_seconds(arguments.keep, where="--keep")
    store = _store(arguments)
    collection = plan_gc(store.gc_facts(), Policy(runs_seconds=keep, entries_seconds=keep), time.time())
    done = list(store.delete(collection)) if arguments.yes else []
    if arguments.json:
        screen.json(gc_json(collection, done, deleted=arguments.yes))
    else:
        screen.lines(gc_lines(screen, collection, done, deleted=arguments.yes))
    return 0


COMMANDS = (
    Command(
        "store ls",
        _LS,
        (
            ("tiphys store ls", "of this project"),
            ("tiphys store ls --store /mnt/store --json", "of another, for a script"),
        ),
        _no_arguments,
        _ls,
    ),
    Command(
        "store verify",
        _VERIFY,
        (("tiphys store verify", "after a disk gave errors"), ("tiphys store verify --json", "for a script")),
        _no_arguments,
        _verify,
    ),
    Command(
        "store gc",
        _GC,
        (
            ("tiphys store gc", "list what would go"),
            ("tiphys store gc --keep 7d --yes", "delete what nobody used for a week"),
        ),
        _gc_arguments,
        _gc,
    ),
)
