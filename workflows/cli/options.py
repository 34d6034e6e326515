"""Arguments that several commands share, and what they mean for `workflows.api`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from tiphys.cluster.errors import InputError
from tiphys.workflows.api import RunOptions, Target
from tiphys.workflows.cli.parser import Parser, positive

_SETTINGS = ("store", "profile", "parallel", "strict_resources")
"""Arguments that are settings: given ones override `TIPHYS_*` and `[tool.tiphys]`."""


def add_target(parser: Parser) -> None:
    """`FILE[:PIPELINE]` and `-p name=value`."""
    parser.add_argument("target", metavar="FILE[:PIPELINE]", help="the pipeline's file; its name if there are several")
    add_parameters(parser)


def add_parameters(parser: Parser) -> None:
    """`-p name=value`."""
    parser.add_argument(
        "-p",
        "--param",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the pipeline, read by its annotation",
    )


def add_run(parser: Parser) -> None:
    """The run, as `latest`, an id or the start of one."""
    parser.add_argument("run", metavar="RUN", help="`latest`, the id of a run or the start of one")


def add_cache(parser: Parser) -> None:
    """What is served from the cache, and which steps are meant."""
    parser.add_argument(
        "--force", action="append", default=[], metavar="ADDRESS", help="run this step even if it would hit"
    )
    parser.add_argument("--no-cache", action="store_true", help="serve nothing from the cache; results are still kept")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="this step alone; what it needs must be in the cache",
    )
    parser.add_argument(
        "--until", action="append", default=[], metavar="ADDRESS", help="this step and what it needs, nothing more"
    )


def add_resources(parser: Parser) -> None:
    """Where and how wide it runs."""
    parser.add_argument("--profile", metavar="NAME", help="resources of [tool.tiphys.profiles.NAME] (default: local)")
    parser.add_argument("--parallel", type=positive, metavar="N", help="at most N steps at once")
    parser.add_argument(
        "--strict-resources",
        action="store_true",
        default=None,
        help="refuse a step that asks for more than this machine has, instead of running it alone",
    )
    parser.add_argument(
        "--allow-drift", action="store_true", help="run although installed packages differ from the lock; recorded"
    )


def target_of(arguments: argparse.Namespace) -> Target:
    """The pipeline and its parameters as typed."""
    file, pipeline = split_target(arguments.target)
    return Target(file, pipeline, parameters_of(arguments.parameters))


def split_target(text: str) -> tuple[Path, str | None]:
    """`pipelines/flights.py:flights` -> file and pipeline. A file whose name has a colon is found as it is."""
    path = Path(text)
    head, colon, name = text.rpartition(":")
    if not colon or path.exists():
        return path, None
    if not name.isidentifier():
        raise InputError(f"{text!r}: {name!r} is not the name of a pipeline", fix="write FILE.py or FILE.py:PIPELINE")
    return Path(head), name


def parameters_of(texts: Iterable[str]) -> Mapping[str, str]:
    """`name=value` texts by name; a name that is given twice is refused."""
    parameters: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"-p {text!r} is not NAME=VALUE", fix="write -p epochs=3")
        if name in parameters:
            raise InputError(f"-p {name} is given twice: {parameters[name]!r} and {value!r}", fix="give it once")
        parameters[name] = value
    return parameters


def options_of(arguments: argparse.Namespace) -> RunOptions:
    """How to run or plan; arguments that a command does not have keep their defaults."""
    given = vars(arguments)
    flags = {name: given[name] for name in _SETTINGS if given.get(name) is not None}
    return RunOptions(
        force=tuple(given.get("force", ())),
        cache=not given.get("no_cache", False),
        only=tuple(given.get("only", ())),
        until=tuple(given.get("until", ())),
        allow_drift=bool(given.get("allow_drift", False)),
        flags=flags,
    )
