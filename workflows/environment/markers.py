"""Evaluates the markers of one lock file. Imports `packaging`, so it is only loaded when a lock is parsed anew."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

from tiphys.cluster.errors import InputError

_CONFLICT = re.compile(r"""extra\s*(==|!=)\s*['"](extra|group|project)-(\d+)-([^'"]*)['"]""")
_ALWAYS, _NEVER = "python_version >= '0'", "python_version < '0'"


class Markers:
    """Answers for one marker environment; each text is parsed once.

    `chosen`: the extras and groups that are installed, None for all: uv writes forks between conflicting ones as
    `extra == 'extra-7-my-proj-cpu'` (the number is the length of the package's name).
    """

    def __init__(self, environment: Mapping[str, str], chosen: frozenset[str] | None = None) -> None:
        self._environment = {**environment, "extra": ""}
        self._chosen = chosen
        self._known: dict[str, bool] = {}

    def hold(self, text: str, where: str) -> bool:
        """Whether a marker holds ("" always does). `where` names its place for the `InputError` of a wrong one."""
        text = text.strip()
        if not text:
            return True
        if text not in self._known:
            try:
                self._known[text] = Marker(_CONFLICT.sub(self._decide, text)).evaluate(self._environment)
            except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName) as error:
                reason = str(error).splitlines()[0]
                raise InputError(f"{where}: cannot read the marker {text!r}: {reason}", fix="lock again") from error
        return self._known[text]

    def _decide(self, found: re.Match[str]) -> str:
        operator, kind, length, rest = found.groups()
        name = rest[int(length) + 1 :]
        chosen = kind == "project" or self._chosen is None or name in self._chosen
        return _ALWAYS if chosen == (operator == "==") else _NEVER
