"""Rows of the stale matrix: files that the step reads, by whatever means."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.stale.row import HERE, Row


def _same_tick(folder: Path) -> None:
    """Rewrite a file with the same size, and give it the time stamps that it had."""
    file = folder / "data.txt"
    before = file.stat()
    file.write_text("4")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _parquet(value: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"x": [value]}), folder / "data.parquet")

    return write


def _link(folder: Path, target: str) -> None:
    """Let `current` point to another file."""
    (folder / target).write_text("same")
    (folder / "current").unlink(missing_ok=True)
    (folder / "current").symlink_to(target)


def _becomes_folder(folder: Path) -> None:
    """Put a folder where a file was."""
    (folder / "parts" / "a").unlink()
    (folder / "parts" / "a").mkdir()


FILES = [
    Row(
        "file read by open",
        ("data.txt", None, "4"),
        "runs",
        "with open(HERE / 'data.txt') as f:\n    return float(f.read())",
        HERE,
        {"data.txt": "3"},
    ),
    Row(
        "file named by computed text",
        ("data.txt", None, "4"),
        "runs",
        "return float((HERE / ''.join(['da', 'ta.txt'])).read_text())",
        HERE,
        {"data.txt": "3"},
    ),
    Row(
        "file named by a parameter",
        ("data.txt", None, "4"),
        "runs",
        "return float(path.read_text())",
        "from pathlib import Path",
        {"data.txt": "3"},
        parameters="path: Path",
        call="subject(Path('data.txt'))",
    ),
    Row(
        "pd.read_csv",
        ("data.csv", None, "x\n4\n"),
        "runs",
        "import pandas as pd\nreturn float(pd.read_csv(HERE / 'data.csv').x.sum())",
        HERE,
        {"data.csv": "x\n3\n"},
    ),
    Row(
        "pd.read_parquet",
        _parquet(4),
        "runs",
        "import pandas as pd\nreturn float(pd.read_parquet(HERE / 'data.parquet').x.sum())",
        HERE,
        prepare=_parquet(3),
    ),
    Row(
        "polars",
        ("data.csv", None, "x\n4\n"),
        "runs",
        "import polars as pl\nreturn float(pl.read_csv(str(HERE / 'data.csv'))['x'].sum())",
        HERE,
        {"data.csv": "x\n3\n"},
    ),
    Row(
        "duckdb",
        ("data.csv", None, "x\n4\n"),
        "runs",
        "import duckdb\nreturn float(duckdb.read_csv(str(HERE / 'data.csv')).fetchall()[0][0])",
        HERE,
        {"data.csv": "x\n3\n"},
    ),
    Row(
        "subprocess",
        ("data.txt", None, "4"),
        "runs",
        "import subprocess\nreturn float(subprocess.run(['cat', str(HERE / 'data.txt')], capture_output=True, check=True).stdout)",
        HERE,
        {"data.txt": "3"},
    ),
    Row(
        "subprocess with declared reads",
        ("data.txt", None, "4"),
        "runs",
        "import subprocess\nname = ''.join(['data', '.txt'])\nreturn float(subprocess.run(['cat', str(HERE / name)], capture_output=True, check=True).stdout)",
        HERE,
        {"data.txt": "3"},
        decorator="@step(reads=['data.txt'])",
    ),
    Row(
        "a file that appears later (open)",
        ("extra.txt", None, "4"),
        "runs",
        "try:\n    return float((HERE / 'extra.txt').read_text())\nexcept FileNotFoundError:\n    return 0",
        HERE,
    ),
    Row(
        "a file that appears later (computed name)",
        ("extra.txt", None, "4"),
        "runs",
        "name = ''.join(['extra', '.txt'])\nreturn float((HERE / name).exists())",
        HERE,
    ),
    Row(
        "a file that goes",
        lambda folder: (folder / "extra.txt").unlink(),
        "runs",
        "name = ''.join(['extra', '.txt'])\nreturn float((HERE / name).exists())",
        HERE,
        {"extra.txt": "4"},
    ),
    Row(
        "rewritten within the same tick with the same size",
        _same_tick,
        "runs",
        "return float((HERE / 'data.txt').read_text())",
        HERE,
        {"data.txt": "3"},
    ),
    Row(
        "a new file in a listed folder",
        ("parts/b.txt", None, "4"),
        "runs",
        "return len(list((HERE / 'parts').glob('*.txt')))",
        HERE,
        {"parts/a.txt": "3"},
    ),
    Row(
        "a file found by listing",
        ("parts/a.txt", None, "4"),
        "runs",
        "return sum(float(p.read_text()) for p in (HERE / 'parts').iterdir())",
        HERE,
        {"parts/a.txt": "3"},
    ),
    Row(
        "data of a package",
        ("pkg/data.txt", None, "4"),
        "runs",
        "from importlib import resources\nreturn float((resources.files('pkg') / 'data.txt').read_text())",
        "import pkg",
        {"pkg/__init__.py": "", "pkg/data.txt": "3"},
    ),
    Row(
        "a file read at import",
        ("data.txt", None, "4"),
        "runs",
        "return VALUE",
        "from pathlib import Path\nVALUE = float((Path(__file__).parent / 'data.txt').read_text())",
        {"data.txt": "3"},
        bystander="succeeded",
    ),
    Row(
        "linked into the working folder",
        ("data.txt", None, "4"),
        "runs",
        "import os\nname = ''.join(['data', '.txt'])\nos.symlink(HERE / name, 'here.txt')\nreturn float(open('here.txt').read())",
        HERE,
        {"data.txt": "3"},
    ),
    Row(
        "moved into the working folder under another name",
        ("data.txt", None, "4"),
        "runs",
        "import os\nname = ''.join(['data', '.txt'])\nos.link(HERE / name, 'here.txt')\nreturn float(open('here.txt').read())",
        HERE,
        {"data.txt": "3"},
    ),
    Row(
        "a file outside the project that appears",
        lambda folder: (folder.parent / "outside.txt").write_text("4"),
        "runs",
        "name = ''.join(['outside', '.txt'])\nreturn float((HERE.parent / name).exists())",
        HERE,
    ),
    Row(
        "where a link points",
        lambda folder: _link(folder, "second"),
        "runs",
        "name = ''.join(['cur', 'rent'])\nreturn float(len((HERE / name).resolve().name))",
        HERE,
        prepare=lambda folder: _link(folder, "first"),
    ),
    Row(
        "a file that becomes a folder",
        _becomes_folder,
        "runs",
        "import os\nname = ''.join(['par', 'ts'])\nreturn sum(len(folders) for _, folders, _ in os.walk(HERE / name))",
        HERE,
        {"parts/a": "3"},
    ),
    Row(
        "a listing by descriptor",
        ("d/b", None, ""),
        "runs",
        "import os\nreturn len(os.listdir(os.open(HERE / ''.join('d'), os.O_RDONLY)))",
        HERE,
        {"d/a": ""},
    ),
    Row(
        "a file that must not be there yet",
        lambda folder: (folder / "data.txt").unlink(),
        "runs",
        "try:\n    open(HERE / ''.join(['data', '.txt']), 'x')\n    return 0\nexcept FileExistsError:\n    return 1",
        HERE,
        {"data.txt": "3"},
    ),
]
