"""What benchmarks share: wall and CPU time of a command with its children, medians, and one line of JSON a figure."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement. `bar`: the value to reach; `at_most`: it must not be exceeded, else it must be reached."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def held(self) -> bool | None:
        """Whether the bar is held; None without one."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def emit(self) -> None:
        """Print the figure as one line of JSON."""
        data = {name: getattr(self, name) for name in self.__slots__} | {"held": self.held}
        sys.stdout.write(json.dumps(data) + "\n")
        sys.stdout.flush()


def seconds(command: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> float:
    """Wall seconds of one run of a command that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=dict(env or os.environ), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def interleaved(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median of each case; every round runs every case once, the first round is dropped."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            value = case()
            if number:
                taken[name].append(value)
    return {name: statistics.median(values) for name, values in taken.items()}
