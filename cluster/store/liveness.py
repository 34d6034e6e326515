"""Whether the process that wrote a run record still lives: pid, and the boot and the start time that make it unique."""

from __future__ import annotations

import os
from pathlib import Path

_STATE, _START = 0, 19
"""Positions in /proc/PID/stat after the closing bracket of the name; see proc_pid_stat(5), fields 3 and 22."""

_DEAD = frozenset("ZXx")


def host_name() -> str:
    """The name of this machine, as run records hold it."""
    return os.uname().nodename  # what `socket.gethostname` gives, without the import


def boot_mark(pid: int | None = None) -> str:
    """`BOOT_ID/START`: this boot of the machine and the start of the process in clock ticks, "" without /proc."""
    pid = os.getpid() if pid is None else pid
    facts = _process(pid)
    return f"{_boot_id()}/{facts[_START]}" if facts else ""


def is_alive(pid: int, host: str, boot: str) -> bool:
    """Whether the process `pid` of `host`, whose `boot_mark` was `boot`, still runs. True when nobody can tell."""
    if host != host_name():
        return True
    boot_id, _, start = boot.partition("/")
    if boot_id and _boot_id() and boot_id != _boot_id():
        return False
    facts = _process(pid)
    if facts is None:
        return not Path("/proc/self/stat").exists() or _exists_hidden(pid)
    return facts[_STATE] not in _DEAD and (not start or facts[_START] == start)


def _exists_hidden(pid: int) -> bool:
    """Whether there is a process that /proc does not show (mounted with hidepid)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _process(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
