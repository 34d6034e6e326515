"""Who called: the frames above a hook, without ours and without the thin layers of the standard library."""

from __future__ import annotations

import os
import sys
from types import FrameType

from tiphys.workflows.worker.places import Places

_IMPORT_SYSTEM = "<frozen importlib."
_STDLIB = os.path.dirname(os.__file__)
_METADATA = os.path.join(_STDLIB, "importlib/metadata")  # looks for `.dist-info` folders in all of `sys.path`
_THIN = tuple(
    os.path.join(_STDLIB, name)
    for name in ("pathlib", "os.py", "_collections_abc.py", "genericpath.py", "posixpath.py", "codecs.py", "gzip.py",
                 "bz2.py", "lzma.py", "configparser.py", "fileinput.py", "shutil.py", "tempfile.py", "subprocess.py",
                 "socket.py", "contextlib.py", "glob.py", "importlib/resources", "multiprocessing")
)  # fmt: skip

_OS = tuple(os.path.join(_STDLIB, name) for name in ("os.py", "_collections_abc.py"))


def direct_caller(places: Places, thin: tuple[str, ...] = _THIN) -> FrameType | None:
    """The frame that asked: the nearest one that is not Tiphys, not frozen and in no `thin` layer over the system."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not (name.startswith(("<frozen ", *thin)) or places.is_ours(name)):
            return frame
        frame = frame.f_back
    return None


def environment_reader(places: Places) -> FrameType | None:
    """The frame that looked a variable up through `os.environ` or `os.getenv`."""
    return direct_caller(places, _OS)


def users_caller(places: Places) -> FrameType | None:
    """The nearest first-party frame; None when a library's thread is at work."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if places.is_code(frame.f_code.co_filename):
            return frame
        frame = frame.f_back
    return None


def reading_source(places: Places) -> bool:
    """Whether the import system, `linecache` or a search for distributions asks, and not code that is imported."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith((_IMPORT_SYSTEM, _METADATA)) or name.endswith("/linecache.py"):
            return True
        if not (name.startswith(("<frozen ", *_THIN)) or name.endswith("/tokenize.py") or places.is_ours(name)):
            return False
        frame = frame.f_back
    return False


def line_of(frame: FrameType | None, places: Places) -> str:
    """`FILE:LINE` of a frame, as the project names the file; "" for none."""
    return "" if frame is None else f"{places.shown(frame.f_code.co_filename)}:{frame.f_lineno}"
