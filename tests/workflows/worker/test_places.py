from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import pytest

from tiphys.workflows.worker import places as places_module
from tiphys.workflows.worker.places import Places, places_for


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_for("/p/root", ["/p/root/src", "/p/extra"], ["/p/root/.tiphys", "/p/work/1"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/p/root/flow.py", True),
        ("/p/root/src/a/b.py", True),
        ("/p/extra/x.py", True),
        ("/p/rooted/flow.py", False),
        ("/p/root/.venv/lib/x.py", False),
        ("/p/root/env/lib/python3.11/site-packages/x.py", False),
        ("/p/root/.tiphys/work/out/x.py", False),
        ("/p/work/1/out/x.py", False),
        (os.__file__, False),
        (places_module.__file__, False),
        ("<frozen os>", False),
    ],
)
def test_first_party_code(places: Places, path: str, code: bool) -> None:
    assert places.is_code(path) is code


def test_a_project_inside_our_own_folders() -> None:
    ours = Path(places_module.__file__).parent.parent
    places = places_for(ours / "pipelines", [str(ours / "pipelines")])
    assert places.is_code(str(ours / "pipelines" / "flights.py"))
    assert not places.is_code(str(ours / "values.py"))
    assert places.is_ours(str(ours / "values.py"))
    assert not places.is_ours(str(ours / "pipelines" / "flights.py"))


def test_how_paths_are_shown(places: Places, tmp_path: Path) -> None:
    assert places.shown("/p/root/data/x.csv") == "data/x.csv"
    assert places.shown("/p/other/x.csv") == "/p/other/x.csv"
    link = tmp_path / "link"
    real = tmp_path / "real"
    real.mkdir()
    link.symlink_to(real)
    assert places_for(link).shown(str(real / "x")) == "x"
    assert places_for(link).shown(str(link / "x")) == "x"


def test_what_is_private_library_or_system(places: Places) -> None:
    assert places.is_private("/p/work/1")
    assert places.is_private("/proc/self/status")
    assert places.is_private("/p/root/a/__pycache__/x.pyc")
    assert not places.is_private("/p/work/11/x")
    assert places.is_library(sysconfig.get_path("stdlib") + "/json/__init__.py")
    assert places.is_system("/etc/hosts")
    assert not places.is_system("/usr/local/share/x")
    assert not places_for("/usr/share/project").is_system("/usr/share/project/x")
