"""Values as JSON and back."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, NewType, Optional

import numpy
import pandas
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.cluster.artifact import Artifact, File, Table
from tiphys.cluster.errors import InputError
from tiphys.workflows.values import artifacts, canonical, check_result, compose, decode, encode, follow, parse

ROOT = Path("/project")


class Color(enum.Enum):
    RED = 1
    ROUGE = 1
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1


class Mode(enum.Flag):
    R = 1
    W = 2
    RW = 3


class Pair(NamedTuple):
    a: int
    b: str = "b"


class Features(Table): ...


@dataclass(frozen=True)
class Split:
    train: Features
    test: Features
    sizes: list[int] = field(default_factory=list)


@dataclass
class Tree:
    value: float
    left: Tree | None = None
    doubled: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.value *= 2
        self.doubled = 2 * self.value


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int


UserId = NewType("UserId", int)


def stored(artifact: Artifact) -> Any:
    """An `$artifact` node as the step runner makes it."""
    name = artifact.path.name
    return {"$artifact": type(artifact).__qualname__, "kind": "file", "digest": "d" + name, "size": 1, "name": name}


def written(value: object) -> Any:
    return json.loads(canonical(encode(value, where="x", root=ROOT, store_artifact=stored)))


def again(data: Any, annotation: object) -> Any:
    return decode(data, annotation, materialize=lambda node: Path("/inputs") / node["name"], root=ROOT)


CASES: list[tuple[object, object, object]] = [
    (None, None, None),
    (True, bool, True),
    (1, int, 1),
    (1.0, float, 1.0),
    (-0.0, float, -0.0),
    (math.inf, float, {"$float": "inf"}),
    (-math.inf, float, {"$float": "-inf"}),
    ("é\ud800", str, "é\ud800"),
    (date(2013, 10, 1), date, {"$date": "2013-10-01"}),
    (datetime.fromisoformat("2013-10-01T12:30:01.000005"), datetime, {"$datetime": "2013-10-01T12:30:01.000005"}),
    (datetime(2013, 10, 1, tzinfo=UTC), datetime, {"$datetime": "2013-10-01T00:00:00+00:00"}),
    (Color.RED, Color, {"$enum": "Color", "name": "RED"}),
    (Level.LOW, Level, {"$enum": "Level", "name": "LOW"}),
    (Level.LOW, int | Level, {"$enum": "Level", "name": "LOW"}),
    (Mode.RW, Mode, {"$enum": "Mode", "name": "RW"}),
    ([1, [2.0, None]], list[list[float | None] | int], [1, [2.0, None]]),
    ((1, "a"), tuple[int, str], {"$tuple": [1, "a"]}),
    ((1, 2, 3), tuple[int, ...], {"$tuple": [1, 2, 3]}),
    ((1, 2), Sequence[int], {"$tuple": [1, 2]}),
    ({"": 2, "$data": 1}, dict[str, int], {"$dict": {"": 2, "$data": 1}}),
    ({"b": 2, "a": 1}, dict[str, int], {"$dict": {"a": 1, "b": 2}, "order": ["b", "a"]}),
    ({"a": [1]}, Mapping[str, list[int]], {"$dict": {"a": [1]}}),
    (Pair(1), Pair, {"$named": "Pair", "fields": {"a": 1, "b": "b"}}),
    (Slotted(1), Slotted, {"$data": "Slotted", "fields": {"x": 1}}),
    (Path("/project/data/ä b.csv"), Path, {"$path": "data/ä b.csv"}),
    (Path("/other/x"), Path, {"$path": "/other/x"}),
    ("b", Literal["a", "b"], "b"),
    (Color.BLUE, Literal[Color.BLUE, "b"], {"$enum": "Color", "name": "BLUE"}),
    (7, UserId, 7),
    (1, Optional[int], 1),  # noqa: UP045  # older code says it so
    (None, int | None, None),
    (1, int | float, 1),
    (1.0, int | float, 1.0),
    (True, int | bool, True),
    ({"a": (1, date(2013, 1, 1))}, Any, {"$dict": {"a": {"$tuple": [1, {"$date": "2013-01-01"}]}}}),
]


@pytest.mark.parametrize(("value", "annotation", "encoded"), CASES, ids=[repr(case[0]) for case in CASES])
def test_values_and_their_encoding(value: object, annotation: object, encoded: object) -> None:
    assert repr(written(value)) == repr(encoded)
    back = again(written(value), annotation)
    assert repr(back) == repr(value)
    assert type(back) is type(value)
    check_result(value, annotation, where="x")


def test_nan() -> None:
    assert written(math.nan) == {"$float": "nan"}
    assert math.isnan(again({"$float": "nan"}, float))


def test_different_values_have_different_text() -> None:
    values = [1, 1.0, True, "1", None, [1], (1,), {"a": 1}, [], {}, (), "", 0, 0.0, -0.0, False, Pair(1), Slotted(1)]
    assert len({canonical(written(value)) for value in values}) == len(values)


def test_canonical_sorts_keys_and_keeps_utf8() -> None:
    assert canonical({"b": 1, "a": ["é", {"z": 1.5, "y": None}]}) == '{"a":["é",{"y":null,"z":1.5}],"b":1}'.encode()


_plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(timezone(timedelta(hours=2)))),
)
_anything = st.recursive(
    _plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3), st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(_anything)
def test_what_is_not_declared_survives_all_the_same(value: object) -> None:
    assert repr(again(written(value), Any)) == repr(value)


@given(st.lists(st.tuples(st.integers(), st.floats(allow_nan=False) | st.none())))
def test_declared_containers_survive(value: list[tuple[int, float | None]]) -> None:
    back = again(written(value), list[tuple[int, float | None]])
    assert back == value
    assert repr(back) == repr(value)


def test_artifacts_are_stored_and_written_out_again() -> None:
    data = written(Split(Features("/work/a.parquet"), Features("/work/b.parquet"), [1]))
    assert data["$data"] == "Split"
    assert [node["name"] for node in artifacts(data)] == ["b.parquet", "a.parquet"]  # fields by name
    back = again(data, Split)
    assert back == Split(Features("/inputs/a.parquet"), Features("/inputs/b.parquet"), [1])
    assert again(data["fields"]["train"], Table) == Table("/inputs/a.parquet")  # the consumer says which class


def test_artifacts_are_found_in_every_container() -> None:
    names = "abcdef"
    a, b, c, d, e, f = (File(f"/work/{name}") for name in names)
    value = [a, {"k": b}, (c, [d]), Pair(e, "x"), {"z": f}]  # type: ignore[arg-type]
    assert "".join(node["name"] for node in artifacts(written(value))) == names


def test_dataclasses_are_restored_as_they_were_without_init() -> None:
    tree = Tree(1.0, Tree(2.0))
    back = again(written(tree), Tree)
    assert back == tree
    assert (back.value, back.doubled, back.left.value) == (2.0, 4.0, 4.0)


def test_attributes_that_are_no_fields_are_refused_not_lost() -> None:
    class Cached(Tree):
        @cached_property
        def size(self) -> int:
            return 1

    tree = Cached(1.0)
    assert tree.size == 1
    written(tree)
    tree.extra = 1  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"x has the attribute 'extra', which is not a field of .*Cached"):
        written(tree)
    features = Features("a")
    features.rows = 5  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="x has the attribute 'rows', which is not in the file"):
        written(features)


REFUSED: list[tuple[object, str, str]] = [
    (pandas.DataFrame({"a": [1]}), r"x is a pandas\..*DataFrame", 'return Features("out.parquet")'),
    ([1, {"k": pandas.Series([1])}], r"x\[1\]\['k'\] is a pandas\..*Series", "to_frame"),
    (polars.DataFrame({"a": [1]}), r"x is a polars\..*DataFrame", "df.write_parquet"),
    (numpy.zeros(3), r"x is a numpy\.ndarray", 'File("out.npy")'),
    (numpy.int64(1), r"x is a numpy\.int64", "int(value)"),
    (numpy.bool_(True), r"x is a numpy\.bool", "bool(value)"),
    (numpy.float32(1), r"x is a numpy\.float32", "float(value)"),
    ({1, 2}, r"x is a builtins\.set", "sorted(values)"),
    (b"x", r"x is a builtins\.bytes", 'File("out.bin")'),
    (timedelta(1), r"x is a datetime\.timedelta", "total_seconds"),
    (pandas.Timestamp("2013-01-01"), r"x is a pandas\..*Timestamp", "to_pydatetime"),
    ({1: 2}, r"x has the key 1 of type int", "str"),
    (lambda: 1, r"x is a builtins\.function", "results are"),
    (int, r"x is a builtins\.type", "results are"),
    (Mode.R | Mode(0), "", ""),
    (Mode(0), r"x is <Mode: 0>, a combination without a name", "single members"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "message", "fix"), REFUSED, ids=[str(type(case[0]).__name__) for case in REFUSED])
def test_what_has_no_encoding_is_refused_with_the_lines_to_write(value: object, message: str, fix: str) -> None:
    if not message:
        written(value)
        return
    with pytest.raises(InputError, match=message) as caught:
        written(value)
    assert fix in caught.value.fix


def test_subclasses_of_plain_values_become_plain() -> None:
    assert type(encode(numpy.float64(0.5), where="x", root=ROOT)) is float
    assert type(encode(numpy.str_("a"), where="x", root=ROOT)) is str


def test_artifacts_of_no_step_are_refused() -> None:
    with pytest.raises(InputError, match="which no step has made"):
        encode(File("a"), where="x", root=ROOT)


MISFITS: list[tuple[object, object, str]] = [
    ("a", int, r"v is str 'a', declared int"),
    (1.5, int, r"v is float 1\.5, declared int"),
    (None, int, r"v is NoneType None, declared int"),
    ({"$date": "2013-01-01"}, datetime, r"v is a date, declared datetime"),
    ({"$enum": "Color", "name": "GREEN"}, Color, r"v is a Color, declared Color"),
    ("c", Literal["a", "b"], r"declared Literal\['a', 'b'\]"),
    ([1, "a"], list[int], r"v\[1\] is str 'a', declared int"),
    ({"$tuple": [1]}, tuple[int, str], r"declared tuple\[int, str\]"),
    ({"$dict": {"k": "a"}}, dict[str, int], r"v\['k'\] is str 'a', declared int"),
    ({"$named": "Pair", "fields": {"a": 1, "b": 2}}, Pair, r"v\.b is int 2, declared str"),
    ({"$data": "Slotted", "fields": {"y": 1}}, Slotted, r"v is a Slotted, declared Slotted"),
    ({"$data": "Other", "fields": {}}, Slotted, r"v is a Other, declared Slotted"),
    (1, Features, r"v is int 1, declared Features"),
    ("a", int | None, r"v is str 'a', declared int \| None"),
    ({"$data": "Slotted", "fields": {"x": 1}}, Any, r"v is a Slotted, declared Any"),
]


@pytest.mark.parametrize(("data", "annotation", "message"), MISFITS)
def test_data_of_another_shape_is_refused(data: object, annotation: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode(data, annotation, materialize=lambda _: Path("x"), root=ROOT, where="v")


RESULTS: list[tuple[object, object, str]] = [
    ("0.5", float, r"f\(\) is str '0\.5', declared float"),
    (None, float, r"f\(\) is None, declared float"),
    (Split(Features("a"), Features("b"), ["x"]), Split, r"f\(\)\.sizes\[0\] is str 'x', declared int"),  # type: ignore[list-item]
    (File("a"), Features, r"f\(\) is File\(.*\), declared Features"),
    (Color.RED, int, r"declared int"),
    (datetime.fromisoformat("2013-01-01"), date, r"declared date"),
    ((1, 2), list[int], r"f\(\) is tuple \(1, 2\), declared list\[int\]"),
    ({"a": 1, 2: 3}, dict[str, int], r"declared dict\[str, int\]"),
    (True, Literal[1], r"declared Literal\[1\]"),
    (Pair("a"), Pair, r"f\(\)\.a is str 'a', declared int"),  # type: ignore[arg-type]
    (pandas.DataFrame({"a": [1]}), Features, r"f\(\) is DataFrame .*, declared Features"),
]


@pytest.mark.parametrize(("value", "annotation", "message"), RESULTS)
def test_results_of_another_type_are_refused(value: object, annotation: object, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}"):
        check_result(value, annotation, where="f()")


def test_a_returned_data_frame_gets_the_lines_to_write() -> None:
    with pytest.raises(InputError) as caught:
        check_result(pandas.DataFrame({"a": [1]}), Features, where="f()")
    assert 'df.to_parquet("out.parquet")' in caught.value.fix


def test_follow_and_compose() -> None:
    data = written({"k": 1})
    assert follow(written(Tree(1.0, Tree(2.0))), ("left", "value")) == 4.0
    assert follow(written(Pair(1)), ("b",)) == "b"
    assert follow(written((1, [2, 3])), (1, 0)) == 2
    assert follow(data, ()) is data
    with pytest.raises(InputError, match="has no part 'left'"):
        follow(None, ("left",))
    assert compose("list", "", {"0": 1, "1": 2}) == written([1, 2])
    assert compose("tuple", "", {"0": 1}) == written((1,))
    assert compose("named", "Pair", {"a": 1, "b": "b"}) == written(Pair(1))
    assert compose("data", "Slotted", {"x": 1}) == written(Slotted(1))
    assert compose("dict", "", {"k": 1}) == data
    assert compose("dict", "", {"b": 1, "a": 2}) == written({"b": 1, "a": 2})


TEXTS: list[tuple[str, object, object]] = [
    ("true", bool, True),
    ("False", bool, False),
    ("5", int, 5),
    ("-1e3", float, -1000.0),
    ("5", float, 5.0),
    ("5", str, "5"),
    ("none", str | None, None),
    ("x", str | None, "x"),
    ("5", int | str, 5),
    ("x", int | str, "x"),
    ("2013-10-01", date, date(2013, 10, 1)),
    ("2013-10-01T12:00:00", datetime, datetime.fromisoformat("2013-10-01T12:00:00")),
    ("RED", Color, Color.RED),
    ("b", Literal["a", "b"], "b"),
    ("2", Literal[1, 2], 2),
    ("true", Literal[True], True),
    ("data/a.csv", Path, Path("data/a.csv")),
    ("[1, 2]", list[int], [1, 2]),
    ('["2013-10-01"]', list[date], [date(2013, 10, 1)]),
    ('[1, "a"]', tuple[int, str], (1, "a")),
    ("[1, null]", tuple[int | None, ...], (1, None)),
    ('{"a": 0.5}', dict[str, float], {"a": 0.5}),
    ('{"a": 1}', Pair, Pair(1)),
    ('["RED", "BLUE"]', list[Color], [Color.RED, Color.BLUE]),
    ("anything", Any, "anything"),
]


@pytest.mark.parametrize(("text", "annotation", "value"), TEXTS)
def test_text_is_parsed_by_annotation(text: str, annotation: object, value: object) -> None:
    parsed = parse(text, annotation, name="x")
    assert parsed == value
    assert type(parsed) is type(value)


WRONG: list[tuple[str, object, str, str]] = [
    ("five", int, r"-p x=five is not an int", "-p x=5"),
    ("1.5", int, "is not an int", "-p x=5"),
    ("yes", bool, r"not a bool \(true or false\)", "-p x=true"),
    ("01.10.2013", date, "not a date", "-p x=2013-10-01"),
    ("GREEN", Color, "one of RED, ROUGE, BLUE", "RED"),
    ("c", Literal["a", "b"], r"not a Literal\['a', 'b'\]", "one of a, b"),
    ("1,2", list[int], "not JSON", "[1, 2]"),
    ('["a"]', list[int], r'"a" is not an int', "JSON"),
    ("[1]", tuple[int, int], r"not a tuple\[int, int\]", "JSON"),
    ('{"c": 1}', Pair, "Pair has no field 'c'", "JSON"),
    ("{}", Pair, "missing 1 required positional argument", "JSON"),
    ("x", Features, "cannot be typed", "Features"),
]


@pytest.mark.parametrize(("text", "annotation", "message", "fix"), WRONG)
def test_text_that_does_not_fit(text: str, annotation: object, message: str, fix: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse(text, annotation, name="x")
    assert fix in caught.value.fix
