"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projects import Project, a_project


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Project]:
    """Make a project with a pipeline of this text."""
    return lambda text: a_project(tmp_path / "project", text)
