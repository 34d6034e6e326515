"""Reads what the running interpreter has installed, from the metadata folders on `sys.path`.

Looking at the names and times of those folders costs about a millisecond for a hundred distributions; reading the
metadata a hundred times that, so it is remembered under a digest of names and times: every installation, also of
another build of the same version, makes a new folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from tiphys.workflows.environment.memo import recall, remember
from tiphys.workflows.environment.model import EDITABLE, Parsed, normalized
from tiphys.workflows.environment.platforms import full_version, running_platform, running_python

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_FORMAT = 1
_SUFFIXES = (".dist-info", ".egg-info", ".egg-link")
_SITE = ("site-packages", "dist-packages")


def installed_versions(cache: Path | None = None, path: Sequence[str] | None = None) -> Mapping[str, str]:
    """Distribution -> version as in `Environment.versions`, of this interpreter as it is now."""
    return read_installed(cache, path).versions


def read_installed(cache: Path | None = None, path: Sequence[str] | None = None) -> Parsed:
    """Versions and requirements of what is on `path` (default `sys.path`); `cache` is a folder for the memory of it."""
    folders = list(dict.fromkeys(os.path.abspath(entry) for entry in (sys.path if path is None else path)))
    key = signature_of(folders, f"installed {_FORMAT}")
    known = recall(cache, key)
    if known is not None:
        return Parsed.from_json(known)
    parsed = _read(folders)
    remember(cache, key, parsed.to_json())
    return parsed


def signature_of(folders: Sequence[str], what: str) -> str:
    """Names and times of all metadata folders on a path: `what` is remembered under it while nothing is installed."""
    digest = blake3(f"{what} {full_version(running_python())} {running_platform()}\n".encode())
    for folder in folders:
        digest.update(f"{folder}\n".encode("utf-8", "surrogateescape"))
        try:
            with os.scandir(folder) as entries:
                found = sorted(
                    f"{e.name} {e.stat().st_mtime_ns} {e.inode()}\n" for e in entries if e.name.endswith(_SUFFIXES)
                )
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        digest.update("".join(found).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _read(folders: Sequence[str]) -> Parsed:
    from importlib.metadata import distributions  # 20 ms, only when something was installed since the last time

    found: dict[str, Distribution] = {}
    for distribution in distributions(path=list(folders)):
        metadata = distribution.metadata
        if "Name" in metadata:  # a folder that was half removed has no name
            found.setdefault(normalized(metadata["Name"]), distribution)  # the first on the path is what is imported
    versions = {name: _version(distribution) for name, distribution in found.items()}
    requires = {name: tuple(sorted(_requires(d, versions))) for name, d in found.items() if d.requires}
    return Parsed(versions, requires)


def _version(distribution: Distribution) -> str:
    record = distribution.read_text("direct_url.json")
    if record:
        import json

        from tiphys.workflows.environment.direct import installed_version

        files = (distribution.read_text("RECORD") or "").encode()
        return installed_version(distribution.version, json.loads(record), files)
    home = str(distribution.locate_file(""))
    develop = distribution.read_text("PKG-INFO") is not None and os.path.basename(home.rstrip("/")) not in _SITE
    return EDITABLE if develop else distribution.version  # an .egg-info in a source folder: `setup.py develop`


def _requires(distribution: Distribution, versions: Mapping[str, str]) -> Iterator[str]:
    """Installed distributions that this one may use. Optional ones count: it is not recorded which were asked for."""
    from packaging.requirements import InvalidRequirement, Requirement

    for text in distribution.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # metadata from before the rules were enforced: the name is enough
            name = text.split()[0].split("(")[0].split(";")[0]
            if normalized(name) in versions:
                yield normalized(name)
            continue
        marker = requirement.marker
        if normalized(requirement.name) in versions and (
            marker is None or "extra" in str(marker) or marker.evaluate({"extra": ""})
        ):
            yield normalized(requirement.name)
