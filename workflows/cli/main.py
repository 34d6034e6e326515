"""From the words on the command line to an exit code. Imports what the command needs and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError
from tiphys.workflows.display.screen import note, say, silence

if TYPE_CHECKING:
    from tiphys.workflows.cli.parser import Command

INTERRUPTED = 130
_LEADING = ("--debug", "--json", "--no-color")
_VALUED = ("--store",)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; nothing but `SystemExit` of a nested tool escapes."""
    words = list(sys.argv[1:] if words is None else words)
    _prepare_streams()
    try:
        code = dispatch(words)
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        return 0  # the reader, such as `head`, has all that it wanted
    except KeyboardInterrupt:
        note("interrupted")
        return INTERRUPTED
    except Exception as error:  # the one place where any error becomes a message
        from tiphys.workflows.cli.errors import report

        return report(error, debug=_debug(words), as_json="--json" in words)
    return code


def dispatch(words: list[str]) -> int:
    """Find the command and call it. Raises `TiphysError`."""
    words = _command_first(words)
    if not words or words[0] in ("-h", "--help", "help"):
        return _help(words)
    if words[0] in ("-V", "--version"):
        return _version("--json" in words)
    command, rest = find_command(words)
    if command is None:
        return 0
    arguments = command.parser().parse(rest)
    from tiphys.workflows.display.screen import screen_for

    screen = screen_for(sys.stdout, os.environ, no_colour=arguments.no_color)
    return command.handle(arguments, screen)


def find_command(words: Sequence[str]) -> tuple[Command | None, Sequence[str]]:
    """The command that the words name, and the words behind it. None when help on a family was asked and given."""
    from tiphys.workflows.cli.registry import COMMANDS, FAMILIES

    name, rest = words[0], words[1:]
    if name in FAMILIES:
        members = [command for command in COMMANDS if command.startswith(f"{name} ")]
        if not rest or rest[0] in ("-h", "--help"):
            say(_family_help(name, members))
            if not rest:
                raise InputError(f"tiphys {name} needs a command", fix=f"one of {', '.join(members)}")
            return None, ()
        name, rest = f"{name} {rest[0]}", rest[1:]
        if name not in COMMANDS:
            raise _unknown(name, members)
    elif name not in COMMANDS:
        raise _unknown(name, list(COMMANDS))
    return load_command(name), rest


def load_command(name: str) -> Command:
    """Import the module of a command."""
    from tiphys.workflows.cli.registry import COMMANDS

    module = import_module(f"tiphys.workflows.cli.{COMMANDS[name][0]}")
    command: Command = next(c for c in module.COMMANDS if c.name == name)
    return command


def _command_first(words: list[str]) -> list[str]:
    """Options that stand before the command are moved to the end, where its parser takes them."""
    moved: list[str] = []
    rest = list(words)
    while rest and (rest[0] in _LEADING or rest[0].split("=", 1)[0] in _VALUED):
        word = rest.pop(0)
        moved.append(word)
        if word in _VALUED and rest:
            moved.append(rest.pop(0))
    return [*rest, *moved] if rest else []


def _unknown(name: str, names: list[str]) -> InputError:
    from tiphys.workflows.cli.parser import closest

    if name.split(":")[0].endswith(".py"):
        return InputError(f"tiphys has no command {name!r}", fix=f"did you mean tiphys run {name}?")
    kind = "option" if name.startswith("-") else "command"
    return InputError(f"tiphys has no {kind} {name!r}", fix=closest(name, names))


def _help(words: list[str]) -> int:
    from tiphys.workflows.cli.registry import root_help

    if len(words) > 1 and words[0] == "help":
        return dispatch([*words[1:], "--help"])
    say(root_help())
    if not words:
        note("\nerror: a command is missing")
        return InputError.exit_code
    return 0


def _family_help(name: str, members: list[str]) -> str:
    from tiphys.workflows.cli.registry import COMMANDS

    lines = [f"usage: tiphys {name} COMMAND [OPTIONS]", ""]
    return "\n".join(lines + [f"  tiphys {member:<13} {COMMANDS[member][1]}" for member in members])


def _version(as_json: bool) -> int:
    from importlib.metadata import version  # 15 ms

    number = version("tiphys")
    say(f'{{"version": "{number}"}}' if as_json else f"tiphys {number}")
    return 0


def _debug(words: Sequence[str]) -> bool:
    return "--debug" in words or os.environ.get("TIPHYS_DEBUG", "") not in ("", "0")


def _prepare_streams() -> None:
    """Names and logs may hold any character: what a stream cannot show is escaped, and never an error."""
    if sys.stdout is None or sys.stderr is None:  # closed by the caller
        nothing = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open as long as we live)
        sys.stdout, sys.stderr = sys.stdout or nothing, sys.stderr or nothing
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
