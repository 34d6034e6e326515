"""Reads `uv.lock`: packages with edges, forks by resolution markers, extras and groups of the project."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tiphys.cluster.errors import InputError
from tiphys.workflows.environment.direct import blind_spots, direct_version
from tiphys.workflows.environment.markers import Markers
from tiphys.workflows.environment.model import EDITABLE, UNPINNED, Parsed, normalized

_FORMAT = 1
_Package = Mapping[str, Any]


def parse_uv_lock(shown: str, text: str, markers: Markers, chosen: frozenset[str] | None) -> Parsed:
    """What the lock installs for the project: all that its dependencies reach under these markers.

    `chosen`: extras and groups of the project, None for all. `InputError` when two versions of a distribution are
    reached, which happens between extras that exclude each other.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{shown} is not TOML: {error}", fix="lock again: uv lock") from error
    if data.get("version") != _FORMAT:
        raise InputError(
            f"{shown} has format {data.get('version')!r}, known is {_FORMAT}", fix="upgrade Tiphys, or give a lock=…"
        )
    return _Walk(shown, data, markers, chosen).run()


class _Walk:
    """One pass over the packages from the roots along edges that hold."""

    def __init__(self, shown: str, data: Mapping[str, Any], markers: Markers, chosen: frozenset[str] | None) -> None:
        self._shown = shown
        self._markers = markers
        self._chosen = chosen
        self._members = {normalized(name) for name in data.get("manifest", {}).get("members", ())}
        self._by_name: dict[str, list[_Package]] = defaultdict(list)
        for package in data.get("package", ()):
            self._by_name[normalized(package["name"])].append(package)
        self._reached: dict[str, _Package] = {}
        self._edges: dict[str, set[str]] = defaultdict(set)
        self._done: set[tuple[str, str]] = set()

    def run(self) -> Parsed:
        waiting: list[tuple[_Package, frozenset[str]]] = [(root, frozenset()) for root in self._roots()]
        roots = {id(root) for root, _ in waiting}
        while waiting:
            package, extras = waiting.pop()
            name = self._reach(package)
            for table, edges in self._tables(package, extras, root=id(package) in roots):
                if (name, table) in self._done:
                    continue
                self._done.add((name, table))
                for edge in edges:
                    if self._markers.hold(edge.get("marker", ""), f"{self._shown}: {name}"):
                        target = self._target(edge, name)
                        self._edges[name].add(normalized(target["name"]))
                        waiting.append((target, frozenset(edge.get("extra", ()))))
        versions = {name: _version(package) for name, package in self._reached.items()}
        requires = {name: tuple(sorted(self._edges[name])) for name in versions if name in self._edges}
        excluded = frozenset(self._by_name) - versions.keys()
        notes = tuple(n for name, version in versions.items() for n in blind_spots(f"{self._shown}: {name}", version))
        return Parsed(versions, requires, excluded, notes)

    def _roots(self) -> list[_Package]:
        """The project and the members of its workspace; of a script's lock, which has neither, every package."""
        packages = [package for same in self._by_name.values() for package in same]
        members = [p for p in packages if normalized(p["name"]) in self._members and _first_party(p)]
        here = [p for p in packages if _first_party(p) == "."]
        return members or here or [p for p in packages if _first_party(p)] or [p for p in packages if self._admits(p)]

    def _reach(self, package: _Package) -> str:
        name = normalized(package["name"])
        other = self._reached.setdefault(name, package)
        if other is not package:
            both = f"{other.get('version')} and {package.get('version')}"
            raise InputError(
                f"{self._shown} installs {name} {both}: extras or groups of the project exclude each other",
                fix='name those that are installed: [tool.tiphys.environments.default] extras = ["…"] (or of this one)',
            )
        return name

    def _tables(self, package: _Package, extras: frozenset[str], *, root: bool) -> Iterator[tuple[str, list[Any]]]:
        """The lists of edges that count: dependencies, the extras asked for, and of a root its extras and groups."""
        yield "", package.get("dependencies", [])
        for extra, edges in package.get("optional-dependencies", {}).items():
            if extra in extras or (root and self._is_chosen(extra)):
                yield f"extra {extra}", edges
        if root:
            for group, edges in package.get("dev-dependencies", {}).items():
                if self._is_chosen(group):
                    yield f"group {group}", edges

    def _is_chosen(self, name: str) -> bool:
        return self._chosen is None or normalized(name) in self._chosen

    def _target(self, edge: Mapping[str, Any], parent: str) -> _Package:
        """The package that an edge leads to; edges into a fork carry version and source."""
        found = [
            package
            for package in self._by_name[normalized(edge["name"])]
            if edge.get("version") in (None, package.get("version"))
            and edge.get("source") in (None, package.get("source"))
        ]
        if len(found) > 1:
            found = [package for package in found if self._admits(package)]
        if len(found) != 1:
            raise InputError(
                f"{self._shown}: {parent} needs {edge['name']}, and {len(found)} packages fit",
                fix="lock again: uv lock",
            )
        return found[0]

    def _admits(self, package: _Package) -> bool:
        """Whether the fork that a package belongs to is the one for these markers."""
        forks = package.get("resolution-markers", ())
        where = f"{self._shown}: {package['name']}"
        return not forks or any(self._markers.hold(marker, where) for marker in forks)


def _first_party(package: _Package) -> str:
    """The folder of a package that is code of the project or its workspace, "" for all others."""
    source = package.get("source", {})
    return str(source.get("virtual") or source.get("editable") or "")


def _version(package: _Package) -> str:
    """As in `Environment.versions`."""
    if _first_party(package):
        return EDITABLE
    version, source = package.get("version", ""), package.get("source", {})
    if "directory" in source:
        return f"{version} {UNPINNED}".strip()
    if "git" in source:
        return f"{version} {direct_version('git+' + source['git'])}".strip()
    address = source.get("url") or source.get("path")
    if address:
        archives = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
        hashes = [archive.get("hash", "").removeprefix("sha256:") for archive in archives]
        return f"{version} {direct_version(address, [h for h in hashes if h])}".strip()
    return str(version)
