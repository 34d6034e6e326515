"""What a plan says about hours and profiles."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.builders import a_writer, an_entry
from tests.projects import Project
from tiphys.cluster.store.records import Entry
from tiphys.workflows.fit import Request
from tiphys.workflows.plan_model import Hours
from tiphys.workflows.planning import hours_of

HOUR = 3600.0


def took(*seconds: float, profile: str = "local") -> tuple[Entry, ...]:
    return tuple(an_entry(seconds=s, writer=a_writer(profile=profile)) for s in seconds)


TABLE = [
    (Request(cpu=2), took(HOUR), None, Hours(2.0, 0.0)),
    (Request(cpu=1, gpu=4), took(HOUR, 3 * HOUR, 2 * HOUR), None, Hours(2.0, 8.0)),
    (Request(cpu=1), took(HOUR) + took(9 * HOUR, profile="cluster"), None, Hours(1.0, 0.0)),
    (Request(cpu=1), took(*[HOUR] * 5, *[99 * HOUR] * 5), None, Hours(1.0, 0.0)),
    (Request(cpu=1), (), 7200.0, Hours(None, 0.0, "limit 2 h")),
    (Request(cpu=1, gpu=1), (), None, Hours(None, None, "no time-out")),
    (Request(cpu=1), took(HOUR, profile="cluster"), None, Hours(None, 0.0, "no time-out")),
]


@pytest.mark.parametrize(("request_", "history", "timeout", "expected"), TABLE)
def test_hours(request_: Request, history: tuple[Entry, ...], timeout: float | None, expected: Hours) -> None:
    assert hours_of(request_, history, "local", timeout) == expected


def test_a_hit_of_another_profile_is_served_and_said(project: Callable[[str], Project]) -> None:
    made = project("@step\ndef a() -> int:\n    return 1\n@pipeline\ndef p() -> int:\n    return a()\n")
    made.run(flags={"profile": "cluster"})
    (planned,) = made.plan().steps
    assert planned.verdict == "HIT"
    assert planned.reason.endswith(", under profile cluster")


def test_a_list_that_is_not_known_has_no_number(project: Callable[[str], Project]) -> None:
    made = project("""
@step
def names() -> list[int]:
    return [1, 2]
@step
def use(x: int) -> int:
    return x
@pipeline
def p() -> list[int]:
    return each(names(), lambda x: use(x))
""")
    by_address = {s.address: s for s in made.plan().steps}
    assert by_address["use"].instances is None
    assert by_address["use"].verdict == "MAYBE"
    assert by_address["use"].reason == "names runs first"
    assert re.search(r"^use +\? +MAYBE", made.tiphys("plan", "pipe.py").stdout, re.MULTILINE)
