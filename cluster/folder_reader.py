"""Reads many folders for the first time, half of them in a second process: small files cost interpreter time.

Threads make it slower (the interpreter is what is waited for), and a fork is not safe in a process with threads. The
other process is this file, started with an empty environment of modules: 20 ms.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Sequence
from typing import IO

from tiphys.cluster.folder_scan import Files, scan_files

_WORTH = 20_000
"""Files from which on the second process pays for its start."""

_LENGTH = struct.Struct("<Q")

_PROGRAM = "import sys; sys.path += sys.argv[1:]; from tiphys.cluster.folder_reader import serve; serve()"


def read_folders(paths: Sequence[str], counts: Sequence[int]) -> list[Files]:
    """The files of each folder, all of them read. `counts`: about how many files are in each. Raises `OSError`."""
    if sum(counts) < _WORTH or len(paths) < 2 or len(os.sched_getaffinity(0)) < 2 or not sys.executable:
        return [scan_files(path, None) for path in paths]
    first = _half(counts)
    mine, others = paths[:first], paths[first:]
    import subprocess  # many new files only: nothing else here starts processes

    with (
        _request(others) as request,
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, *_module_folders()],
            stdin=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as helper,
    ):
        found = [scan_files(path, None) for path in mine]
        assert helper.stdout is not None
        answer = helper.stdout.read()
    helped = _parse(answer) if helper.returncode == 0 else []
    if len(helped) != len(others):  # it met an error, or was killed: read here, and raise the error here
        helped = [scan_files(path, None) for path in others]
    return found + helped


def serve() -> None:
    """The other process: paths as JSON on standard input, files on standard output once all are read."""
    paths = json.load(sys.stdin.buffer)
    found = [scan_files(path, None).to_bytes() for path in paths]
    for data in found:
        sys.stdout.buffer.write(_LENGTH.pack(len(data)) + data)


def _half(counts: Sequence[int]) -> int:
    """How many folders from the start hold half of the files, at least one and not all."""
    half, seen = sum(counts) / 2, 0
    for index, count in enumerate(counts):
        seen += count
        if seen >= half:
            return min(index + 1, len(counts) - 1)
    return len(counts) - 1


def _request(paths: Sequence[str]) -> IO[bytes]:
    """The paths in a file in memory: a pipe would make this process wait until the other has started."""
    file = os.fdopen(os.memfd_create("folders"), "r+b")
    file.write(json.dumps(list(paths)).encode("ascii"))
    file.seek(0)
    return file


def _module_folders() -> list[str]:
    """Where this package and blake3 are imported from."""
    import blake3

    ours = __file__
    for _ in range(3):
        ours = os.path.dirname(ours)
    return [ours, os.path.dirname(os.path.dirname(blake3.__file__))]


def _parse(answer: bytes) -> list[Files]:
    found: list[Files] = []
    start = 0
    while start < len(answer):
        (length,) = _LENGTH.unpack_from(answer, start)
        start += _LENGTH.size
        found.append(Files.from_bytes(answer[start : start + length]))
        start += length
    return found
