"""`tiphys config`: every setting with its source."""

from __future__ import annotations

import argparse

from tiphys.workflows.api import load_config
from tiphys.workflows.cli.options import options_of
from tiphys.workflows.cli.parser import Command, Parser, positive
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.table import table

_CONFIG = """Show every setting of the project around the current folder, and where its value comes from:
a default, [tool.tiphys] of its pyproject.toml, a variable TIPHYS_NAME, or a flag. The later ones win."""


def _arguments(parser: Parser) -> None:
    parser.add_argument("--profile", metavar="NAME", help="as for run, to see what it makes of the settings")
    parser.add_argument("--parallel", type=positive, metavar="N", help="as for run")


def _config(arguments: argparse.Namespace, screen: Screen) -> int:
    config = load_config(options_of(arguments))
    settings = config.shown()
    if arguments.json:
        told = {setting.name: {"value": setting.value, "source": setting.source} for setting in settings}
        screen.json({"root": str(config.root), "settings": told})
        return 0
    rows = [[setting.name, value_text(setting.value), setting.source] for setting in settings]
    screen.lines([f"project {config.root}", "", *table(screen, ("setting", "value", "from"), rows)])
    return 0


def value_text(value: object) -> str:
    """A value as it is written in a table: `-` for none."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)


COMMANDS = (
    Command(
        "config",
        _CONFIG,
        (
            ("tiphys config", "what holds here"),
            ("TIPHYS_PARALLEL=2 tiphys config --json", "with a variable, for a script"),
        ),
        _arguments,
        _config,
    ),
)
