"""Versions of distributions that come from a direct reference (PEP 440, PEP 610): a commit, an archive, a folder.

Written `@ COMMIT`, `@ sha256:HASH` or `@ url:DIGEST`, after the version where one is known. The address itself is not
kept: it may hold a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from blake3 import blake3

from tiphys.cluster.store.records import Json
from tiphys.workflows.environment.model import EDITABLE, UNPINNED

_COMMIT = re.compile(r"@([0-9a-f]{40}|[0-9a-f]{64})(?:#.*)?$")
_LOCKED_COMMIT = re.compile(r"#([0-9a-f]{40}|[0-9a-f]{64})$")
_FRAGMENT_HASH = re.compile(r"[#&]sha256[=:]([0-9a-f]{64})")
_CREDENTIALS = re.compile(r"//[^/@]*@")
_ARCHIVE = re.compile(r"\.(whl|tar\.gz|zip)$")


def direct_version(url: str, hashes: Sequence[str] = ()) -> str:
    """The part after the version, from an address and the SHA-256 hashes beside it; "" for a branch of a repository.

    A folder has no version: `UNPINNED`.
    """
    if url.startswith(("git+", "hg+", "bzr+", "svn+")):
        commit = _COMMIT.search(url) or _LOCKED_COMMIT.search(url)
        return f"@ {commit[1]}" if commit else ""
    fragment = _FRAGMENT_HASH.search(url)
    if fragment:
        return f"@ sha256:{fragment[1]}"
    if len(hashes) == 1:
        return f"@ sha256:{hashes[0]}"
    plain = url.split("#")[0]
    if plain.startswith("file:") and not _ARCHIVE.search(plain):
        return UNPINNED
    return f"@ url:{blake3(_CREDENTIALS.sub('//', plain).encode()).hexdigest()[:16]}"


def blind_spots(where: str, version: str) -> list[str]:
    """What to say about a version that stays the same when the content changes; `where` names the line."""
    if version.endswith(UNPINNED):
        return [f"{where} is a folder: no version tells when it changes"]
    if "@ url:" in version:
        return [f"{where} is an archive without a hash: nothing tells when it changes"]
    return []


def archive_version(name: str) -> tuple[str, str]:
    """Distribution and version of a wheel or source archive by its file name."""
    stem = _ARCHIVE.sub("", name)
    if name.endswith(".whl"):
        distribution, _, rest = stem.partition("-")
        return distribution, rest.partition("-")[0]
    distribution, _, version = stem.rpartition("-")
    return distribution, version


def installed_version(version: str, record: Json, installed_files: bytes) -> str:
    """The version of an installed distribution whose `direct_url.json` (PEP 610) says `record`.

    `installed_files`: its RECORD, which holds a hash of every file: all that tells two builds of one folder apart.
    """
    folder: Mapping[str, Json] | None = record.get("dir_info")
    if folder is not None:
        digest = blake3(installed_files).hexdigest()[:16]
        return EDITABLE if folder.get("editable") else f"{version} @ record:{digest}"
    commit = record.get("vcs_info", {}).get("commit_id")
    if commit:
        return f"{version} @ {commit}"
    archive = record.get("archive_info", {})
    known = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix("sha256=")
    return f"{version} {direct_version(record['url'], [known] if known else [])}"
