"""Facts of this machine as this process may use it: cores, memory, free disk, GPUs. Reads files; starts nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_GPU_DEVICE = re.compile(r"nvidia\d+")
_MODEL_LINE = re.compile(r"^Model:\s*(.+?)\s*$", re.MULTILINE)
_V1_UNLIMITED = 1 << 60
"""cgroup v1 writes "no limit" as the largest multiple of a page below 2^63; no machine has an exbibyte of memory."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What steps may use together.

    `cpus` in cores (a fraction under a cgroup quota), `memory_bytes` in all, `disk_free_bytes` where working folders
    are, `gpus` as devices. `gpu_models`: their names as the driver tells them, () when it does not.
    """

    cpus: float
    memory_bytes: int
    disk_free_bytes: int
    gpus: int = 0
    gpu_models: tuple[str, ...] = ()


def read_machine(
    disk: Path | None = None, *, filesystem: Path = Path("/"), environ: Mapping[str, str] = os.environ
) -> Machine:
    """The facts now. `disk`: a folder (or what will be one) on the disk that counts, default the current one.

    `filesystem` is where `proc`, `sys` and `dev` are found. Limits of all enclosing cgroups count, version 1 and 2.
    """
    groups = _cgroup_folders(filesystem)
    gpus = _gpu_devices(filesystem, environ)
    return Machine(
        cpus=min([float(_affinity()), *_cpu_quotas(groups)]),
        memory_bytes=min([_memory_total(filesystem), *_memory_limits(groups)]),
        disk_free_bytes=_disk_free(disk or Path.cwd()),
        gpus=gpus,
        gpu_models=tuple(sorted(_gpu_models(filesystem))) if gpus else (),
    )


def _affinity() -> int:
    """Cores that the scheduler may give to this process: fewer than there are under `taskset` and cpusets."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_total(filesystem: Path) -> int:
    found = re.search(r"^MemTotal:\s*(\d+) kB", _read(filesystem / "proc/meminfo"), re.MULTILINE)
    if found:
        return int(found[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cgroup_folders(filesystem: Path) -> tuple[Path, ...]:
    """Folders of the cgroups around this process, innermost first, of every hierarchy that limits memory or CPU."""
    mount = filesystem / "sys/fs/cgroup"
    folders: list[Path] = []
    for line in _read(filesystem / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            bases = [mount, mount / "unified"]
        elif {"cpu", "memory"} & set(controllers.split(",")):
            bases = [mount / controllers, *(mount / name for name in controllers.split(","))]
        else:
            continue
        for base in bases:
            folders += _up_to(base, path)
    return tuple(dict.fromkeys(folders))


def _up_to(base: Path, path: str) -> Iterator[Path]:
    """`base/path` and its parents up to `base`; those that do not exist are read as empty.

    Inside a container without a cgroup namespace the path is the host's and only `base` exists.
    """
    parts = [part for part in path.split("/") if part]
    if ".." in parts:  # this process was moved out of the namespace's root: nothing above it can be seen
        parts = []
    for count in range(len(parts), -1, -1):
        yield base.joinpath(*parts[:count])


def _cpu_quotas(folders: tuple[Path, ...]) -> Iterator[float]:
    """Cores by CFS bandwidth: quota over period, both in microseconds."""
    for folder in folders:
        quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
        if not quota:
            quota = _read(folder / "cpu.cfs_quota_us").strip()
            period = _read(folder / "cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:  # not "max", not -1
            yield int(quota) / int(period)


def _memory_limits(folders: tuple[Path, ...]) -> Iterator[int]:
    for folder in folders:
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _read(folder / name).strip()
            if limit.isdigit() and int(limit) < _V1_UNLIMITED:
                yield int(limit)


def _disk_free(folder: Path) -> int:
    """Bytes that a user without privileges may still write below `folder`."""
    for candidate in (folder, *folder.absolute().parents):
        try:
            facts = os.statvfs(candidate)
        except FileNotFoundError:  # the store is made later, on the disk of its nearest parent
            continue
        return facts.f_bavail * facts.f_frsize
    return 0


def _gpu_devices(filesystem: Path, environ: Mapping[str, str]) -> int:
    """NVIDIA device nodes, at most as many as `CUDA_VISIBLE_DEVICES` shows to CUDA programs."""
    try:
        count = sum(1 for name in os.listdir(filesystem / "dev") if _GPU_DEVICE.fullmatch(name))
    except OSError:
        return 0
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return count
    shown = 0
    for name in visible.split(","):
        if name.strip() in ("", "-1"):  # CUDA reads the list up to the first entry that names no device
            break
        shown += 1
    return min(count, shown)


def _gpu_models(filesystem: Path) -> Iterator[str]:
    """One name a GPU, from the driver's folder in `/proc`."""
    folder = filesystem / "proc/driver/nvidia/gpus"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        found = _MODEL_LINE.search(_read(folder / name / "information"))
        if found:
            yield found[1]


def _read(path: Path) -> str:
    """The text of a small file of the kernel, "" when it is not there or closed to us."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
