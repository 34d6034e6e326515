"""Hit or run, by a table."""

from __future__ import annotations

import pytest

from tests.builders import a_writer, an_entry
from tiphys.cluster.store.records import Entry, Observed
from tiphys.workflows.decide import Candidate, Check, Hit, Run, Wish, decide, span
from tiphys.workflows.graph import Settings

NOW = Wish(now=1060.0, host="here")
OLD = an_entry(created=500.0)
LOCAL = an_entry(observed=Observed(local=("m.py:3 starts another process",)), writer=a_writer(host="there"))

TABLE = [
    # settings, candidates, wish, reason
    (Settings(), [], NOW, "no entry for this key"),
    (Settings(), [Candidate(an_entry(), changed="data/x.csv changed")], NOW, "data/x.csv changed"),
    (Settings(), [Candidate(an_entry(), broken="object dddd is gone")], NOW, "object dddd is gone"),
    (Settings(), [Candidate(an_entry())], Wish(1060.0, forced=True), "forced"),
    (Settings(), [Candidate(an_entry())], Wish(1060.0, cache=False), "the cache is off for this run (--no-cache)"),
    (Settings(cache=False), [Candidate(an_entry())], NOW, "cache=False"),
    (Settings(cache_for_seconds=30), [Candidate(an_entry())], NOW, "the entry is 1 min old, cache_for=30 s"),
    (Settings(), [Candidate(LOCAL)], NOW, "made on there, where m.py:3 starts another process"),
]


@pytest.mark.parametrize(("settings", "candidates", "wish", "reason"), TABLE)
def test_runs(settings: Settings, candidates: list[Candidate], wish: Wish, reason: str) -> None:
    decision = decide(settings, candidates, wish)
    assert isinstance(decision, Run)
    assert decision.reason == reason


HITS: list[tuple[Settings, list[Candidate], Wish, Entry]] = [
    (Settings(), [Candidate(an_entry())], NOW, an_entry()),
    (Settings(), [Candidate(an_entry(), changed="x changed"), Candidate(OLD)], NOW, OLD),
    (Settings(cache_for_seconds=60), [Candidate(an_entry())], NOW, an_entry()),
    (Settings(cache=False), [Candidate(an_entry())], Wish(1060.0, parents=("r1",)), an_entry()),
    (Settings(), [Candidate(LOCAL)], Wish(1060.0, host="there"), LOCAL),
]


@pytest.mark.parametrize(("settings", "candidates", "wish", "entry"), HITS)
def test_hits(settings: Settings, candidates: list[Candidate], wish: Wish, entry: Entry) -> None:
    decision = decide(settings, candidates, wish)
    assert isinstance(decision, Hit)
    assert decision.entry == entry


def test_the_reason_of_a_hit_names_the_run_and_its_age() -> None:
    decision = decide(Settings(), [Candidate(an_entry())], NOW)
    assert decision.reason == "unchanged since run r1, 1 min ago"


def test_a_rerun_judges_age_by_its_frozen_time_and_tells_it_by_the_clock() -> None:
    wish = Wish(now=1060.0, clock=1000.0 + 7200.0)
    decision = decide(Settings(cache_for_seconds=60), [Candidate(an_entry())], wish)
    assert isinstance(decision, Hit)
    assert decision.reason == "unchanged since run r1, 2 h ago"


def test_an_effect_is_never_a_hit() -> None:
    assert isinstance(decide(Settings(effect=True), [Candidate(an_entry())], NOW), Check)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.4, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (90_061, "1 d 1 h"), (86_400, "1 d")],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text
