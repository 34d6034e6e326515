"""What differs between two keys."""

from __future__ import annotations

import pytest

from tests.builders import some_components
from tiphys.cluster.store.records import Json
from tiphys.workflows.difference import UnitText, compare, compare_units, sentence

CASES: list[tuple[dict[str, Json], str]] = [
    ({"arguments": {"x": 2}}, "arguments changed: x 1 -> 2"),
    ({"arguments": {"x": 1.0}}, "arguments changed: x 1 -> 1.0"),
    ({"arguments": {"x": True}}, "arguments changed: x 1 -> True"),
    ({"arguments": {}}, "arguments changed: x 1 -> absent"),
    ({"environment": {"numpy": "2.5.0"}}, "environment changed: numpy 2.4.6 -> 2.5.0"),
    ({"python": "3.12"}, "python changed:  3.11 -> 3.12"),
    ({"reads": {"data.csv": "e" * 64}}, "reads changed: data.csv absent -> eeeeeeeeeeee"),
    ({"env": {"MODE": "ab"}}, "env changed: MODE absent -> ab"),
]


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_one_change(changes: dict[str, Json], expected: str) -> None:
    assert sentence(compare(some_components(), some_components(**changes))) == expected


def test_an_item_of_a_list_is_named() -> None:
    before, after = some_components(arguments={"xs": [1, 2, 3]}), some_components(arguments={"xs": [1, 5, 3]})
    assert [c.what for c in compare(before, after)] == ["xs[1]"]


def test_a_field_of_a_dataclass_is_named() -> None:
    def scored(auc: float, at: str) -> Json:
        return {"$data": "Score", "fields": {"auc": auc, "at": {"$path": at}, "n": 3}}

    before, after = (some_components(arguments={"score": scored(*of)}) for of in ((0.5, "a.csv"), (0.75, "b.csv")))
    assert [c.sentence for c in compare(before, after)] == [
        "arguments changed: score.auc 0.5 -> 0.75",
        "arguments changed: score.at a.csv -> b.csv",
    ]


def unit(name: str, digest: str, text: str = "") -> UnitText:
    return UnitText(name, digest, "code", "clean.py", 3, lambda: text)


def test_a_changed_function_comes_with_a_small_diff() -> None:
    old = [unit("clean.norm", "1", "def norm(x):\n    return x"), unit("clean.gone", "2")]
    new = [unit("clean.norm", "3", "def norm(x):\n    return x + 1"), unit("clean.fresh", "4")]
    changes = compare_units(old, new)
    assert changes[0].what == "clean.norm (clean.py:3)"
    assert "-    return x\n+    return x + 1" in changes[0].diff
    assert {c.after for c in changes} == {"edited", "new", "gone"}


def test_a_statement_that_only_moved_is_no_change() -> None:
    assert compare_units([unit("statement of m at line 3", "1")], [unit("statement of m at line 9", "1")]) == ()
