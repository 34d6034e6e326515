"""Every `make` and `tiphys` command in a page's console blocks exists. Run as `python -m tests.checks.readme FILE`."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from tiphys.cluster.errors import TiphysError
from tiphys.workflows.cli.main import find_command

_MAKE = re.compile(r"^\$ make ([a-z-]+)", re.MULTILINE)
_TIPHYS = re.compile(r"^\$ tiphys ([^\n#]*)", re.MULTILINE)


def problems(text: str, makefile: str) -> list[str]:
    """Commands of a Markdown text that do not exist, as sentences."""
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    found = [f"make {name}: no such target" for name in _MAKE.findall(text) if name not in targets]
    for command in _TIPHYS.findall(text):
        words = shlex.split(command)
        try:
            known, rest = find_command(words)
            if known is not None and "--help" not in rest:
                known.parser().parse(rest)
        except TiphysError as error:
            found.append(f"tiphys {command.strip()}: {error.message}")
    return found


def main() -> int:
    """Print the problems of the files named; 1 when there are any."""
    makefile = Path("Makefile").read_text("utf-8")
    found = [f"{name}: {p}" for name in sys.argv[1:] for p in problems(Path(name).read_text("utf-8"), makefile)]
    print("\n".join(found) or "README commands exist")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
