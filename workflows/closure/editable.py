"""Editable installs of this interpreter: folders outside `site-packages` whose code is first-party all the same.

Read from `.pth` files: lines that are folders, and the `MAPPING` literal of setuptools' `__editable__…_finder` modules.
"""

from __future__ import annotations

import os
import re
import sys

SITES = ("site-packages", "dist-packages")
_PAIR = re.compile(r"""['"]([\w.]+)['"]\s*:\s*['"]([^'"]+)['"]""")


def site_folders() -> list[str]:
    """The folders of `sys.path` that hold installed distributions."""
    return [path for path in sys.path if os.path.basename(path) in SITES]


def editable_roots(sites: list[str]) -> tuple[tuple[str, str], ...]:
    """(folder, name) pairs: all modules below the folder (name ""), or the one that is called so."""
    found: list[tuple[str, str]] = []
    for site in sites:
        try:
            names = sorted(name for name in os.listdir(site) if name.endswith(".pth"))
        except OSError:
            continue
        for name in names:
            found += _read(site, os.path.join(site, name))
    return tuple(dict.fromkeys(found))


def _read(site: str, path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in _text(path).splitlines():
        line = line.strip()
        if line.startswith(("import ", "import\t")):
            for finder in re.findall(r"__editable___\w+_finder", line):
                found += _mapped(_text(os.path.join(site, finder + ".py")))
        elif line and not line.startswith("#"):
            folder = os.path.normpath(os.path.join(site, line))
            if os.path.isdir(folder) and not is_installed(folder):
                found.append((folder, ""))
    return found


def _mapped(text: str) -> list[tuple[str, str]]:
    """The entries of the line `MAPPING: dict[str, str] = {'pkg': '/home/ann/pkg'}`."""
    for line in text.splitlines():
        if line.startswith("MAPPING"):
            return [(os.path.dirname(path), name) for name, path in _PAIR.findall(line) if not is_installed(path)]
    return []


def is_installed(path: str) -> bool:
    """Whether a path lies in an installation folder."""
    return any(part in SITES for part in path.split(os.sep))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
