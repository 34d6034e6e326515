"""Where corrupt files of the store go: out of the way of every reader, kept for whoever wants to look at them."""

from __future__ import annotations

import contextlib
import os
import time

from tiphys.cluster.store.layout import Layout
from tiphys.cluster.store.writing import boundary


class Quarantine:
    """Moves corrupt files aside. `reports`: one sentence for each file found corrupt since the store was opened."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.quarantine
        self._root = layout.root
        self.reports: list[str] = []

    def take(self, path: str, inode: int, sentence: str) -> str:
        """Move `path` aside if it still is the file `inode` that was judged; `sentence` and where it is now."""
        name = path[len(self._root) + 1 :].replace("/", "-")
        target = f"{self._folder}/{time.time_ns():020d}-{name[-180:]}"
        report = f"{sentence}; {self._move(path, inode, target)}"
        self.reports.append(report)
        return report

    def _move(self, path: str, inode: int, target: str) -> str:
        try:
            os.makedirs(self._folder, exist_ok=True)
            os.rename(path, target)
            boundary("quarantine")
            if os.stat(target).st_ino != inode:  # another process replaced it by a good one in between: give it back
                with contextlib.suppress(FileExistsError):
                    os.link(target, path)
                os.unlink(target)
        except FileNotFoundError:
            return "another process has moved it aside"
        except OSError as error:  # a store that cannot be written: it stays, and is not served
            return f"it cannot be moved to quarantine/ ({error.strerror})"
        return f"it is in {target} now"
