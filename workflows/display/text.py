"""Amounts, times and encoded values as a person reads them (pure; no terminal is known here)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiphys.cluster.store.records import Json
    from tiphys.workflows.plan_model import Hours

# Escape sequences (CSI, OSC, and the two-character ones), then all controls but tab: a log must not move our cursor.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_a-z0-9=>])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_AGE = re.compile(r", [\d a-z]+ ago")


def duration(seconds: float) -> str:
    """`0.04 s`, `12.3 s`, `4 min 12 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 0.995:
        return f"{max(0.0, seconds):.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for big, small, size, unit in (("d", "h", 86_400, 3_600), ("h", "min", 3_600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // unit
            return f"{whole // size} {big}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def clock(seconds: float) -> str:
    """A running watch: `0:07`, `1:02:03`."""
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, 3_600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def ago(seconds: float) -> str:
    """How long ago, in one unit: `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `9 d ago`."""
    if seconds < 1:
        return "just now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def local_time(epoch: float) -> str:
    """Seconds since the epoch as `2026-11-25 01:36:42` in the local zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))


def iso(epoch: float | None) -> str | None:
    """Seconds since the epoch as `2026-11-25T00:36:42.125Z`, in UTC, for machines."""
    if epoch is None:
        return None
    millis = round(epoch * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03d}Z"


def bytes_text(count: float) -> str:
    """Decimal units with three figures: `0 B`, `999 B`, `1.23 MB`."""
    size = float(count)
    for unit in _UNITS:
        if size < 999.5 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    raise AssertionError("the last unit ends the loop")


def hours_text(hours: Hours | None) -> str:
    """`0.4 CPU h`, `0.4 CPU h, 1.2 GPU h`, `unknown (limit 2 h)`. Something small is `< 0.01`, never 0."""
    if hours is None:
        return ""
    if hours.cpu is None:
        return f"unknown ({hours.limit})" if hours.limit else "unknown"
    parts = [amount_of_hours(hours.cpu, "CPU")]
    if hours.gpu is None:
        parts.append(f"unknown GPU h ({hours.limit})" if hours.limit else "unknown GPU h")
    elif hours.gpu > 0:
        parts.append(amount_of_hours(hours.gpu, "GPU"))
    return ", ".join(parts)


def amount_of_hours(hours: float, kind: str) -> str:
    """`0.4 CPU h` with two figures that count."""
    if hours < 0.01:
        return f"< 0.01 {kind} h"
    return f"{hours:.2g} {kind} h" if hours < 10 else f"{hours:,.0f} {kind} h"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 step`, `2 steps`, `3 entries`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def clean(text: str) -> str:
    """One line of foreign text without anything that moves the cursor: what was overwritten by `\\r` is gone."""
    text = _ESCAPES.sub("", text).rstrip("\r\n")
    if "\r" in text:
        text = text.rsplit("\r", 1)[1]
    return _CONTROLS.sub("", text)


def headline(error: str) -> str:
    """The telling line of an error: the one that names the exception below a traceback, else the first."""
    lines = [clean(line) for line in error.splitlines() if line.strip()]
    if not lines:
        return "no message"
    if lines[0].startswith("  + Exception Group"):
        lines = [line[4:] for line in lines if line.startswith("  | ")]
    elif lines[0].startswith("Traceback"):
        heads = [number for number, line in enumerate(lines) if line.startswith("Traceback")]
        lines = lines[heads[-1] + 1 :]
    else:
        return lines[0]
    return next((line for line in lines if not line.startswith(" ")), lines[-1])


def call_of(address: str) -> str:
    """The call that an instance belongs to: `clean[3][2]` -> `clean`."""
    return address.split("[", 1)[0]


def cells(text: str) -> int:
    """How many terminal columns a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # 2 ms, only for texts that need it

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, with `…` where it was cut."""
    if cells(text) <= width:
        return text
    kept, used = "", 1
    for character in text:
        used += cells(character)
        if used > width:
            break
        kept += character
    return kept + "…" if width > 0 else ""


def value_text(value: Json) -> str:
    """An encoded value (`workflows.values`) as it would be written in Python, artifacts as name, size and digest."""
    if isinstance(value, list):
        return "[" + ", ".join(value_text(v) for v in value) + "]"
    if not isinstance(value, dict):
        return repr(value)
    for tag, shown in _TAGS.items():
        if tag in value:
            return shown(value)
    return repr(value)


def _tuple_text(value: Json) -> str:
    inner = ", ".join(value_text(v) for v in value["$tuple"])
    return f"({inner},)" if len(value["$tuple"]) == 1 else f"({inner})"


def _fields_text(name: str, value: Json) -> str:
    return f"{name}(" + ", ".join(f"{k}={value_text(v)}" for k, v in value["fields"].items()) + ")"


_TAGS: Mapping[str, Callable[[Json], str]] = {
    "$artifact": lambda v: f"{v['$artifact']} {v['name']} ({bytes_text(v['size'])}, {v['digest'][:12]})",
    "$tuple": _tuple_text,
    "$dict": lambda v: "{" + ", ".join(f"{k!r}: {value_text(x)}" for k, x in v["$dict"].items()) + "}",
    "$enum": lambda v: f"{v['$enum']}.{v['name']}",
    "$data": lambda v: _fields_text(v["$data"], v),
    "$named": lambda v: _fields_text(v["$named"], v),
    "$date": lambda v: str(v["$date"]),
    "$datetime": lambda v: str(v["$datetime"]),
    "$path": lambda v: str(v["$path"]),
    "$float": lambda v: str(v["$float"]),
}


def without_age(reason: str) -> str:
    """A reason as it is told apart from others: two hits of one run differ in age alone."""
    return _AGE.sub("", reason)
