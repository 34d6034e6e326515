from __future__ import annotations

import os
import signal
import subprocess
import sys

from tiphys.workflows.worker.sessions import die_with_parent, session_members, signal_session


def test_members_are_found_in_every_process_group() -> None:
    script = (
        "import os, subprocess, sys\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import signal; print(1, flush=True); signal.pause()'],"
        " process_group=0, stdout=subprocess.PIPE)\n"
        "inner.stdout.readline()\n"
        "print(inner.pid, flush=True)\n"
        "inner.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as outer:
        assert outer.stdout is not None
        inner = int(outer.stdout.readline())
        assert sorted(session_members(outer.pid)) == sorted([outer.pid, inner])
        signal_session(outer.pid, signal.SIGKILL)
        assert outer.stdout.read() == ""  # closed by the end of the last process that had it
    assert outer.returncode == -signal.SIGKILL


def test_a_parent_that_is_gone_already() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if not die_with_parent(signal.SIGKILL, os.getpid()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
