"""Platforms and Python versions that markers of lock files are evaluated for: not necessarily those of this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from tiphys.cluster.errors import InputError

_SYSTEMS: Mapping[str, tuple[str, str, str]] = {
    # name: sys_platform, platform_system, os_name
    "linux": ("linux", "Linux", "posix"),
    "darwin": ("darwin", "Darwin", "posix"),
    "windows": ("win32", "Windows", "nt"),
}
PLATFORMS: Mapping[str, tuple[str, str]] = {
    # name: system, platform_machine as that system spells it. The forms with a slash are those of container images.
    "linux-x86_64": ("linux", "x86_64"),
    "linux/amd64": ("linux", "x86_64"),
    "linux-aarch64": ("linux", "aarch64"),
    "linux/arm64": ("linux", "aarch64"),
    "darwin-arm64": ("darwin", "arm64"),
    "darwin-x86_64": ("darwin", "x86_64"),
    "windows-amd64": ("windows", "AMD64"),
}
DEFAULT_PLATFORM = "linux-x86_64"

_LATEST_PATCH = 99
"""Stands for "some later patch release" of a Python that is known by its minor version alone."""


def running_python() -> str:
    """`3.11` of the interpreter that runs this."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def running_platform() -> str:
    """The platform of this machine, or the default one when it is none that we know."""
    name = f"{sys.platform}-{os.uname().machine}"
    return name if name in PLATFORMS else DEFAULT_PLATFORM


def full_version(python: str) -> str:
    """`3.11.9` as it is; of `3.11` the running interpreter's patch release when it is a 3.11, else a late one."""
    if python.count(".") == 2:
        return python
    if python == running_python():
        return ".".join(map(str, sys.version_info[:3]))
    return f"{python}.{_LATEST_PATCH}"


def minor_version(python: str) -> str:
    """`3.11` of `3.11.9`."""
    return ".".join(python.split(".")[:2])


def marker_environment(python: str, platform: str = DEFAULT_PLATFORM) -> Mapping[str, str]:
    """The variables of dependency specifiers (PEP 508) for CPython `python` ("3.11" or "3.11.9") on `platform`."""
    if platform not in PLATFORMS:
        raise InputError(f"unknown platform {platform!r}", fix=f"one of {', '.join(sorted(PLATFORMS))}")
    system, machine = PLATFORMS[platform]
    sys_platform, platform_system, os_name = _SYSTEMS[system]
    full = full_version(python)
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": platform_system,
        "platform_version": "",
        "python_full_version": full,
        "python_version": minor_version(python),
        "sys_platform": sys_platform,
    }
