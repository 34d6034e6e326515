"""What can go wrong, by what it means for the caller: the exit code is part of the type.

A message says what happened, with values; `fix` says what to do next. Both are shown, a traceback is not
(`--debug` shows it). Exit codes are frozen by `tests/test_exit_codes.py`.
"""

from __future__ import annotations


class TiphysError(Exception):
    """Any failure that Tiphys foresees. `str()` gives the message, `fix` the next thing to do ("" when none)."""

    exit_code = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if fix:
            self.add_note(f"fix: {fix}")  # so that it stands below a traceback too, in a script or a test


class InputError(TiphysError):
    """The pipeline, a parameter, a setting or the command line is wrong. Retrying changes nothing."""

    exit_code = 2


class ContractError(TiphysError):
    """An artifact breaks its declared contract. Retrying changes nothing."""

    exit_code = 2


class CheckError(TiphysError):
    """A check that was asked for did not hold (`plan --fail-on …`)."""

    exit_code = 4


class PlatformError(TiphysError):
    """The store, the disk or another service is unreachable, full or forbids."""

    exit_code = 5


class MissingObject(PlatformError):
    """The store has no intact object of this digest: it was never written, was collected, or was corrupt.

    Corrupt bytes were moved to `quarantine/` before this is raised, so writing the object again succeeds.
    """

    def __init__(self, digest: str, message: str) -> None:
        super().__init__(message, fix="run the pipeline again: the steps that made it are recomputed")
        self.digest = digest
