"""`tiphys plan`: the table of what would run, and the checks that CI asks for."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from tiphys.cluster.errors import CheckError
from tiphys.workflows.api import plan
from tiphys.workflows.cli.options import add_cache, add_resources, add_target, options_of, target_of
from tiphys.workflows.cli.parser import Command, Parser
from tiphys.workflows.display.documents import plan_json
from tiphys.workflows.display.plan_view import plan_lines
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.text import counted
from tiphys.workflows.plan_model import PlannedStep

_PLAN = """Show what a run would do now, and start nothing. HIT: served from the cache. RUN: runs, and why. MAYBE:
depends on what runs before it. CHECK: an effect, which looks at the outside world first. SKIP: its condition is
false. Hours are the request times the median of the last five runs; what never ran is unknown, with its limit."""

_SHOWN = 5


def _arguments(parser: Parser) -> None:
    add_target(parser)
    add_cache(parser)
    add_resources(parser)
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        choices=("run", "gpu"),
        help="exit 4 when a step would or might run (run), or would use a GPU (gpu)",
    )


def _plan(arguments: argparse.Namespace, screen: Screen) -> int:
    planned = plan(target_of(arguments), options_of(arguments))
    if arguments.json:
        screen.json(plan_json(planned))
    else:
        screen.lines(plan_lines(screen, planned))
    for check in arguments.fail_on:
        require(check, planned.steps)
    return 0


def require(check: str, steps: Iterable[PlannedStep]) -> None:
    """Raise `CheckError` when `--fail-on CHECK` does not hold, with the first addresses that break it."""
    found = [s.address for s in steps if (runs(s) if check == "run" else uses_gpu(s))]
    if found:
        shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        what = "run" if check == "run" else "use a GPU"
        raise CheckError(
            f"--fail-on {check}: {counted(len(found), 'step')} would or might {what}: {shown}",
            fix="the table above says why; tiphys why explains a step that ran",
        )


def runs(step: PlannedStep) -> bool:
    """It runs, or may: an effect (CHECK) looks at the outside world and does not count."""
    return step.verdict in ("RUN", "MAYBE")


def uses_gpu(step: PlannedStep) -> bool:
    """It may start and asks for a GPU, for however short or unknown a time."""
    return step.hours is not None and (step.hours.gpu is None or step.hours.gpu > 0)


COMMANDS = (
    Command(
        "plan",
        _PLAN,
        (
            ("tiphys plan pipelines/flights.py", "before a run"),
            ("tiphys plan pipelines/flights.py -p epochs=20 --json", "for a script"),
            ("tiphys plan pipelines/flights.py --fail-on run", "in CI: exit 4 when anything would run"),
        ),
        _arguments,
        _plan,
    ),
)
