"""Amounts as people write them: Kubernetes quantities of memory and CPU, and durations (pure).

Memory and CPU follow `k8s.io/apimachinery/pkg/api/resource`: a decimal number and a suffix. Durations are a `timedelta`
or numbers with units, `s min h d`; a bare `m` is refused, since it means minutes here and months or milli elsewhere.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

from tiphys.cluster.errors import InputError

_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {letter: Decimal(1000) ** power for power, letter in enumerate(("", "k", "M", "G", "T", "P", "E"))}
_MEMORY = _BINARY | _DECIMAL
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})(?![0-9A-Za-z]))?\s*([A-Za-z]*)")
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")

_MEMORY_EXAMPLES = "write 500Mi, 4Gi or 2G (Ki Mi Gi Ti are powers of 1024, k M G T of 1000)"
_CPU_EXAMPLES = "write cores as 2 or 0.5, or thousandths as 500m"
_DURATION_EXAMPLES = "write 30s, 5min, 2h, 1d or 1h 30min, or give a datetime.timedelta"


def memory_bytes(value: int | str, *, where: str = "memory") -> int:
    """Bytes of a Kubernetes quantity (`4Gi`, `500Mi`, `1.5G`, `1e9`) or of a number of bytes; parts are rounded up.

    `where` names the setting in the `InputError` for what is no quantity, negative or zero.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        amount = Decimal(value)
    else:
        number, suffix = _split(value, where, _MEMORY_EXAMPLES)
        if suffix not in _MEMORY:
            raise InputError(f"{where}={value!r}: {_memory_hint(suffix)}", fix=_MEMORY_EXAMPLES)
        amount = number * _MEMORY[suffix]
    if amount <= 0:
        raise InputError(f"{where}={value!r} is not more than nothing", fix=_MEMORY_EXAMPLES)
    return int(amount.to_integral_value(ROUND_CEILING))


def cpu_cores(value: int | float | str, *, where: str = "cpu") -> float:
    """Cores of a number (`2`, `0.5`) or a Kubernetes quantity (`500m`). `InputError` unless finite and above zero."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        cores = float(value)
    else:
        number, suffix = _split(value, where, _CPU_EXAMPLES)
        if suffix not in ("", "m"):
            raise InputError(f"{where}={value!r}: {suffix!r} is not a unit of CPU", fix=_CPU_EXAMPLES)
        cores = float(number / 1000 if suffix else number)
    if not 0 < cores < float("inf"):
        raise InputError(f"{where}={value!r} is not an amount of cores above 0", fix=_CPU_EXAMPLES)
    return cores


def duration_seconds(value: timedelta | str, *, where: str = "duration") -> float:
    """Seconds of a `timedelta` or of text such as `30s`, `5min`, `1h 30min`. `InputError` for all else."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        if seconds < 0:
            raise InputError(f"{where}={value!r} is negative", fix=_DURATION_EXAMPLES)
        return seconds
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}={value!r} is not a duration", fix=_DURATION_EXAMPLES)
    total = Decimal(0)
    position = 0
    text = value.rstrip()
    while position < len(text):
        part = _SPAN.match(text, position)
        if part is None or part[2] not in _SECONDS:
            raise InputError(f"{where}={value!r}: {_duration_hint(part, text[position:])}", fix=_DURATION_EXAMPLES)
        total += Decimal(part[1]) * _SECONDS[part[2]]
        position = part.end()
    return float(total)


def memory_text(size_bytes: int) -> str:
    """The shortest Kubernetes quantity that is exactly so many bytes: `4Gi`, `1500M`, `1025`."""
    for suffix, factor in sorted(_MEMORY.items(), key=lambda item: item[1], reverse=True):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // int(factor)}{suffix}"
    return str(size_bytes)


def _split(value: object, where: str, examples: str) -> tuple[Decimal, str]:
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise InputError(f"{where}={value!r} is not a quantity", fix=examples)
    number = Decimal(found[1]).scaleb(int(found[2] or 0))
    return number, found[3]


def _memory_hint(suffix: str) -> str:
    if suffix == "m":
        return "'m' is a thousandth of a byte; mega is M, mebi is Mi"
    close = {"kb": "k", "mb": "M", "gb": "G", "tb": "T", "kib": "Ki", "mib": "Mi", "gib": "Gi", "tib": "Ti"}
    close |= {unit.lower(): unit for unit in _MEMORY}
    meant = close.get(suffix.lower())
    return f"{suffix!r} is not a unit of memory" + (f"; did you mean {meant!r}?" if meant else "")


def _duration_hint(part: re.Match[str] | None, rest: str) -> str:
    if part is None:
        bare = rest.strip().replace(".", "", 1).isdigit()
        return f"{rest.strip()!r} has no unit" if bare else f"{rest.strip()!r} is not a number with a unit"
    if part[2] == "m":
        return f"'m' could be minutes or months; write {part[1]}min for minutes"
    return f"{part[2]!r} is not a unit of time"
