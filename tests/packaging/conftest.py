"""The wheel is built and installed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.packaging.installed import Installed, build, install


@pytest.fixture(scope="package")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    out = tmp_path_factory.mktemp("dist")
    done = build(ROOT, out)
    assert done.returncode == 0, done.stderr
    (file,) = out.glob("*.whl")
    return file


@pytest.fixture(scope="package")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, outside the clone."""
    folder = tmp_path_factory.mktemp("outside")
    assert not folder.is_relative_to(ROOT)
    return install(wheel, folder)
