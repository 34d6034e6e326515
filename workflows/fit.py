"""May a step start on this machine now? Pure: requests that run, the one that asks, the facts of the machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tiphys.cluster.errors import InputError
from tiphys.cluster.machine import Machine
from tiphys.workflows.graph import Json, Settings

if TYPE_CHECKING:
    from tiphys.workflows.settings import Config

TARGET_PROFILES = ("local", "cluster")
"""Profiles that always exist: what `run` and `submit` take."""

_TOLERANCE = 1e-9  # ten times 0.1 core is one core


@dataclass(frozen=True, slots=True)
class Request:
    """What one step asks for in the chosen profile: cores, bytes, whole GPUs. 0: nothing is asked for."""

    cpu: float = 1.0
    memory_bytes: int = 0
    gpu: int = 0
    gpu_type: str | None = None
    ephemeral_storage_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """There is room."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """There is room when something that runs has ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class StartAlone:
    """The machine is smaller than the request and nothing else runs: start, and warn with the reason."""

    reason: str


Fit = Start | Wait | StartAlone


def fits(running: Iterable[Request], request: Request, machine: Machine, *, strict: bool = False) -> Fit:
    """Start, wait, or start alone.

    `InputError`: the step asks for GPUs that are not there, or (with `strict`) for more of anything than there is.
    While a step runs that asked for more than there is, everything else waits.
    """
    excess = check_request(request, machine, strict=strict)
    taken = tuple(running)
    if excess:
        return Wait(f"waits to run alone: it {excess}") if taken else StartAlone(f"runs alone: it {excess}")
    for short in _short(taken, request, machine):
        return Wait(short)
    return Start("there is room on this machine")


def check_request(request: Request, machine: Machine, *, strict: bool = False) -> str:
    """What the machine can never give, as a sentence without subject ("asks …"); "" when it has all of it.

    `InputError` as in `fits`: callers that ask before anything has started lose nothing to a refusal.
    """
    _refuse_missing_gpus(request, machine)
    excess = " and ".join(_excess(request, machine))
    if excess and strict:
        raise InputError(f"it {excess}", fix="ask for less, choose another --profile, or drop --strict-resources")
    return excess


def request_for(settings: Settings, profile: str, config: Config) -> Request:
    """The request of a step in a profile; each layer is over the ones before:

    what the step declares plainly, `[tool.tiphys.profiles.NAME]`, what the step declares for this very profile.
    """
    merged: dict[str, Json] = {
        "cpu": settings.cpu,
        "memory_bytes": settings.memory_bytes,
        "ephemeral_storage_bytes": settings.ephemeral_storage_bytes,
        "gpu": settings.gpu,
        "gpu_type": settings.gpu_type,
    }
    merged.update(config.profiles.get(profile, {}))
    merged.update(_in_bytes(settings.profiles.get(profile, {}), profile))
    return Request(
        cpu=float(merged["cpu"]),
        memory_bytes=merged["memory_bytes"] or 0,
        gpu=merged["gpu"] or 0,
        gpu_type=merged["gpu_type"],
        ephemeral_storage_bytes=merged["ephemeral_storage_bytes"] or 0,
    )


def check_profile(profile: str, steps: Iterable[Settings], config: Config) -> None:
    """`InputError` when neither a step nor the project knows the profile: a misspelt one would change nothing."""
    known = {*TARGET_PROFILES, *config.profiles}
    for settings in steps:
        known.update(settings.profiles)
    if profile not in known:
        listed = ", ".join(sorted(known))
        raise InputError(f"no step and no setting knows the profile {profile!r}", fix=f"profiles here: {listed}")


def _in_bytes(resources: Mapping[str, Json], profile: str) -> dict[str, Json]:
    """Resources of a step by profile with `memory="4Gi"` as `memory_bytes`."""
    result = dict(resources)
    for name in ("memory", "ephemeral_storage"):
        if name in result:
            # Few profiles name memory: the parser is loaded for those alone.
            from tiphys.cluster.quantity import memory_bytes

            result[f"{name}_bytes"] = memory_bytes(result.pop(name), where=f"resources[{profile!r}] {name}")
    return result


def _refuse_missing_gpus(request: Request, machine: Machine) -> None:
    if not request.gpu:
        return
    fix = "run it where there are, or choose a --profile whose resources ask for none; nothing falls back to the CPU"
    if request.gpu > machine.gpus:
        raise InputError(f"it asks for {_count(request.gpu, 'GPU')}, and this machine has {machine.gpus}", fix=fix)
    if request.gpu_type is None or not machine.gpu_models:
        return
    matching = sum(_plain(request.gpu_type) in _plain(model) for model in machine.gpu_models)
    if matching < request.gpu:
        asked = _count(request.gpu, f"{request.gpu_type} GPU")
        raise InputError(f"it asks for {asked}, and this machine has {', '.join(machine.gpu_models)}", fix=fix)


def _excess(request: Request, machine: Machine) -> Iterator[str]:
    if request.cpu > machine.cpus + _TOLERANCE:
        yield f"asks for {cores(request.cpu)}, this machine has {machine.cpus:g}"
    if request.memory_bytes > machine.memory_bytes:
        yield f"asks for {amount(request.memory_bytes)} of memory, this machine has {amount(machine.memory_bytes)}"
    if request.ephemeral_storage_bytes > machine.disk_free_bytes:
        asked, free = amount(request.ephemeral_storage_bytes), amount(machine.disk_free_bytes)
        yield f"asks for {asked} of ephemeral storage, the disk has {free} free"


def _short(running: tuple[Request, ...], request: Request, machine: Machine) -> Iterator[str]:
    """What does not fit beside what runs. A sum above the machine alone also counts: that step runs alone."""
    cpu = sum(r.cpu for r in running)
    if cpu + request.cpu > machine.cpus + _TOLERANCE:
        yield f"waits for {cores(request.cpu)}: {cpu:g} of {machine.cpus:g} are taken"
    memory = sum(r.memory_bytes for r in running)
    if memory + request.memory_bytes > machine.memory_bytes:
        taken = f"{amount(memory)} of {amount(machine.memory_bytes)}"
        yield f"waits for {amount(request.memory_bytes)} of memory: {taken} are taken"
    gpu = sum(r.gpu for r in running)
    if gpu + request.gpu > machine.gpus:
        yield f"waits for {_count(request.gpu, 'GPU')}: {gpu} of {machine.gpus} are taken"
    disk = sum(r.ephemeral_storage_bytes for r in running)
    if disk + request.ephemeral_storage_bytes > machine.disk_free_bytes:
        taken = f"{amount(disk)} of {amount(machine.disk_free_bytes)}"
        yield f"waits for {amount(request.ephemeral_storage_bytes)} of disk: {taken} are taken"


def cores(count: float) -> str:
    """`1 core`, `0.5 cores`."""
    return f"{count:g} core" if count == 1 else f"{count:g} cores"


def amount(size: int) -> str:
    """Bytes with a binary unit and three digits: `23.5Gi`, `512Mi`, `0`."""
    for unit, power in (("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)):
        if size >= 1 << power:
            return f"{size / (1 << power):.4g}{unit}"
    return str(size)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _plain(text: str) -> str:
    """`nvidia-h100` and `NVIDIA H100 80GB HBM3` share `nvidiah100`."""
    return "".join(c for c in text.casefold() if c.isalnum())
