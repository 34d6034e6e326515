"""What is said at the end of a run: counts, time saved, each error once, where the logs are, what to do next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from tiphys.cluster.store.records import Json, RunRecord, StepRecord
from tiphys.workflows.display.screen import Screen
from tiphys.workflows.display.tally import Tally, counts_text
from tiphys.workflows.display.text import call_of, clean, counted, duration, value_text
from tiphys.workflows.run.events import RunEnded

_ERRORS = 5
_NAMES = 6
_RESULT_COLUMNS = 400
_ROWS = re.compile(r": row \d+: .*(?= \()")  # values that broke a contract, before who made them


@dataclass(frozen=True, slots=True)
class Commands:
    """How to write commands about this run where the user stands.

    `folder`: the project's folder when it is not where the user stands, else "". `options`: `--store PATH` as given.
    `again`: the command that does the same once more, for what has no failed step to go on from (`spin`), else "".
    """

    folder: str = ""
    options: tuple[str, ...] = ()
    again: str = ""

    def text(self, verb: str, *words: str) -> str:
        """`tiphys logs RUN train`, with what it needs around it."""
        command = shlex.join(["tiphys", verb, *words, *self.options])
        return f"cd {shlex.quote(self.folder)} && {command}" if self.folder else command


@dataclass(frozen=True, slots=True)
class Failure:
    """One error and the instances that ended with it. `started`: there is a log to read."""

    error: str
    addresses: tuple[str, ...]
    started: bool


def failures(records: Sequence[StepRecord]) -> tuple[Failure, ...]:
    """Failed records by error, in the order of their first appearance.

    Errors that differ by address, or by the rows that broke a contract, are one.
    """
    grouped: dict[str, list[StepRecord]] = {}
    for record in records:
        error = record.error or record.reason
        alike = error.replace(record.address, call_of(record.address))
        if " breaks its contract: " in alike:
            alike = _ROWS.sub("", alike)
        grouped.setdefault(alike, []).append(record)
    return tuple(
        Failure(same[0].error or same[0].reason, tuple(r.address for r in same), any(r.attempts for r in same))
        for same in grouped.values()
    )


def next_command(run: RunRecord, commands: Commands) -> str:
    """What to type after a run that did not succeed, "" after one that did."""
    if run.state == "succeeded":
        return ""
    if commands.again:
        return commands.again
    return commands.text("rerun", run.id, *(["--from-failed"] if run.state == "failed" else []))


def summary_lines(screen: Screen, tally: Tally, end: RunEnded, commands: Commands) -> list[str]:
    """The closing lines of a run."""
    run = end.run
    state = screen.state(run.state, {"succeeded": "done", "cancelled": "interrupted"}.get(run.state, run.state))
    head = f"{screen.paint(run.pipeline, 'bold')} {state} in {duration(end.seconds)}: {counts_text(end.counts, screen)}"
    if end.saved_seconds >= 0.05:
        head += f"; {duration(end.saved_seconds)} saved"
    lines = [head]
    lines += _failed(screen, tally, run, commands)
    lines += _skipped(screen, tally)
    lines += [f"  {screen.address(address)}: nothing to do" for address in tally.idle_effects[:_NAMES]]
    if end.outputs is not None:
        lines.append(f"result: {short_value(end.outputs)}")
    lines.append(f"run:    {run.id}")
    if following := next_command(run, commands):
        label = "go on:  " if run.state == "cancelled" else "next:   "
        lines.append(label + screen.paint(following, "bold"))
    return lines


def short_value(value: Json) -> str:
    """An encoded value in one line that has an end."""
    text = clean(value_text(value).replace("\n", " "))
    return text if len(text) <= _RESULT_COLUMNS else text[:_RESULT_COLUMNS] + " …"


def _failed(screen: Screen, tally: Tally, run: RunRecord, commands: Commands) -> list[str]:
    groups = failures(tally.failed)
    lines: list[str] = []
    for group in groups[:_ERRORS]:
        lines.append(f"{screen.state('failed')}: {screen.paint(_names(group.addresses), 'bold')}")
        lines += [f"  {clean(line)}".rstrip() for line in group.error.splitlines()]
        if group.started:
            lines.append(f"  log: {commands.text('logs', run.id, group.addresses[0])}")
    if len(groups) > _ERRORS:
        rest = sum(len(group.addresses) for group in groups[_ERRORS:])
        lines.append(f"{counted(rest, 'more failed step')}: {commands.text('show', run.id)}")
    return lines


def _skipped(screen: Screen, tally: Tally) -> list[str]:
    lines = []
    for address, skipped in tally.skipped.items():
        many = f" ({skipped.count})" if tally.calls[address].items else ""
        lines.append(f"{screen.state('skipped')}: {screen.address(address)}{many}: {skipped.reason}")
    return lines


def _names(addresses: Sequence[str]) -> str:
    shown = ", ".join(addresses[:_NAMES])
    return shown if len(addresses) <= _NAMES else f"{shown} and {len(addresses) - _NAMES:,} more"
