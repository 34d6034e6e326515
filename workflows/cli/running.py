"""`tiphys run`, `rerun` and `spin`: the commands that run steps and show them live."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable
from pathlib import Path

from tiphys.workflows.api import RunOptions, RunResult, rerun, run, spin
from tiphys.workflows.cli.options import (
    add_cache,
    add_parameters,
    add_resources,
    add_run,
    add_target,
    options_of,
    parameters_of,
    target_of,
)
from tiphys.workflows.cli.parser import Command, Parser
from tiphys.workflows.display.run_plain import CommandsFor, PlainDisplay, RunDisplay
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.summary import Commands
from tiphys.workflows.run.events import Listener, RunEnded

_RUN = """Run a pipeline on this machine. Steps whose code, inputs and environment are unchanged are served from the
cache; the rest runs in processes of its own. With --json: one JSON line an event, the last one the summary."""

_RERUN = """Run a past run again: its parameters, its frozen time and its results of cache=False steps, with today's
code. What succeeded is served from the cache, unless an edit touches it."""

_SPIN = """Run one step on the inputs that it had in a past run, with today's code, whatever the cache says."""


def _run_arguments(parser: Parser) -> None:
    add_target(parser)
    add_cache(parser)
    add_resources(parser)


def _rerun_arguments(parser: Parser) -> None:
    add_run(parser)
    add_parameters(parser)
    parser.add_argument("--from-failed", action="store_true", help="go on from what failed; refused when nothing did")
    add_cache(parser)
    add_resources(parser)


def _spin_arguments(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("address", metavar="ADDRESS", help="the step: `train`, or one item: `featurize[3]`")
    add_resources(parser)


def _run(arguments: argparse.Namespace, screen: Screen) -> int:
    target, options = target_of(arguments), options_of(arguments)
    return _show(arguments, screen, options, lambda listen: run(target, options, listen))


def _rerun(arguments: argparse.Namespace, screen: Screen) -> int:
    options, parameters = options_of(arguments), parameters_of(arguments.parameters)
    failed: bool = arguments.from_failed

    def start(listen: Listener) -> RunResult:
        return rerun(arguments.run, from_failed=failed, parameters=parameters, options=options, listen=listen)

    return _show(arguments, screen, options, start)


def _spin(arguments: argparse.Namespace, screen: Screen) -> int:
    options = options_of(arguments)
    store = ["--store", arguments.store] if arguments.store else []
    again = shlex.join(["tiphys", "spin", arguments.run, arguments.address, *store])
    return _show(
        arguments, screen, options, lambda listen: spin(arguments.run, arguments.address, options, listen), again
    )


def _show(
    arguments: argparse.Namespace,
    screen: Screen,
    options: RunOptions,
    start: Callable[[Listener], RunResult],
    again: str = "",
) -> int:
    """Run with the display that fits the screen; the exit code."""

    def commands_for(end: RunEnded) -> Commands:
        return commands_from(Path.cwd(), end, arguments.store, again)

    with display_for(screen, commands_for, as_json=arguments.json) as listen:
        return start(listen).exit_code


def display_for(screen: Screen, commands_for: CommandsFor, *, as_json: bool) -> RunDisplay:
    """JSON lines, a live picture on a terminal, or plain lines."""
    if as_json:
        from tiphys.workflows.display.run_json import JsonDisplay

        return JsonDisplay(screen, commands_for)
    if screen.terminal:
        from tiphys.workflows.display.run_live import LiveDisplay

        return LiveDisplay(screen, commands_for, time.monotonic)
    return PlainDisplay(screen, commands_for, time.monotonic)


def commands_from(here: Path, end: RunEnded, store: str | None, again: str) -> Commands:
    """How to write commands about a run where the user stands: with `cd` when that is another project."""
    from tiphys.workflows.project import find_project

    folder = "" if find_project(here / "pyproject.toml").root == Path(end.run.root) else end.run.root
    named = () if store is None else ("--store", str(here / store) if folder else store)
    return Commands(folder, named, again)


COMMANDS = (
    Command(
        "run",
        _RUN,
        (
            ("tiphys run pipelines/flights.py", "the only pipeline of the file"),
            ("tiphys run pipelines/flights.py:flights -p epochs=1", "by name, with a parameter"),
            ("tiphys run pipelines/flights.py --until train --force train", "train anew and stop there"),
        ),
        _run_arguments,
        _run,
    ),
    Command(
        "rerun",
        _RERUN,
        (
            ("tiphys rerun latest --from-failed", "after the failed step was mended"),
            ("tiphys rerun 20261125 -p epochs=3", "the same with another parameter"),
        ),
        _rerun_arguments,
        _rerun,
    ),
    Command(
        "spin",
        _SPIN,
        (
            ("tiphys spin latest train", "try an edit of train alone"),
            ("tiphys spin latest 'featurize[3]'", "one item of an each"),
        ),
        _spin_arguments,
        _spin,
    ),
)
