"""Every `make` and `tiphys` command in the README's console blocks exists. Run as `python -m tests.checks.readme FILE`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tiphys.workflows.cli.parser import build_parser

_MAKE = re.compile(r"^\$ make ([a-z-]+)", re.MULTILINE)
_TIPHYS = re.compile(r"^\$ tiphys ([^\n#]*)", re.MULTILINE)


def problems(text: str, makefile: str) -> list[str]:
    """Commands of a Markdown text that do not exist, as sentences."""
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    found = [f"make {name}: no such target" for name in _MAKE.findall(text) if name not in targets]
    for command in _TIPHYS.findall(text):
        try:
            build_parser().parse_args(command.split())
        except SystemExit as stop:
            if stop.code:
                found.append(f"tiphys {command}: the command line refuses it")
    return found


def main() -> int:
    """Print the problems of the files named; 1 when there are any."""
    makefile = Path("Makefile").read_text("utf-8")
    found = [f"{name}: {p}" for name in sys.argv[1:] for p in problems(Path(name).read_text("utf-8"), makefile)]
    print("\n".join(found) or "README commands exist")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
