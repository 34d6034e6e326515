"""`tiphys runs`, `show` and `why`: what happened, and why."""

from __future__ import annotations

import argparse
import time
from itertools import islice

from tiphys.workflows.api import load_config, open_store, why
from tiphys.workflows.cli.options import add_run, options_of
from tiphys.workflows.cli.parser import Command, Parser, positive
from tiphys.workflows.cli.past_run import counts_of, graph_or_none, in_order, result_of
from tiphys.workflows.display.documents import runs_json, show_json, why_json
from tiphys.workflows.display.runs_view import runs_lines, show_lines
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.why_view import why_lines

_RUNS = """List the runs in the store, newest first, with what became of their steps. A run whose process died
without a word is shown as lost."""

_SHOW = """Show one run: its parameters, every step in the order of the pipeline with state, time and reason, and its
result."""

_WHY = """Say why a step ran in a run, against the newest earlier result of the same step: the argument, the file, the
package or the function that changed, with a small diff."""


def _runs_arguments(parser: Parser) -> None:
    parser.add_argument("--limit", type=positive, default=20, metavar="N", help="the newest N runs (default: 20)")


def _why_arguments(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("address", metavar="ADDRESS", help="the step: `train`, or one item: `featurize[3]`")


def _runs(arguments: argparse.Namespace, screen: Screen) -> int:
    store = open_store(load_config(options_of(arguments)))
    runs = [(run, counts_of(store.step_records(run.id).values())) for run in islice(store.runs(), arguments.limit)]
    if arguments.json:
        screen.json(runs_json(runs))
    else:
        screen.lines(runs_lines(screen, runs, time.time()) or ["no runs yet: tiphys run FILE"])
    return 0


def _show(arguments: argparse.Namespace, screen: Screen) -> int:
    store = open_store(load_config(options_of(arguments)))
    run = store.find_run(arguments.run)
    records = store.step_records(run.id)
    graph = graph_or_none(store, run)
    ordered, counts, result = in_order(records.values(), graph), counts_of(records.values()), result_of(graph, records)
    if arguments.json:
        screen.json(show_json(run, ordered, counts, result))
    else:
        screen.lines(show_lines(screen, run, ordered, counts, result))
    return 0


def _why(arguments: argparse.Namespace, screen: Screen) -> int:
    answer = why(arguments.run, arguments.address, options_of(arguments))
    if arguments.json:
        screen.json(why_json(answer))
    else:
        screen.lines(why_lines(screen, answer))
    return 0


COMMANDS = (
    Command(
        "runs",
        _RUNS,
        (("tiphys runs", "the newest 20"), ("tiphys runs --limit 5 --json", "for a script")),
        _runs_arguments,
        _runs,
    ),
    Command(
        "show",
        _SHOW,
        (("tiphys show latest", "the last run"), ("tiphys show 20261125-0136 --json", "by the start of its id")),
        add_run,
        _show,
    ),
    Command(
        "why",
        _WHY,
        (("tiphys why latest train", "what changed"), ("tiphys why latest 'featurize[3]'", "one item of an each")),
        _why_arguments,
        _why,
    ),
)
