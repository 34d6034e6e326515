"""The fork server: a small clean process that forks one child per task, and tells what became of it.

Run as a program with the number of a descriptor, a Unix socket of packets. Each request is a JSON packet: `start`
(with two descriptors: the task in memory, and where its output goes) or `kill`. Answers are `started`, `refused` and
`exited`. End of file means that the engine is gone: every child is then killed with all that it started.

Why not `multiprocessing`'s fork server: it imports the parent's `__main__` (here the command line or a user's script),
gives children the environment and session that it has itself, and tells nothing about an end but a code. This process
has one thread, no code of the user's and none of the heavy libraries, so that forking is safe and takes a millisecond.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import time
import types
from typing import Any

from tiphys.workflows.worker import child
from tiphys.workflows.worker.sessions import die_with_parent, session_members, signal_session

_MAX_PACKET = 1 << 16


class ForkServer:
    """State: the children, and when those that were asked to end are to be killed (monotonic seconds)."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._children: dict[int, str] = {}  # and their folders for temporary files
        self._deadlines: dict[int, float] = {}
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Answer until the engine is gone."""
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda number, frame: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        going = True
        while going:
            ready = {fd for fd, _ in poll.poll(self._patience())}
            if self._wake_read in ready:
                going = signal.SIGTERM not in os.read(self._wake_read, 4096)
                self._reap()
            self._kill_overdue()
            if self._control.fileno() in ready:
                going = self._request() and going
        for pid, temporary in self._children.items():
            signal_session(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            shutil.rmtree(temporary, ignore_errors=True)

    def _patience(self) -> int | None:
        """Milliseconds to the next kill."""
        if not self._deadlines:
            return None
        return max(0, int((min(self._deadlines.values()) - time.monotonic()) * 1000) + 1)

    # Requests ------------------------------------------------------------------------------------------------------
    def _request(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, _MAX_PACKET, 2, socket.MSG_CMSG_CLOEXEC)
        if not data:
            return False
        request = json.loads(data)
        if request["do"] == "start":
            self._start(request, *descriptors)
        elif request["pid"] in self._children:
            self._end(request["pid"], request["grace_seconds"])
        return True

    def _start(self, request: dict[str, Any], task: int, output: int) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # a child must not take it for the server's
        try:
            pid = os.fork()
        except OSError as error:  # too many processes, no memory
            self._answer({"is": "refused", "id": request["id"], "error": os.strerror(error.errno or 0)})
            pid = -1
        if pid == 0:
            self._become_child(request, task, output)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.close(task)
        os.close(output)
        if pid > 0:
            self._children[pid] = request["temporary"]
            self._answer({"is": "started", "id": request["id"], "pid": pid})

    def _end(self, pid: int, grace_seconds: float) -> None:
        """Ask the whole session to end, and kill it when the grace period is over."""
        signal_session(pid, signal.SIGTERM if grace_seconds > 0 else signal.SIGKILL)
        self._deadlines.setdefault(pid, time.monotonic() + grace_seconds)

    def _answer(self, answer: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the next read sees that the engine is gone
            self._control.send(json.dumps(answer).encode())

    # Children ------------------------------------------------------------------------------------------------------
    def _become_child(self, request: dict[str, Any], task: int, output: int) -> None:
        """In the forked process; never returns."""
        code = 1
        try:
            os.setsid()
            if die_with_parent(signal.SIGKILL, self._pid):
                self._leave_server(output)
                code = child.main(task, request["temporary"])
        except BaseException:  # nothing may climb back into the server's loop; the output is the step's log
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
            with contextlib.suppress(Exception):
                sys.stderr.flush()
            os._exit(code)

    def _leave_server(self, output: int) -> None:
        """Give up what belongs to the server: its socket, signals and module `__main__`."""
        self._control.close()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.close(self._wake_read)
        os.close(self._wake_write)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # in order with standard error
        sys.modules["__main__"] = types.ModuleType("__main__")  # `spawn` in a step would import the server's
        gc.enable()

    def _reap(self) -> None:
        """Tell about children that have ended, after ending what they left behind."""
        for pid in list(self._children):
            reaped, status, usage = _ended(pid)
            if reaped:
                del self._children[pid]
                self._deadlines.pop(pid, None)
                self._answer(
                    {
                        "is": "exited",
                        "pid": pid,
                        "status": status,
                        "max_rss_bytes": usage.ru_maxrss * 1024,
                        "cpu_seconds": usage.ru_utime + usage.ru_stime,
                    }
                )

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid in [pid for pid, due in self._deadlines.items() if due <= now]:
            del self._deadlines[pid]
            signal_session(pid, signal.SIGKILL)


def _ended(pid: int) -> tuple[bool, int, resource.struct_rusage]:
    """Whether a child has ended; then it is reaped, and whatever is left of its session is killed before.

    While it is a zombie its number is still its own, so the session cannot be another's.
    """
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None and session_members(pid) != [pid]:
        signal_session(pid, signal.SIGKILL)
    reaped, status, usage = os.wait4(pid, os.WNOHANG)
    return reaped != 0, status, usage


def main(descriptor: int, engine: int) -> None:
    """Serve the engine with process id `engine` over a socket that was inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    gc.disable()  # nothing here makes cycles, and a collection would copy the pages that children share
    gc.freeze()
    if die_with_parent(signal.SIGTERM, engine):
        ForkServer(control).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
