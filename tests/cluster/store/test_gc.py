from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.store.builders import key
from tiphys.cluster.store.gc import DAY_SECONDS, Facts, Item, Policy, plan_gc

NOW = 1_000 * DAY_SECONDS
OLD = NOW - 100 * DAY_SECONDS


def item(name: str, *mentions: str, created: float = OLD, written: float | None = None, **more: object) -> Item:
    """Something old; `digest` depends on the name alone."""
    written = created if written is None else written
    return Item(name, key(name), 10, written, created, frozenset(map(key, mentions)), **more)  # type: ignore[arg-type]


def facts(
    runs: tuple[Item, ...] = (),
    entries: tuple[Item, ...] = (),
    objects: tuple[Item, ...] = (),
    leftovers: tuple[Item, ...] = (),
    refs: tuple[str, ...] = (),
) -> Facts:
    groups: dict[str, tuple[Item, ...]] = {}
    for entry in entries:
        groups[entry.name.split("/")[0]] = (*groups.get(entry.name.split("/")[0], ()), entry)
    runs = tuple(replace(run, digest="") for run in runs)
    return Facts(runs, groups, objects, leftovers, frozenset(map(key, refs)))


def deleted(given: Facts, policy: Policy | None = None) -> dict[str, str]:
    return {deletion.item.name: deletion.reason for deletion in plan_gc(given, policy or Policy(), NOW).deletions}


def test_unreferenced_objects_go_and_referenced_ones_stay() -> None:
    given = facts(
        entries=(item("k/e", "by entry"),),
        runs=(item("run", "by run", created=NOW - DAY_SECONDS),),
        objects=tuple(item(name) for name in ("by entry", "by run", "by ref", "lost")),
        refs=("by ref",),
    )
    assert deleted(given) == {"lost": "no kept run, entry or ref needs it"}


def test_objects_that_kept_objects_name_stay() -> None:
    objects = (item("tree", "file"), item("file"), item("other tree", "other"), item("other"))
    assert set(deleted(facts(entries=(item("k/e", "tree"),), objects=objects))) == {"other tree", "other"}


def test_old_runs_go_but_the_newest_open_and_young_ones_stay() -> None:
    given = facts(
        runs=(
            item("old", created=NOW - 40 * DAY_SECONDS),
            item("open", created=NOW - 40 * DAY_SECONDS, is_open=True),
            item("young", created=NOW - 20 * DAY_SECONDS),
        )
    )
    assert deleted(given) == {"old": "it started 40 d ago, runs are kept 30 d"}
    assert deleted(facts(runs=(item("only", created=OLD),))) == {}


def test_what_only_an_old_run_needs_goes_with_it() -> None:
    given = facts(runs=(item("old", "object"), item("new", created=NOW)), objects=(item("object"),))
    assert set(deleted(given)) == {"old", "object"}


def test_sixteen_entries_of_a_key_stay_and_older_ones_that_a_run_used() -> None:
    entries = tuple(item(f"k/{n}", created=OLD + n) for n in range(19))
    assert set(deleted(facts(entries=entries))) == {"k/0", "k/1", "k/2"}
    used = facts(entries=entries, runs=(item("r", "k/1", created=NOW),))
    assert deleted(used) == dict.fromkeys(("k/0", "k/2"), "16 newer entries have the same key")


def test_entries_of_any_age_stay_unless_the_policy_limits_it() -> None:
    entries = (item("a/old", "object"), item("b/used"), item("c/young", created=NOW - 2 * DAY_SECONDS))
    given = facts(entries=entries, runs=(item("r", "b/used", created=NOW),), objects=(item("object"),))
    assert deleted(given) == {}
    assert set(deleted(given, Policy(entries_seconds=7 * DAY_SECONDS))) == {"a/old", "object"}


def test_leftovers_go_after_a_day_with_what_they_are() -> None:
    young = item("tmp/2", created=NOW - 3_600)
    given = facts(leftovers=(item("tmp/1"), young, item("quarantine/x")))
    assert deleted(given) == {
        "tmp/1": "its writer died 100 d ago",
        "quarantine/x": "it was found corrupt 100 d ago",
    }


NAMES = st.sampled_from([f"{kind}{n}" for kind in "oe" for n in range(5)])
ITEMS = st.builds(
    lambda name, mentions, age, touched, is_open: item(
        name, *mentions, created=NOW - age * DAY_SECONDS, written=NOW - min(age, touched) * DAY_SECONDS, is_open=is_open
    ),
    st.sampled_from([f"o{n}" for n in range(5)]),
    st.frozensets(NAMES, max_size=3),
    st.floats(0, 200),
    st.floats(0, 200),
    st.booleans(),
)
FACTS = st.builds(
    facts,
    st.lists(ITEMS, max_size=4, unique_by=lambda i: i.name).map(
        lambda items: tuple(replace(i, name=f"run {i.name}") for i in items)
    ),
    st.lists(ITEMS, max_size=4, unique_by=lambda i: i.name).map(
        lambda items: tuple(replace(i, name=f"k/{i.name}", digest=key("e" + i.name[1:])) for i in items)
    ),
    st.lists(ITEMS, max_size=5, unique_by=lambda i: i.name).map(tuple),
    st.lists(ITEMS, max_size=2, unique_by=lambda i: i.name).map(tuple),
    st.frozensets(NAMES, max_size=1).map(tuple),
)
POLICIES = st.builds(
    Policy, st.floats(0, 100).map(lambda d: d * DAY_SECONDS), st.none() | st.floats(0, 1e7), st.just(DAY_SECONDS)
)


@given(FACTS, POLICIES)
def test_nothing_that_stays_needs_what_is_deleted(given_facts: Facts, policy: Policy) -> None:
    plan = plan_gc(given_facts, policy, NOW)
    gone = {deletion.item.name for deletion in plan.deletions}
    gone_objects = {deletion.item.digest for deletion in plan.deletions if deletion.kind == "object"}
    gone_entries = {deletion.item.digest for deletion in plan.deletions if deletion.kind == "entry"}
    entries = [entry for group in given_facts.entries.values() for entry in group]
    for run in given_facts.runs:
        if run.name not in gone:
            assert not run.mentions & (gone_objects | gone_entries)
    for entry in entries:
        if entry.name not in gone:
            assert not entry.mentions & gone_objects
    for thing in given_facts.objects:
        if thing.digest not in gone_objects:
            assert not thing.mentions & gone_objects  # kept because it is needed or young: so is what it names
    assert not given_facts.refs & gone_objects


@given(FACTS, POLICIES)
def test_nothing_younger_than_a_day_is_deleted_and_every_deletion_has_a_reason(
    given_facts: Facts, policy: Policy
) -> None:
    for deletion in plan_gc(given_facts, policy, NOW).deletions:
        assert NOW - deletion.item.written > DAY_SECONDS
        assert deletion.reason


@pytest.mark.parametrize("days", [0, 200])
def test_sums_add_up(days: float) -> None:
    given = facts(objects=tuple(item(f"o{n}", created=NOW - days * DAY_SECONDS) for n in range(4)))
    plan = plan_gc(given, Policy(), NOW)
    assert plan.size_bytes + plan.kept_bytes == 40
    assert plan.kept_objects == (0 if days else 4)
