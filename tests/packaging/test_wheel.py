"""What the wheel holds, and that it works where the clone is not: a user's first pipeline, and a user's own names."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

from tests.docs.documents import ROOT, blocks
from tests.packaging.installed import Installed, call, first_commands, uv

FOLDERS = ("workflows", "ray_jobs", "serving", "cluster")
MOST_DISTRIBUTIONS = 20


def our_sources() -> set[str]:
    """Every source of the four folders and of the face, as it stands in the wheel; not the demo pipelines."""
    found = {f"tiphys/{file.name}" for file in (ROOT / "tiphys").glob("*.py")} | {"tiphys/py.typed"}
    for folder in FOLDERS:
        files = (file.relative_to(ROOT).as_posix() for file in (ROOT / folder).rglob("*.py"))
        found |= {f"tiphys/{name}" for name in files if not name.startswith("workflows/pipelines/")}
    return found


def test_the_wheel_holds_the_sources_of_all_four_folders_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        assert archive.read("tiphys/workflows/decide.py") == (ROOT / "workflows/decide.py").read_bytes()
    assert held == our_sources()
    assert not [name for name, mode in modes.items() if stat.S_ISLNK(mode)]


def test_the_core_is_light(installed: Installed) -> None:
    words = ("pip", "list", "--quiet", "--python", str(installed.python), "--format", "json")
    names = [found["name"] for found in json.loads(call(uv(), *words, folder=installed.folder).stdout)]
    assert "tiphys" in names
    assert len(names) <= MOST_DISTRIBUTIONS, names


def test_it_is_the_installed_one_that_is_tried(installed: Installed) -> None:
    place = installed.run("python -c 'import tiphys.cluster.store as s; print(s.__file__)'").stdout.strip()
    assert "/site-packages/tiphys/cluster/store/" in place


def test_the_first_pipeline_of_the_readme_does_what_the_readme_says(installed: Installed) -> None:
    (hello,) = (block for block in blocks(ROOT / "README.md") if block.name == "hello.py")
    (installed.folder / hello.name).write_text(hello.text, encoding="utf-8")
    first, second = first_commands((ROOT / "README.md").read_text("utf-8"))

    done = installed.run(first)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 ran" in done.stdout

    done = installed.run(second)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 cached, 1 ran" in done.stdout
    (started,) = (line for line in done.stdout.splitlines() if "started:" in line)
    assert "square[4]  started: no result for these arguments yet" in started


def test_a_project_may_use_the_names_of_our_folders(installed: Installed) -> None:
    root = installed.folder / "mein prøjekt"
    for name in FOLDERS:
        write(root / name / "__init__.py", f"NAME = 'my {name}'\n")
    write(root / "pyproject.toml", "")
    write(root / "cluster" / "errors.py", "class TiphysError(Exception): ...\n")
    write(root / "tiphys_helpers.py", "NAME = 'my helpers'\n")
    write(root / "pipe lines" / "größe.py", NAMES)

    done = installed.run("tiphys run 'pipe lines/größe.py'", root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my cluster, my ray_jobs, my serving, my workflows, my helpers, my error" in done.stdout
    assert (root / ".tiphys").is_dir()

    write(root / "workflows" / "__init__.py", "NAME = 'our workflows'\n")
    done = installed.run("tiphys run 'größe.py'", root / "pipe lines")
    assert "code changed: workflows.NAME" in done.stdout
    assert "our workflows" in done.stdout


NAMES = """\
import cluster, cluster.errors, ray_jobs, serving, tiphys_helpers, workflows
from tiphys import TiphysError, pipeline, step

@step
def names() -> str:
    own = "my error" if not issubclass(cluster.errors.TiphysError, TiphysError) else "theirs"
    modules = cluster, ray_jobs, serving, workflows, tiphys_helpers
    return ", ".join([*(module.NAME for module in modules), own])

@pipeline
def größe() -> str:
    return names()
"""


def test_a_package_called_tiphys_is_told_to_be_renamed(installed: Installed) -> None:
    root = installed.folder / "shadow"
    write(root / "pyproject.toml", "")
    write(root / "tiphys" / "__init__.py", "")
    write(root / "tiphys" / "flow.py", FLOW)
    write(root / "flow.py", f"from tiphys.flow import p as mine\n{FLOW}")

    done = installed.run("tiphys run tiphys/flow.py", root)
    assert done.returncode == 2
    assert done.stderr == (
        "error: tiphys/flow.py would be imported as tiphys.flow, and tiphys is this library's own name\n"
        "fix:   rename the folder\n"
    )
    done = installed.run("tiphys run flow.py", root)
    assert done.returncode == 2
    assert "No module named 'tiphys.flow'" in done.stderr
    assert "a package or file of your own must not be called tiphys" in done.stderr


FLOW = """\
from tiphys import pipeline, step

@step
def s() -> int: return 1

@pipeline
def p() -> int: return s()
"""


def write(file: Path, text: str) -> None:
    """A file of a user's project."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
