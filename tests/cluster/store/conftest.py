"""A store in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiphys.cluster.store.folder import FolderStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the store."""
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> FolderStore:
    """A new store."""
    return FolderStore(root)
