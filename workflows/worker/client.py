"""The engine's side of the fork server: start and end workers, and hear what they print and how they end.

One thread, no callbacks: `events` waits and tells. The server is started when the first `Workers` is made, and works
its imports off while the engine prepares the first task.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

from tiphys.cluster.errors import PlatformError
from tiphys.workflows.worker.environment_variables import server_environment
from tiphys.workflows.worker.log_lines import LineReader, Redactor
from tiphys.workflows.worker.task import Task

_SERVER = "tiphys.workflows.worker.fork_server"
_MAX_PACKET = 1 << 16
_PIPE_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class LogLines:
    """Lines that a worker wrote to its standard output or error, in order, with secrets hidden."""

    pid: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exited:
    """A worker has ended, and everything it started; its last lines were told before.

    `status` as of `os.wait`; CPU time in seconds, with that of the processes it waited for.
    """

    pid: int
    status: int
    max_rss_bytes: int
    cpu_seconds: float


Event: TypeAlias = LogLines | Exited


@dataclass(slots=True)
class _Worker:
    pid: int
    output: int  # read end of its pipe
    lines: LineReader
    log: BinaryIO | None
    temporary: str


class Workers:
    """Worker processes of one engine. `grace_seconds`: between SIGTERM and SIGKILL."""

    def __init__(self, grace_seconds: float = 5.0) -> None:
        self._grace_seconds = grace_seconds
        self._epoll = select.epoll()
        self._workers: dict[int, _Worker] = {}
        self._by_output: dict[int, _Worker] = {}
        self._pending: deque[Event] = deque()
        self._started: dict[int, int] = {}
        self._refused: dict[int, str] = {}
        self._next_id = 0
        self._control: socket.socket | None = None
        self._server = 0
        self._start_server()

    def fileno(self) -> int:
        """Readable when `events` has something to tell."""
        return self._epoll.fileno()

    def start(self, task: Task) -> int:
        """Start a worker for `task` and return its process id. `PlatformError` when no process can be made."""
        if self._control is None:
            self._start_server()
        log = _open_log(task.log_path)
        temporary = _make_temporary(task.env.get("TMPDIR", "/tmp"))
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read_end, False)
        try:
            pid = self._ask_start(task, temporary, write_end)
        except PlatformError:
            os.close(read_end)
            os.rmdir(temporary)
            log.close()
            raise
        worker = _Worker(pid, read_end, LineReader(Redactor(task.secrets.values())), log, temporary)
        self._workers[pid] = self._by_output[read_end] = worker
        self._epoll.register(read_end, select.EPOLLIN)
        return pid

    def events(self, timeout: float | None = None, wake: int | None = None) -> list[Event]:
        """What happened; waits for it at most `timeout` seconds (None: until something does).

        `wake`: a descriptor that ends the waiting when it is readable, such as one that a signal handler writes to.
        """
        if not self._pending:
            self._wait(timeout, wake)
        events = list(self._pending)
        self._pending.clear()
        return events

    def kill(self, pid: int, *, at_once: bool = False) -> None:
        """End a worker and all it started: SIGTERM, after the grace period (or `at_once`) SIGKILL. `Exited` follows."""
        if pid in self._workers:
            with contextlib.suppress(PlatformError):  # the server is gone, and its children with it
                grace_seconds = 0.0 if at_once else self._grace_seconds
                self._send({"do": "kill", "pid": pid, "grace_seconds": grace_seconds}, [])

    def close(self) -> None:
        """Kill what is left, end the server. Idempotent."""
        if self._control is not None:
            self._control.close()
            self._control = None
            os.waitpid(self._server, 0)
        for worker in list(self._workers.values()):
            self._forget(worker)
        self._epoll.close()

    # The server ----------------------------------------------------------------------------------------------------
    def _start_server(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.set_inheritable(True)
        command = [sys.executable, "-P", "-m", _SERVER, str(theirs.fileno()), str(os.getpid())]
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0), (os.POSIX_SPAWN_DUP2, 0, 1)]
        try:
            self._server = os.posix_spawn(
                sys.executable,
                command,
                server_environment(os.environ),
                file_actions=actions,
                setsid=True,  # the terminal's Ctrl-C is for the engine, which then ends what runs in order
                setsigmask=(),
            )
        except OSError as error:
            raise PlatformError(f"cannot start {sys.executable}: {error.strerror}", fix="see `ulimit -u`") from error
        finally:
            theirs.close()
        self._control = ours
        self._epoll.register(ours, select.EPOLLIN)

    def _send(self, request: dict[str, Any], descriptors: list[int]) -> None:
        try:
            if self._control is None:
                raise BrokenPipeError
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except (BrokenPipeError, ConnectionResetError):
            raise PlatformError("the process that starts workers has ended", fix=_SERVER_FIX) from None

    def _ask_start(self, task: Task, temporary: str, write_end: int) -> int:
        """Hand a task over and wait until its process is there. Closes `write_end`."""
        body = _in_memory(json.dumps(task.to_json(), separators=(",", ":")).encode("utf-8", "surrogatepass"))
        self._next_id += 1
        try:
            self._send({"do": "start", "id": self._next_id, "temporary": temporary}, [body, write_end])
        finally:
            os.close(body)
            os.close(write_end)
        return self._await_start(self._next_id)

    def _await_start(self, identity: int) -> int:
        while identity not in self._started:
            if identity in self._refused:
                reason = self._refused.pop(identity)
                raise PlatformError(f"no process can be made: {reason}", fix="see `ulimit -u` and the free memory")
            if self._control is None:
                raise PlatformError("the process that starts workers has ended", fix=_SERVER_FIX)
            self._hear()
        return self._started.pop(identity)

    def _hear(self) -> None:
        """Take one packet of the server, waiting for it."""
        assert self._control is not None
        try:
            data = self._control.recv(_MAX_PACKET)
        except ConnectionResetError:
            data = b""
        if not data:
            self._server_ended()
            return
        answer = json.loads(data)
        if answer["is"] == "started":
            self._started[answer["id"]] = answer["pid"]
        elif answer["is"] == "refused":
            self._refused[answer["id"]] = answer["error"]
        else:
            self._exited(Exited(answer["pid"], answer["status"], answer["max_rss_bytes"], answer["cpu_seconds"]))

    def _server_ended(self) -> None:
        """It was killed; the kernel has killed its children with it. The next start makes a new one."""
        assert self._control is not None
        self._epoll.unregister(self._control)
        self._control.close()
        self._control = None
        os.waitpid(self._server, 0)
        for pid in list(self._workers):
            self._exited(Exited(pid, int(signal.SIGKILL), 0, 0.0))

    # Output --------------------------------------------------------------------------------------------------------
    def _wait(self, timeout: float | None, wake: int | None) -> None:
        if wake is not None:
            self._epoll.register(wake, select.EPOLLIN)
        try:
            ready = self._epoll.poll(timeout)
        finally:
            if wake is not None:
                self._epoll.unregister(wake)
        descriptors = [fd for fd, _ in ready]
        for fd in descriptors:
            if fd in self._by_output:
                self._read(self._by_output[fd])
        if self._control is not None and self._control.fileno() in descriptors:
            self._hear()

    def _read(self, worker: _Worker) -> bool:
        """Take what a worker has written. False when there is nothing more for now."""
        try:
            data = os.read(worker.output, _PIPE_READ)
        except BlockingIOError:
            return False
        if not data:
            self._epoll.unregister(worker.output)
            del self._by_output[worker.output]
            return False
        self._tell(worker, worker.lines.feed(data))
        return True

    def _exited(self, event: Exited) -> None:
        worker = self._workers[event.pid]
        while worker.output in self._by_output and self._read(worker):
            pass
        self._tell(worker, worker.lines.end())
        self._forget(worker)
        self._pending.append(event)

    def _tell(self, worker: _Worker, lines: list[str]) -> None:
        if not lines:
            return
        if worker.log is not None:
            try:
                worker.log.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
            except OSError as error:  # a full disk must not end a step that may well succeed
                worker.log = None
                lines = [*lines, f"(the log file ends here: {error.strerror})"]
        self._pending.append(LogLines(worker.pid, tuple(lines)))

    def _forget(self, worker: _Worker) -> None:
        if self._by_output.pop(worker.output, None) is not None:
            self._epoll.unregister(worker.output)
        os.close(worker.output)
        if worker.log is not None:
            worker.log.close()
        del self._workers[worker.pid]
        import shutil  # when a process has ended, not while the first one is waited for

        shutil.rmtree(worker.temporary, ignore_errors=True)


_SERVER_FIX = "it was killed, or it cannot start: run `python -m tiphys --version` with this interpreter"


def _make_temporary(base: str) -> str:
    """A folder for temporary files of one worker; short, since Unix sockets below it may have 107 bytes in all."""
    path = os.path.join(base, f"tiphys-{os.urandom(8).hex()}")
    try:
        os.mkdir(path, 0o700)
    except OSError as error:
        raise PlatformError(f"cannot make a folder in {base}: {error.strerror}", fix="set TMPDIR") from error
    return path


def _in_memory(data: bytes) -> int:
    """A descriptor to read `data` from that is no file: tasks carry secrets."""
    descriptor = os.memfd_create("tiphys-task", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    return descriptor


def _open_log(path: str) -> BinaryIO:
    try:
        return open(path, "ab", buffering=0)
    except OSError as error:
        raise PlatformError(f"cannot write the log {path}: {error.strerror}", fix="check the store's folder") from error
