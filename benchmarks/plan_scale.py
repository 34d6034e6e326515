"""Plan of 1,000 and 10,000 steps, all hits: whole process, linear, no recursion limit (a chain and a fan-out)."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Figure, seconds

SHAPES = {
    "fan-out": (
        "from tiphys import each, pipeline, step\n\n"
        "@step\ndef square(x: int) -> int:\n    return x * x\n\n"
        "@step\ndef total(xs: list[int]) -> int:\n    return sum(xs)\n\n"
        "@pipeline\ndef p(n: int = 10) -> int:\n    return total(each(range(n - 1), lambda x: square(x)))\n"
    ),
    "chain": (
        "from tiphys import pipeline, step\n\n"
        "@step\ndef add(x: int) -> int:\n    return x + 1\n\n"
        "@pipeline\ndef p(n: int = 10) -> int:\n"
        "    x = add(0)\n    for _ in range(n - 1):\n        x = add(x)\n    return x\n"
    ),
}


def measure(shape: str, text: str, count: int, base: Path) -> float:
    """Seconds of `tiphys plan` when all `count` steps hit. The entries are written by the store, one a step."""
    folder = base / f"{shape}-{count}"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.tiphys]\n")
    (folder / "p.py").write_text(text)
    fill(folder, count)
    command = [sys.executable, "-m", "tiphys", "plan", "p.py", "-p", f"n={count}"]
    return min(seconds(command, folder) for _ in range(3))


def fill(folder: Path, count: int) -> None:
    """Make every step a hit without starting 10,000 processes: write the entries that runs would write."""
    from benchmarks.fill import fill_by_calling

    fill_by_calling(folder / "p.py", {"n": str(count)})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="1,000 steps only")
    counts = (1_000,) if parser.parse_args().quick else (1_000, 10_000)
    base = Path(tempfile.mkdtemp(prefix="tiphys-bench-"))
    try:
        for shape, text in SHAPES.items():
            for count in counts:
                bar = 1.0 if count == 1_000 else 3.0
                Figure(
                    f"plan of {count:,} steps, all hits ({shape})", measure(shape, text, count, base), "s", bar
                ).emit()
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
