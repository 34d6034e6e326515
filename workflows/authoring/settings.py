"""The settings that `@step(…)` takes, checked and brought into one unit each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, TypedDict

from tiphys.cluster.errors import InputError
from tiphys.cluster.resources import Cpus, Gpus
from tiphys.workflows.graph import Settings

_REAL = {"cpu", "memory", "ephemeral_storage"}
_LEAST_BYTES = 1 << 20  # no process does with less: a unit is missing


class StepSettings(TypedDict, total=False):
    """What `@step(…)` takes.

    Amounts: `cpu` in cores, `memory` and `ephemeral_storage` as `"4Gi"` or bytes, durations as `timedelta` or text
    (`"90s"`, `"10min"`, `"2h"`, `"1d"`). `retry_delay` doubles at each attempt. `env`: names of environment variables
    that the step sees and that count for the cache; `secrets`: names whose values are neither stored nor compared.
    `reads`: files, folders or patterns below the project root. `cache_for`: the age at which a result expires.
    `effect`: the step acts on the outside world. `resources`: hardware by profile.
    """

    cpu: float | str
    memory: str | int
    ephemeral_storage: str | int
    gpu: int
    gpu_type: str
    retries: int
    retry_delay: str | timedelta
    timeout: str | timedelta
    env: Sequence[str]
    secrets: Sequence[str]
    cache: bool
    cache_for: str | timedelta
    reads: Sequence[str | os.PathLike[str]]
    effect: bool
    environment: str
    resources: Mapping[str, Cpus | Gpus]


def parse_settings(options: Mapping[str, Any], where: str) -> Settings:
    """`Settings` from the keywords of a decorator. `InputError` beginning with `where` and naming the keyword."""
    known = StepSettings.__annotations__
    for name in options:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise InputError(
                f"{where}: @step has no setting {name!r}",
                fix=f"did you mean {close[0]!r}?" if close else f"settings: {', '.join(known)}",
            )
    settings = Settings(**{target: value for name in options for target, value in _setting(name, options[name], where)})
    _check_together(settings, options, where)
    return settings


def _setting(name: str, value: Any, where: str) -> list[tuple[str, Any]]:
    field = f"{where}: {name}"
    if name in _REAL:
        return [_amount(name, value, field)]
    if name in ("retry_delay", "timeout", "cache_for"):
        return [(f"{name}_seconds", _duration(value, field))]
    if name in ("gpu", "retries"):
        return [(name, _count(value, field))]
    if name in ("cache", "effect"):
        return [(name, _flag(value, field))]
    if name in ("env", "secrets"):
        return [(name, _names(value, field))]
    if name == "reads":
        return [(name, tuple(os.fspath(path) for path in _sequence(value, field)))]
    if name == "resources":
        return [("profiles", _profiles(value, field))]
    if not isinstance(value, str) or not value:
        raise InputError(f"{field}={value!r} is not a name", fix="write it as text")
    return [(name, value)]


def _amount(name: str, value: Any, field: str) -> tuple[str, Any]:
    from tiphys.cluster.quantity import cpu_cores, memory_bytes  # only paid for by steps that ask for amounts

    if name == "cpu":
        return name, cpu_cores(value, where=field)
    amount = memory_bytes(value, where=field)
    if amount < _LEAST_BYTES:
        raise InputError(f"{field}={value!r} is {amount} bytes", fix=f'write the unit: {name}="4Gi" or "500Mi"')
    return f"{name}_bytes", amount


def _duration(value: Any, field: str) -> float:
    from tiphys.cluster.quantity import duration_seconds  # only paid for by steps that give durations

    return duration_seconds(value, where=field)


def _count(value: Any, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{field}={value!r} is not a whole number from 0 up", fix="write a whole number")
    return value


def _flag(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{field}={value!r} is not True or False", fix="write True or False")
    return value


def _sequence(value: Any, field: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InputError(f"{field}={value!r} is not a list", fix=f"write a list: [{value!r}]")
    return value


def _names(value: Any, field: str) -> tuple[str, ...]:
    for name in _sequence(value, field):
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise InputError(
                f"{field}: {name!r} is not the name of an environment variable",
                fix="list names alone; values are taken from the environment",
            )
    return tuple(dict.fromkeys(value))


def _profiles(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{field}={value!r} is not a dictionary", fix='write {"local": Cpus(2), "cluster": Gpus(1)}')
    profiles = {}
    for profile, amount in value.items():
        if not isinstance(profile, str) or not isinstance(amount, Cpus | Gpus):
            raise InputError(
                f"{field}: {profile!r}: {amount!r} is not an amount of hardware for a profile",
                fix='write {"local": Cpus(2), "cluster": Gpus(1)}',
            )
        profiles[profile] = amount.to_json()
    return profiles


def _check_together(settings: Settings, options: Mapping[str, Any], where: str) -> None:
    both = sorted(set(settings.env) & set(settings.secrets))
    if both:
        raise InputError(
            f"{where}: {both[0]!r} is in env and in secrets",
            fix="values in env count for the cache, secrets do not: choose",
        )
    if settings.gpu_type is not None and not settings.gpu:
        raise InputError(f"{where}: gpu_type={settings.gpu_type!r} and no gpu", fix="say how many: gpu=1")
    if settings.cache_for_seconds is not None and (settings.effect or not settings.cache):
        off = "effect=True" if settings.effect else "cache=False"
        raise InputError(
            f"{where}: cache_for={options['cache_for']!r} and {off}, which is never served from the cache",
            fix="leave one of them out",
        )
