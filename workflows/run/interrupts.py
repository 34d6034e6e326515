"""SIGINT and SIGTERM during a run: remembered, and seen by the engine's selector through a file descriptor.

A handler that raised would leave the engine's books half written; this one only notes the signal.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context manager around a run. Outside the main thread, where Python allows no handler, it does nothing."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.count = 0
        self._old: dict[int, object] = {}
        self._old_fd = -1
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """Readable once a signal has come."""
        return self._read

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._old_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
            for number in _SIGNALS:
                self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._old:
            signal.set_wakeup_fd(self._old_fd)
        os.close(self._read)
        os.close(self._write)

    def drain(self) -> None:
        """Empty the pipe, so that the selector sees the next signal."""
        try:
            os.read(self._read, 4096)
        except BlockingIOError:
            return

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self.count += 1
