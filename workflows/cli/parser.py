"""Words to arguments: argparse with our errors (exit 2, the closest match) and help that ends with examples."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from tiphys.cluster.errors import InputError
from tiphys.workflows.display.screen import Screen


@dataclass(frozen=True, slots=True)
class Command:
    """One command: how it is described, which arguments it takes, what it does.

    `examples`: (command line, what it is for). `handle` returns the exit code and raises `TiphysError`.
    """

    name: str
    description: str
    examples: tuple[tuple[str, str], ...]
    arguments: Callable[[Parser], None]
    handle: Callable[[argparse.Namespace, Screen], int]

    def parser(self) -> Parser:
        """The parser of this command with the options that all commands have."""
        parser = Parser(
            prog=f"tiphys {self.name}",
            description=self.description,
            epilog=examples_text(self.examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.arguments(parser)
        common = parser.add_argument_group("everywhere")
        common.add_argument("--store", metavar="PATH", help="the store (default: .tiphys in the project)")
        common.add_argument("--json", action="store_true", help="write JSON for machines")
        common.add_argument("--no-color", action="store_true", help="no colours (also: the variable NO_COLOR)")
        common.add_argument("--debug", action="store_true", help="show tracebacks of errors (also: TIPHYS_DEBUG=1)")
        return parser


class Parser(argparse.ArgumentParser):
    """A parser that raises `InputError` where argparse would print its usage and leave."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse."""
        raise InputError(f"{self.prog}: {message}", fix=f"{self.prog} --help shows what it takes")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments, or an `InputError` that names the first unknown word and what was meant."""
        self._refuse_unknown(words)
        arguments, extra = self.parse_known_args(words)
        if extra:
            raise self._too_much(extra[0])
        return arguments

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        known = list(self._option_string_actions)
        for word in words:
            if word == "--":
                return
            name = word.split("=", 1)[0]
            if name.startswith("--") and name not in known:
                close = get_close_matches(name, known, n=1)
                fix = f"did you mean {close[0]}?" if close else f"{self.prog} --help lists its options"
                raise InputError(f"{self.prog} has no option {name}", fix=fix)

    def _too_much(self, word: str) -> InputError:
        if word.startswith("-"):
            return InputError(f"{self.prog} has no option {word}", fix=f"{self.prog} --help lists its options")
        if "=" in word and "-p" in self._option_string_actions:
            return InputError(f"{self.prog}: {word!r} is not expected here", fix=f"a parameter is given as -p {word}")
        return InputError(f"{self.prog}: {word!r} is too much", fix=f"{self.prog} --help shows what it takes")


def examples_text(examples: Sequence[tuple[str, str]]) -> str:
    """The end of a help text."""
    width = max(len(command) for command, _ in examples)
    if width > 60:
        lines = [line for command, use in examples for line in (f"  # {use}", f"  {command}")]
    else:
        lines = [f"  {command:<{width}}  # {use}" for command, use in examples]
    return "\n".join(["examples:", *lines])


def positive(text: str) -> int:
    """An argument that counts: a whole number from 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return number


def closest(word: str, names: Sequence[str]) -> str:
    """`did you mean run?`, or the list."""
    close = get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(names)}"
