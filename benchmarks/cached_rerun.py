"""Whole processes: a cached rerun of six steps beside DVC, the same with heavy imports, one executed no-op step."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Figure, interleaved, seconds

SIX = (
    "{imports}\nfrom tiphys import pipeline, step\n\n"
    + "".join(f"@step\ndef s{i}(x: int) -> int:\n    return x + 1\n\n" for i in range(6))
    + "@pipeline\ndef six() -> int:\n    x = s0(0)\n"
    + "".join(f"    x = s{i}(x)\n" for i in range(1, 6))
    + "    return x\n"
)
DVC_STAGE = "  s{i}:\n    cmd: cp x{i} x{j}\n    deps: [x{i}]\n    outs: [x{j}]\n"


def tiphys_case(folder: Path, imports: str) -> list[str]:
    """A project of six chained steps; the command that runs it. Run once, so that the next is all hits."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.tiphys]\n")
    (folder / "six.py").write_text(SIX.format(imports=imports))
    command = [sys.executable, "-m", "tiphys", "run", "six.py"]
    seconds(command, folder)
    return command


def dvc_case(folder: Path, dvc: Path) -> list[str]:
    """The same six steps as DVC stages."""
    folder.mkdir()
    (folder / "x0").write_text("0")
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(DVC_STAGE.format(i=i, j=i + 1) for i in range(6)))
    subprocess.run([dvc, "init", "--no-scm", "-q"], cwd=folder, check=True)
    command = [str(dvc), "repro", "-q"]
    seconds(command, folder)
    return command


def install_dvc(folder: Path) -> Path | None:
    """DVC in an environment of its own; None when it cannot be had."""
    uv = str(Path(sys.executable).with_name("uv"))
    make = [uv, "venv", "-q", "--python", sys.executable, str(folder)]
    install = [uv, "pip", "install", "-q", "--python", str(folder / "bin/python"), "dvc>=3.60"]
    for command in (make, install):
        if subprocess.run(command, check=False).returncode:
            return None
    return folder / "bin/dvc"


def noop_step(folder: Path) -> float:
    """Seconds that one executed step adds to a run in which all else hits."""
    command = [sys.executable, "-m", "tiphys", "run", "six.py"]
    hits = min(seconds(command, folder) for _ in range(3))
    one = min(seconds([*command, "--force", "s5"], folder) for _ in range(3))
    return one - hits


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no DVC")
    quick = parser.parse_args().quick
    base = Path(tempfile.mkdtemp(prefix="tiphys-bench-"))
    try:
        light, heavy = tiphys_case(base / "light", ""), tiphys_case(base / "heavy", "import pandas\nimport torch")
        cases = {
            "tiphys": lambda: seconds(light, base / "light"),
            "tiphys, torch and pandas at the top": lambda: seconds(heavy, base / "heavy"),
        }
        dvc = None if quick else install_dvc(base / "dvc-env")
        if dvc is not None:
            command = dvc_case(base / "dvc", dvc)
            cases["dvc"] = lambda: seconds(command, base / "dvc")
        medians = interleaved(cases, 3 if quick else 7)
        told = min(seconds([sys.executable, "-m", "tiphys", "--help"], base) for _ in range(5))
        Figure("tiphys --help, whole process", told, "s", 0.25).emit()
        Figure("cached rerun of six steps, whole process", medians["tiphys"], "s", 0.25).emit()
        Figure(
            "the same, torch and pandas imported at the top", medians["tiphys, torch and pandas at the top"], "s", 0.4
        ).emit()
        if dvc is not None:
            Figure("dvc repro of six unchanged stages", medians["dvc"], "s").emit()
            Figure("cached rerun over DVC", medians["tiphys"] / medians["dvc"], "x", 0.35).emit()
        Figure("one executed no-op step in its own process", noop_step(base / "light"), "s", 0.15).emit()
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
