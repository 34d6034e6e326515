"""`make bench`: run every benchmark, show figures beside their bars, keep them in `results/`. Exits 4 below a bar."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

MODULES = ("cached_rerun", "plan_scale", "fingerprint", "store_copy")
RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, object]:
    """The machine in words and numbers."""
    info = Path("/proc/cpuinfo").read_text("ascii", "replace")
    model = next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")), "")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def measure(module: str, quick: bool) -> list[dict[str, object]]:
    """The figures of one benchmark, which runs in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def show(figure: dict[str, object]) -> str:
    """One line a figure."""
    mark = {True: "held", False: "MISSED", None: ""}[figure.get("held")]  # type: ignore[index]
    sign = "<=" if figure.get("at_most", True) else ">="
    bar = f"{sign} {figure['bar']:g}" if figure.get("bar") is not None else ""
    return f"{figure['name']:<60} {figure['value']:>10.3f} {figure['unit']:<5} {bar:<9} {mark}"


def keep(figures: list[dict[str, object]]) -> None:
    """Write the figures, over those of the same name; the others stay."""
    file = RESULTS / "one-machine.json"
    RESULTS.mkdir(exist_ok=True)
    known = json.loads(file.read_text("utf-8"))["figures"] if file.exists() else []
    merged = {figure["name"]: figure for figure in [*known, *figures]}
    when = datetime.now(UTC).date().isoformat()
    text = json.dumps({"when": when, "machine": machine(), "figures": list(merged.values())}, indent=1)
    file.write_text(text + "\n")


def main() -> int:
    """Run them all or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES, help=f"of {', '.join(MODULES)}")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer rounds; nothing is kept")
    args = parser.parse_args()
    figures = []
    for module in args.modules:
        for figure in measure(module, args.quick):
            figures.append(figure)
            print(show(figure), flush=True)  # noqa: T201
    if not args.quick:
        keep(figures)
    return 4 if any(figure.get("held") is False for figure in figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
