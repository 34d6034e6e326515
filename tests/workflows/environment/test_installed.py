"""What an interpreter has installed, from real metadata folders."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path

import pytest

from tiphys.workflows.environment.installed import installed_versions, read_installed
from tiphys.workflows.environment.model import EDITABLE, Parsed

COMMIT = "e" * 40


def install(
    site: Path,
    name: str,
    number: str = "1.0",
    *requires: str,
    direct: object = None,
    record: str = "",
    suffix: str = "",
) -> Path:
    """Write the metadata of a distribution as an installer does."""
    folder = site / f"{name}-{number}{suffix or '.dist-info'}"
    folder.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {number}"]
    lines += [f"Requires-Dist: {text}" for text in requires]
    (folder / ("PKG-INFO" if suffix else "METADATA")).write_text("\n".join(lines) + "\n")
    if direct is not None:
        (folder / "direct_url.json").write_text(json.dumps(direct))
    (folder / "RECORD").write_text(record)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def read(site: Path, cache: Path | None = None) -> Parsed:
    return read_installed(cache, [str(site)])


def test_this_interpreter() -> None:
    found = installed_versions()
    assert found["packaging"] == version("packaging")
    assert found["tiphys"] == EDITABLE


def test_requirements(site: Path) -> None:
    install(site, "A_a", "1.0", "b (>=1)", "c ; sys_platform == 'win32'", "d ; extra == 'x'", "gone", "b>=2 ; bad(")
    for name in "bcd":
        install(site, name)
    parsed = read(site)
    assert parsed.versions == {"a-a": "1.0", "b": "1.0", "c": "1.0", "d": "1.0"}
    assert parsed.requires == {"a-a": ("b", "d")}


def test_direct_references(site: Path) -> None:
    address = "https://user:secret@h.example/r"
    install(site, "git", direct={"url": address, "vcs_info": {"vcs": "git", "commit_id": COMMIT}})
    install(site, "mine", direct={"url": "file:///src", "dir_info": {"editable": True}})
    install(site, "folder", direct={"url": "file:///src", "dir_info": {}}, record="a.py,sha256=1,2\n")
    install(site, "wheel", direct={"url": address, "archive_info": {"hashes": {"sha256": "f" * 64}}})
    install(site, "old", direct={"url": address, "archive_info": {"hash": "sha256=" + "0" * 64}})
    install(site, "bare", direct={"url": address, "archive_info": {}})
    found = read(site).versions
    assert found["git"] == f"1.0 @ {COMMIT}"
    assert found["mine"] == EDITABLE
    assert found["folder"].startswith("1.0 @ record:")
    assert found["wheel"] == "1.0 @ sha256:" + "f" * 64
    assert found["old"] == "1.0 @ sha256:" + "0" * 64
    assert found["bare"].startswith("1.0 @ url:")
    assert "secret" not in repr(found)


def test_two_builds_of_one_folder_differ(tmp_path: Path) -> None:
    versions = [
        read(install(tmp_path / n, "x", direct={"url": "file:///s", "dir_info": {}}, record=n).parent).versions["x"]
        for n in ("one", "two")
    ]
    assert len(set(versions)) == 2


def test_egg_info_of_a_source_folder_is_first_party(tmp_path: Path, site: Path) -> None:
    install(tmp_path / "src", "mine", suffix=".egg-info")
    install(site, "theirs", suffix=".egg-info")
    parsed = read_installed(None, [str(tmp_path / "src"), str(site)])
    assert parsed.versions == {"mine": EDITABLE, "theirs": "1.0"}


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    install(tmp_path / "one", "x", "1.0")
    install(tmp_path / "two", "x", "2.0")
    path = [str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "absent")]
    assert installed_versions(None, path) == {"x": "1.0"}
    assert installed_versions(None, path[::-1]) == {"x": "2.0"}


def test_the_memory_of_it_follows_every_installation(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    install(site, "x", "1.0")
    assert read(site, cache).versions == read(site, cache).versions == {"x": "1.0"}
    assert len(list(cache.iterdir())) == 1
    install(site, "y", "1.0")
    assert read(site, cache).versions == {"x": "1.0", "y": "1.0"}
    again = site / "x-1.0.dist-info"  # the same version from another place: the folder is made anew
    os.rename(again, tmp_path / "old")
    install(site, "x", "1.0", direct={"url": "u", "vcs_info": {"commit_id": COMMIT}})
    assert read(site, cache).versions == {"x": f"1.0 @ {COMMIT}", "y": "1.0"}


def test_a_half_removed_distribution_is_passed_over(site: Path) -> None:
    (site / "ghost-1.0.dist-info").mkdir()
    assert read(site).versions == {}
