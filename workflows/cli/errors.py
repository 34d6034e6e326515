"""Errors as a person sees them: what happened, what to do, and the exit code of the kind of error."""

from __future__ import annotations

import sys

from tiphys.cluster.errors import CheckError, TiphysError
from tiphys.workflows.display.screen import Screen, note, silence


def report(error: Exception, *, debug: bool, as_json: bool) -> int:
    """Print an error and return the exit code. Errors that Tiphys does not foresee are its own faults: exit 1."""
    if debug:
        import traceback

        traceback.print_exception(error)
    foreseen = error if isinstance(error, TiphysError) else _internal(error)
    if as_json and not isinstance(foreseen, CheckError):  # the answer that was checked is on standard output already
        from tiphys.workflows.display.documents import error_json

        try:
            Screen(sys.stdout).json(error_json(foreseen))
        except BrokenPipeError:  # whoever read the JSON has gone; the words below still say what happened
            silence(sys.stdout)
    note(error_text(foreseen))
    return foreseen.exit_code


def error_text(error: TiphysError) -> str:
    """`error: …` and `fix: …`, further lines indented below."""
    lines = ["error: " + _indented(error.message)]
    if error.fix:
        lines.append("fix:   " + _indented(error.fix))
    return "\n".join(lines)


def _internal(error: Exception) -> TiphysError:
    text = " ".join(str(error).split())
    named = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return TiphysError(
        f"internal error: {named}",
        fix="please report it, with what the same command prints with --debug",
    )


def _indented(text: str) -> str:
    return text.replace("\n", "\n       ")
