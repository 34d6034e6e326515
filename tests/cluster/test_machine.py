"""Facts of a machine, read from small trees of the kernel's files, and from the real ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tiphys.cluster.machine import Machine, read_machine

GIB = 1 << 30
MEMINFO = "MemTotal:       33554432 kB\nMemFree:        1000 kB\n"


def a_filesystem(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"proc/meminfo": MEMINFO, "dev/null": "", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def read(root: Path, files: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Machine:
    return read_machine(root, filesystem=a_filesystem(root, files), environ=environ or {})


def test_this_machine() -> None:
    machine = read_machine()
    assert 0 < machine.cpus <= len(os.sched_getaffinity(0))
    assert 0 < machine.memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert machine.disk_free_bytes > 0
    assert machine.gpus >= len(machine.gpu_models) or machine.gpus == 0


def test_without_limits(tmp_path: Path) -> None:
    machine = read(tmp_path, {"proc/self/cgroup": "0::/\n"})
    assert machine == Machine(len(os.sched_getaffinity(0)), 32 * GIB, machine.disk_free_bytes)


def test_affinity_of_this_process_counts(tmp_path: Path) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert read(tmp_path, {}).cpus == 1.0
    finally:
        os.sched_setaffinity(0, allowed)


V2 = "sys/fs/cgroup"
CASES = {
    "version 2, own group": (
        {
            "proc/self/cgroup": "0::/pod/box\n",
            f"{V2}/pod/box/memory.max": "4294967296\n",
            f"{V2}/pod/box/cpu.max": "50000 100000\n",
        },
        (0.5, 4 * GIB),
    ),
    "version 2, the limit is a parent's": (
        {
            "proc/self/cgroup": "0::/pod/box\n",
            f"{V2}/pod/memory.max": "2147483648\n",
            f"{V2}/pod/box/memory.max": "max\n",
            f"{V2}/pod/cpu.max": "75000 100000\n",
            f"{V2}/pod/box/cpu.max": "max 100000\n",
        },
        (0.75, 2 * GIB),
    ),
    "version 2, the path is the host's": (
        {
            "proc/self/cgroup": "0::/kubepods/burstable/pod1\n",
            f"{V2}/memory.max": "1073741824\n",
            f"{V2}/cpu.max": "25000 50000\n",
        },
        (0.5, GIB),
    ),
    "version 2, moved out of the namespace": (
        {"proc/self/cgroup": "0::/../../elsewhere\n", f"{V2}/memory.max": "1073741824\n"},
        (1.0, GIB),
    ),
    "version 1": (
        {
            "proc/self/cgroup": "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n",
            f"{V2}/memory/docker/x/memory.limit_in_bytes": "3221225472\n",
            f"{V2}/cpu,cpuacct/docker/x/cpu.cfs_quota_us": "20000\n",
            f"{V2}/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000\n",
        },
        (0.2, 3 * GIB),
    ),
    "version 1 without limits": (
        {
            "proc/self/cgroup": "5:memory:/\n4:cpu:/\n",
            f"{V2}/memory/memory.limit_in_bytes": "9223372036854771712\n",
            f"{V2}/cpu/cpu.cfs_quota_us": "-1\n",
            f"{V2}/cpu/cpu.cfs_period_us": "100000\n",
        },
        (1.0, 32 * GIB),
    ),
    "a limit above the machine": (
        {"proc/self/cgroup": "0::/\n", f"{V2}/memory.max": str(1 << 50), f"{V2}/cpu.max": "99900000 100000"},
        (1.0, 32 * GIB),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cgroup_limits(tmp_path: Path, name: str) -> None:
    files, (cpus, memory) = CASES[name]
    machine = read(tmp_path, files)
    expected = cpus if cpus < 1 else float(len(os.sched_getaffinity(0)))
    assert (machine.cpus, machine.memory_bytes) == (expected, memory)


GPUS = {"dev/nvidia0": "", "dev/nvidia1": "", "dev/nvidiactl": "", "dev/nvidia-uvm": "", "dev/nvidia-caps/cap1": ""}
MODEL = "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 100\n"


@pytest.mark.parametrize(
    ("visible", "gpus"),
    [(None, 2), ("0", 1), ("1,0", 2), ("", 0), ("-1", 0), ("0,-1,1", 1), ("0,1,2,3", 2), ("GPU-a", 1)],
)
def test_gpus_are_device_nodes_that_cuda_may_see(tmp_path: Path, visible: str | None, gpus: int) -> None:
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert read(tmp_path, GPUS, environ).gpus == gpus


def test_gpu_models(tmp_path: Path) -> None:
    files = {f"proc/driver/nvidia/gpus/0000:0{i}:00.0/information": MODEL for i in range(2)}
    assert read(tmp_path, GPUS | files).gpu_models == ("NVIDIA H100 80GB HBM3",) * 2
    assert read(tmp_path, GPUS | files, {"CUDA_VISIBLE_DEVICES": ""}).gpu_models == ()


def test_disk_of_a_folder_that_is_made_later(tmp_path: Path) -> None:
    machine = read_machine(tmp_path / "not" / "yet")
    assert machine.disk_free_bytes > 0
