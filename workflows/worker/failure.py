"""An exception of a step as the user is told: what kind of failure, one sentence, and the traceback that is theirs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from traceback import FrameSummary, StackSummary, TracebackException

from tiphys.cluster.errors import ContractError, InputError, PlatformError, TiphysError
from tiphys.workflows.worker.places import Places
from tiphys.workflows.worker.task import FailureKind

_KINDS: tuple[tuple[type[BaseException], FailureKind], ...] = (
    (ContractError, "contract"),
    (PlatformError, "platform"),
    (InputError, "input"),
    (MemoryError, "memory"),
)

_LONGEST_REASON = 500
_LONGEST_LINE = 2_000
_FIRST_LINES, _LAST_LINES = 60, 30


@dataclass(frozen=True, slots=True)
class Failure:
    """`reason`: one sentence. `error`: all that is shown."""

    kind: FailureKind
    reason: str
    error: str


def describe_failure(error: BaseException, places: Places, *, importing: bool = False) -> Failure:
    """What to tell about an exception that ended a step (or the import of its module: then it is wrong input)."""
    if isinstance(error, TiphysError):
        text = f"{error.message}\nfix: {error.fix}" if error.fix else error.message
        return Failure(_kind_of(error), error.message, text)
    shown = _trimmed(error, places)
    if isinstance(error, SystemExit):
        reason = f"the step called sys.exit({error.code!r})"
        return Failure("user", reason, f"{reason}\n{_text(shown)}")
    last = _cut(_sentence(shown), _LONGEST_REASON)
    if importing and isinstance(error, ImportError | SyntaxError):
        return Failure("input", f"the module does not import: {last}", _text(shown))
    reason, extra = last, ""
    if isinstance(error, MemoryError):
        reason = "the step ran out of memory" + (f": {error}" if str(error) else "")
    elif isinstance(error, FileNotFoundError):
        extra = _relative_hint(error, places)
    return Failure(_kind_of(error), reason, "\n".join(part for part in (_text(shown), extra) if part))


def _kind_of(error: BaseException) -> FailureKind:
    return next((kind for cls, kind in _KINDS if isinstance(error, cls)), "user")


def _sentence(shown: TracebackException) -> str:
    """The line that names the type of the exception: the first of its message, behind the place of a SyntaxError."""
    lines = [line for part in shown.format_exception_only() for line in part.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(" ")), lines[-1])


def _text(shown: TracebackException) -> str:
    """The traceback, within limits: a message may hold a whole table."""
    lines = [_cut(line, _LONGEST_LINE) for line in "".join(shown.format()).rstrip().splitlines()]
    if len(lines) > _FIRST_LINES + _LAST_LINES:
        left_out = f"… {len(lines) - _FIRST_LINES - _LAST_LINES:,} lines are left out here"
        lines = [*lines[:_FIRST_LINES], left_out, *lines[-_LAST_LINES:]]
    return "\n".join(lines)


def _cut(line: str, longest: int) -> str:
    return line if len(line) <= longest else f"{line[:longest]}… ({len(line):,} characters)"


def _trimmed(error: BaseException, places: Places) -> TracebackException:
    """The traceback, and those of its causes, without frames of Tiphys and of the import system."""
    shown = TracebackException.from_exception(error)
    todo: list[TracebackException | None] = [shown]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.stack = StackSummary.from_list([frame for frame in one.stack if _is_shown(frame, places)])
        todo += [one.__cause__, one.__context__, *(one.exceptions or ())]
    return shown


def _is_shown(frame: FrameSummary, places: Places) -> bool:
    return not (frame.filename.startswith("<frozen ") or places.is_ours(frame.filename))


def _relative_hint(error: FileNotFoundError, places: Places) -> str:
    """Steps run in a working folder of their own, which surprises when a path is relative to the project."""
    name = error.filename
    if not isinstance(name, str) or os.path.isabs(name) or not os.path.exists(os.path.join(places.root, name)):
        return ""
    return (
        f"hint: {name} is in the project, but a step runs in a working folder of its own: pass it as a `Path` "
        "parameter, or write Path(__file__).parent / …"
    )
