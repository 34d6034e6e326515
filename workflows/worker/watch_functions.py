"""Python 3.12 and later: is every first-party function that runs inside the step's code digest?

One that is not is a fault of the closure, never of the user: the entry is then not stored. `PY_START` is switched off
per code object after its first call, so a loop of a million calls pays once. Python 3.11 has no such event.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import CodeType, FrameType
from typing import Any

from tiphys.workflows.worker.places import Places

_TOOL = 4  # free: 0, 1, 2 and 5 are of debuggers, coverage, profilers and optimizers

Ranges = Sequence[Sequence[int]]


class WatchFunctions:
    """`outside`: functions that ran and that no unit of the closure holds, as `FILE:LINE NAME`."""

    def __init__(self, places: Places, lines: Mapping[str, Ranges], bundle: Mapping[str, str]) -> None:
        self._places = places
        self._lines = lines
        self._bundle = bundle
        self.outside: list[str] = []

    def start(self) -> None:
        """From now on; call it after the imports, whose functions are effects and not reached code."""
        monitoring = _monitoring()
        if not self._lines or monitoring is None:
            return
        monitoring.use_tool_id(_TOOL, "tiphys")
        monitoring.register_callback(_TOOL, monitoring.events.PY_START, self._entered)
        monitoring.set_events(_TOOL, monitoring.events.PY_START)

    def stop(self) -> None:
        """Until here."""
        monitoring = _monitoring()
        if not self._lines or monitoring is None:
            return
        monitoring.set_events(_TOOL, 0)
        monitoring.free_tool_id(_TOOL)

    def _entered(self, code: CodeType, offset: int) -> object:
        monitoring = _monitoring()
        if self.holds(code.co_filename, code.co_firstlineno) or code.co_name == "<module>":
            return monitoring.DISABLE
        if _while_importing():
            return None  # a later call of it may be the step's
        self.outside.append(f"{self._places.shown(code.co_filename)}:{code.co_firstlineno} {code.co_qualname}")
        return monitoring.DISABLE

    def holds(self, filename: str, line: int) -> bool:
        """Whether the function that begins at a line is none of the bundle's, or is in a unit of the closure."""
        path = self._places.shown(filename)
        if path not in self._bundle:
            return True
        return any(first <= line <= last for first, last in self._lines.get(path, ()))


def _monitoring() -> Any:
    """`sys.monitoring`, None before Python 3.12."""
    return getattr(sys, "monitoring", None)


def _while_importing() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            return True
        frame = frame.f_back
    return False
