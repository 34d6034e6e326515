"""The cache that an unchanged project is served from: what it sees, and that losing it costs nothing but time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.closure.cases import step_of
from tests.workflows.closure.conftest import Tiny
from tiphys.workflows.closure import CodeBase
from tiphys.workflows.project import find_project

HELPED = {**step_of("return f(x)", "from helper import f"), "helper.py": "def f(x):\n    return 1\n"}


def test_an_unchanged_project_needs_no_parser(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(HELPED)
    expected = tiny.step(cache=tmp_path / "cache")
    script = (
        "import sys; from pathlib import Path; from tiphys.workflows.project import find_project\n"
        "from tiphys.workflows.closure import CodeBase\n"
        f"code = CodeBase(find_project(Path({str(tiny.folder / 'main.py')!r})), Path({str(tmp_path / 'cache')!r}))\n"
        "print(code.step('main', 'go').digest)\n"
        "print(sorted(m for m in sys.modules if m.startswith('tiphys.workflows.closure.')), 'sqlite3' in sys.modules)\n"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    digest, loaded = out.splitlines()
    assert digest == expected.digest
    modules = [f"tiphys.workflows.closure.{name}" for name in ("cache", "codebase", "disk", "editable", "model")]
    assert loaded == f"{modules} False"


def test_the_cached_closure_is_the_closure(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(
        {
            **step_of("return open(D), f(x)", "import os\nD = 'a/b.csv'\nfrom helper import f"),
            "helper.py": "import numpy\ndef f(x): return 1\n",
        }
    )
    made = tiny.step(cache=tmp_path / "cache")
    assert tiny.step(cache=tmp_path / "cache") == made == tiny.step()


def test_a_rewrite_of_the_same_size_within_a_tick_is_seen(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(HELPED)
    path = tiny.folder / "helper.py"
    before = tiny.step(cache=tmp_path / "cache")
    was = path.stat()
    path.write_text("def f(x):\n    return 2\n")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert tiny.step(cache=tmp_path / "cache").digest != before.digest


def _age(folder: Path, when: int = 1_600_000_000_123_456_789) -> None:
    """Give all files a time long past; only their change time is young."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, ns=(when, when))


def test_a_touched_file_with_the_same_bytes_is_unchanged(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(HELPED)
    before = tiny.step(cache=tmp_path / "cache")
    _age(tiny.folder)
    code = tiny.code(tmp_path / "cache")
    assert code.step("main", "go") == before
    assert code._analysis is None


def test_a_module_that_appears_is_seen_though_no_file_changed(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write({**step_of("return np.f(x)", "import numpy as np")})
    before = tiny.step(cache=tmp_path / "cache")
    tiny.write({"numpy.py": "def f(x): return 1\n"})
    after = tiny.step(cache=tmp_path / "cache")
    assert before.imports == {"numpy"}
    assert after.imports == frozenset()
    assert before.digest != after.digest


def test_moving_the_root_changes_nothing_and_needs_no_parser(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(HELPED)
    before = tiny.step(cache=tmp_path / "cache")
    shutil.move(tiny.folder, tmp_path / "moved")
    code = CodeBase(find_project(tmp_path / "moved" / "main.py"), tmp_path / "cache")
    assert code.step("main", "go") == before
    assert code._analysis is None


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"results": 3}', b'{"results": {}, "sets": {"a": 1}}', b"\xff\x00"]
)
@pytest.mark.parametrize("name", ["closures-*.json", "summaries-*.sqlite"])
def test_a_broken_cache_is_computed_again(tiny: Tiny, tmp_path: Path, name: str, text: bytes) -> None:
    tiny.write(HELPED)
    expected = tiny.step(cache=tmp_path / "cache")
    for path in (tmp_path / "cache").glob(name):
        path.write_bytes(text)
    if "sqlite" in name:
        for path in (tmp_path / "cache").glob("closures-*"):
            path.unlink()
    assert tiny.step(cache=tmp_path / "cache") == expected
    assert tiny.step(cache=tmp_path / "cache") == expected


def test_a_cache_with_spoilt_entries_is_computed_again(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(HELPED)
    expected = tiny.step(cache=tmp_path / "cache")
    path = next((tmp_path / "cache").glob("closures-*"))
    data = json.loads(path.read_text())
    for spoil in ("closure", "files", "made_from"):
        spoilt = json.loads(json.dumps(data))
        for result in spoilt["results"].values():
            result[spoil] = None
        path.write_text(json.dumps(spoilt))
        assert tiny.step(cache=tmp_path / "cache") == expected


def test_a_cache_that_cannot_be_written_is_no_error(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(HELPED)
    (tmp_path / "cache").write_text("a file")
    assert tiny.step(cache=tmp_path / "cache") == tiny.step()


def test_two_steps_share_summaries_and_one_edit_reparses_one_file(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(HELPED)
    tiny.step(cache=tmp_path / "cache")
    tiny.replace("helper.py", "return 1", "return 2")
    code = tiny.code(tmp_path / "cache")
    code.step("main", "go")
    code.close()
    assert code._analysis is not None
    assert code._analysis.parsed == ["helper.py"]
