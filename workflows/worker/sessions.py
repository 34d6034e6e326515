"""Processes of a step: a session of their own, ended as a whole; and ties of a child's life to its parent's (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: signal.Signals, parent: int) -> bool:
    """Have the kernel send this process `number` when `parent` ends. False when it has ended already."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    return os.getppid() == parent


def session_members(session: int) -> list[int]:
    """All processes of a session, whatever process group they moved to (`timeout` and shells make their own)."""
    members = []
    for name in os.listdir("/proc"):
        if name.isdigit() and _session_of(int(name)) == session:
            members.append(int(name))
    return members


def signal_session(leader: int, number: signal.Signals) -> None:
    """Signal the leader of a session and every process in it, each once: a handler that cleans up is not disturbed.

    The leader is a child that was not reaped, so its number is its own; it may have been forked just now and have no
    session yet. Processes that are forked meanwhile are found by another look.
    """
    signalled: set[int] = set()
    while found := {leader, *session_members(leader)} - signalled:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or of another user
                os.kill(pid, number)
        signalled |= found


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return -1
