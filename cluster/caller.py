"""Finds the user's line that called into Tiphys, for messages."""

from __future__ import annotations

import os
import sys
from types import FrameType

_LIBRARY = tuple(
    {os.path.dirname(os.__file__) + os.sep, *(os.path.join(p, "lib") + os.sep for p in {sys.prefix, sys.base_prefix})}
)


def user_frame() -> FrameType | None:
    """The innermost frame outside Tiphys, libraries and generated code (methods that `dataclass` makes)."""
    frame: FrameType | None = sys._getframe(1)
    nearest = None
    while frame is not None:
        if not _is_ours(frame):
            nearest = nearest or frame
            if not is_library(frame.f_code.co_filename):
                return frame
        frame = frame.f_back
    return nearest


def user_line() -> str:
    """`FILE:LINE` of that frame, the file relative to the current folder when it is below it; "" when there is none."""
    frame = user_frame()
    return "" if frame is None else at(frame.f_code.co_filename, frame.f_lineno)


def at(file: str, line: int) -> str:
    """`FILE:LINE`, the file relative to the current folder when it is below it."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # the current folder is gone, or the file stands on another drive
        return f"{file}:{line}"
    return f"{file if relative.startswith('..') else relative}:{line}"


def _is_ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    if name == "__main__":  # a module of ours that runs as a program
        name = getattr(frame.f_globals.get("__spec__"), "name", name)
    return name == "tiphys" or name.startswith("tiphys.") or frame.f_code.co_filename == "<string>"


def is_library(file: str) -> bool:
    """Whether a source file is of the standard library, an installed package, or generated."""
    inside = file.startswith(_LIBRARY) or "site-packages" in file or "dist-packages" in file
    return inside or (file.startswith("<") and not file.startswith("<ipython"))
