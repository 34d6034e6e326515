"""Reads lock files in the format of requirements files: `uv pip compile`, pip-tools, `uv export`, plain pins.

The compilers write who asked for a line in `# via` comments below it (or behind it); edges are put together from
those. Lines of hashes, indexes and constraints say nothing about versions and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.direct import archive_version, blind_spots, direct_version
from tiphys.workflows.environment.markers import Markers
from tiphys.workflows.environment.model import EDITABLE, UNPINNED, Parsed, normalized

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REQUIREMENT = re.compile(rf"({_NAME})\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_PARENT = re.compile(rf"({_NAME})\s*(?:\[[^\]]*\])?")
_PIN = re.compile(r"\(?\s*===?\s*([^\s,;*()]+)\s*\)?")
_PATH = re.compile(r"[./\\~]|file:|.*\.(?:whl|zip|tar\.gz)$", re.IGNORECASE)
_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})")
_EDITABLE = re.compile(r"(?:-e|--editable)[= ]?\s*(.*)")
_EGG = re.compile(rf"#(?:.*&)?egg=({_NAME})")
_EXPORT = "uv export"
_HEADER = 200  # characters of a file in which its compiler names itself
_VIA = re.compile(r"#\s*via\b\s*(.*)")


class NotPinned(InputError):
    """A requirement without one exact version: the file is no lock."""


@dataclass(slots=True)
class _Line:
    """One requirement. `via`: who asked for it, None without such a comment."""

    where: str  # FILE:LINE
    text: str
    via: list[str] | None = None


@dataclass(frozen=True, slots=True)
class _Pin:
    """One requirement, understood. `name` is "" for a folder given by its path alone."""

    where: str
    name: str
    version: str
    marker: str
    via: list[str] | None = None


def parse_requirements(files: Iterable[tuple[str, str]], markers: Markers) -> Parsed:
    """Versions and edges of requirements files, given as (name as shown, text), that together are one lock.

    `NotPinned` names the first line without an exact version; `InputError` a marker that cannot be read, or two
    versions that hold at once.
    """
    pins: list[_Pin] = []
    bare_is_root = False
    for shown, text in files:
        bare_is_root = bare_is_root or _EXPORT in text[:_HEADER]
        pins += [pin for line in _lines(shown, text) for pin in _understood(line)]
    active: dict[str, _Pin] = {}
    for pin in pins:
        if pin.name and markers.hold(pin.marker, pin.where):
            other = active.setdefault(pin.name, pin)
            if other.version != pin.version:
                raise InputError(
                    f"{pin.where} pins {pin.name} {pin.version}, and {other.where} {other.version}: both hold here",
                    fix="lock again, or tell them apart by a marker",
                )
    versions = {name: pin.version for name, pin in active.items()}
    requires, notes = _edges(active.values(), versions, bare_is_root)
    notes += [note for pin in pins for note in blind_spots(pin.where, pin.version)]
    excluded = frozenset(pin.name for pin in pins if pin.name) - versions.keys()
    return Parsed(versions, requires, excluded, tuple(notes))


def _edges(
    pins: Iterable[_Pin], versions: dict[str, str], bare_is_root: bool
) -> tuple[dict[str, tuple[str, ...]] | None, list[str]]:
    """Distribution -> those that it requires, from the comments; None when a line has none: who needs it is unknown.

    `bare_is_root`: such a line among others is asked for by nothing else, as `uv export` writes members of groups.
    A parent that the lock does not pin (a folder given by path, a package left out of the output) is added unpinned.
    """
    edges: dict[str, set[str]] = {}
    bare: list[_Pin] = []
    total = 0
    for pin in pins:
        total += 1
        if pin.via is None:
            if pin.version != EDITABLE:
                bare.append(pin)
            continue
        for parent in pin.via:
            found = _PARENT.fullmatch(parent)
            if found:  # not `-r requirements.in` or `project (pyproject.toml)`: those are roots
                edges.setdefault(normalized(found[1]), set()).add(pin.name)
    if len(bare) == total:
        return None, []
    if bare and not bare_is_root:
        return None, [f"{bare[0].where} has no `# via` comment, unlike other lines"]
    for parent in edges:
        versions.setdefault(parent, UNPINNED)
    return {parent: tuple(sorted(children)) for parent, children in edges.items()}, []


def _lines(shown: str, text: str) -> Iterator[_Line]:
    """Requirements with their comments; continued lines are joined."""
    current: _Line | None = None
    joined, first, in_via = "", 0, False
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = raw.strip()
        if stripped.startswith("#"):
            in_via = current is not None and raw[0] in " \t" and _comment(current, stripped, in_via)
            continue
        in_via = False
        first = first or number
        joined += " " + stripped.removesuffix("\\")
        if stripped.endswith("\\"):
            continue
        requirement, _, comment = joined.strip().partition(" #")
        if requirement:
            if current is not None:
                yield current
            current = _Line(f"{shown}:{first}", requirement)
            in_via = _comment(current, "#" + comment, False)
        joined, first = "", 0
    if current is not None:
        yield current


def _comment(line: _Line, comment: str, in_via: bool) -> bool:
    """Take the parents out of a comment below or behind a requirement. True: a list of them has begun or goes on."""
    found = _VIA.fullmatch(comment)
    parents: Sequence[str]
    if found:
        line.via = line.via or []
        parents = found[1].split(",")
    elif in_via:
        parents = [comment.lstrip("# \t")]
    else:
        return False
    assert line.via is not None
    line.via += [parent.strip() for parent in parents if parent.strip()]
    return True


def _understood(line: _Line) -> Iterator[_Pin]:
    """The pin of a line: none for options."""
    text = line.text
    editable = _EDITABLE.fullmatch(text)
    if editable:
        egg = _EGG.search(editable[1])
        yield _Pin(line.where, normalized(egg[1]) if egg else "", EDITABLE, "", line.via)
        return
    if text.startswith("-"):
        return
    hashes = _HASH.findall(text)
    text = re.split(r"\s--[a-z]", text, maxsplit=1)[0].strip()
    found = _REQUIREMENT.fullmatch(text)
    if found and found[2].startswith("@"):
        url, _, marker = found[2][1:].strip().partition(" ;")
        version = direct_version(url.strip(), hashes)
        if not version:
            raise NotPinned(f"{line.where}: {found[1]} is at no fixed commit", fix="lock again, or name the commit")
        yield _Pin(line.where, normalized(found[1]), version, marker, line.via)
        return
    if _PATH.match(text):
        yield _path(line, text, hashes)
        return
    specifier, _, marker = (found[2] if found else "").partition(";")
    pinned = _PIN.fullmatch(specifier.strip())
    if not found or not pinned:
        raise NotPinned(
            f"{line.where}: {text!r} is not one exact version (NAME==VERSION)",
            fix="lock it: uv pip compile FILE -o requirements.lock",
        )
    yield _Pin(line.where, normalized(found[1]), pinned[1], marker, line.via)


def _path(line: _Line, text: str, hashes: list[str]) -> _Pin:
    """A file or folder without a name: of an archive the file name says which distribution it is."""
    path, _, marker = text.partition(" ;")
    name = path.split("#")[0].rstrip("/").rsplit("/", 1)[-1]
    if name.endswith((".whl", ".tar.gz", ".zip")):
        distribution, version = archive_version(name)
        direct = direct_version("file:" + path, hashes)
        return _Pin(line.where, normalized(distribution), f"{version} {direct}", marker, line.via)
    return _Pin(line.where, "", UNPINNED, marker, line.via)
