"""Building: what a pipeline function becomes as a graph."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiphys.cluster.errors import InputError
from tiphys.workflows.authoring.pipeline import bind_parameters, decode_parameters
from tiphys.workflows.graph import Build, Call, Choose, Condition, Gather, Graph, Item, Literal, Output, Scope

Module = Callable[..., Any]

FLIGHTS = """
class Raw(Table): ...
class Features(Table): ...
@dataclass(frozen=True)
class Split:
    train: Features
    test: Features
@dataclass(frozen=True)
class Evaluation:
    auc: float
    passed: bool
@step(retries=2)
def ingest(source: str) -> Raw: ...
@step
def featurize(raw: Raw, month: int) -> Features: ...
@step
def split_by_time(parts: list[Features], test_from: date) -> Split: ...
@step(resources={"local": Cpus(1), "cluster": Gpus(1, link="nvlink")})
def train(features: Features, epochs: int = 5) -> Model: ...
@step
def evaluate(model: Model, test: Features) -> Evaluation: ...
@step(effect=True)
def register(model: Model, evaluation: Evaluation) -> str: ...
@pipeline(parallel=4)
def flights(source: str = "nycflights13", epochs: int = 5) -> Evaluation:
    raw = ingest(source)
    parts = each(range(1, 4), lambda month: featurize(raw, month), parallel=2)
    split = split_by_time(parts, test_from=date(2013, 10, 1))
    model = train(split.train, epochs=epochs)
    evaluation = evaluate(model, split.test)
    with when(evaluation.passed):
        register(model, evaluation)
    return evaluation
"""


def test_the_pipeline_of_the_design_becomes_this_graph(module: Module) -> None:
    user = module(FLIGHTS)
    graph: Graph = user.flights.build({"epochs": 7})
    ref = {name: f"{user.__name__}:{name}" for name in ("ingest", "featurize", "train", "evaluate", "register")}
    calls = {call.address: call for call in graph.calls}
    assert list(calls) == ["ingest", "featurize", "split_by_time", "train", "evaluate", "register"]
    assert calls["ingest"] == Call("ingest", ref["ingest"], {"source": Literal("nycflights13")})
    assert calls["featurize"] == Call(
        "featurize", ref["featurize"], {"raw": Output("ingest"), "month": Item("each1")}, scopes=("each1",)
    )
    assert calls["split_by_time"].arguments == {
        "parts": Gather("each1", Output("featurize")),
        "test_from": Literal({"$date": "2013-10-01"}),
    }
    assert calls["train"].arguments == {"features": Output("split_by_time", ("train",)), "epochs": Literal(7)}
    assert calls["register"].conditions == (Condition(Output("evaluate", ("passed",)), True),)
    assert graph.scopes == {"each1": Scope("each1", Literal([1, 2, 3]), parallel=2)}
    assert graph.result == Output("evaluate")
    assert graph.parallel == 4
    assert graph.pipeline == f"{user.__name__}:flights"
    assert graph.file == f"{user.__name__}.py"
    assert graph.parameters == {"source": "nycflights13", "epochs": 7}
    info = graph.steps[ref["train"]]
    assert info.settings.profiles == {"local": {"cpu": 1, "gpu": 0}, "cluster": {"gpu": 1, "link": "nvlink"}}
    assert info.parameters == {"features": "Features", "epochs": "int"}
    assert (info.result, info.file, info.optional) == ("Model", f"{user.__name__}.py", frozenset())


def test_defaults_are_recorded_with_each_call(module: Module) -> None:
    user = module("""
        @step
        def fit(rate: float = 0.1, since: date = date(2013, 1, 1), note: str | None = None) -> float: ...
        @pipeline
        def p() -> float:
            return fit(note="x")
    """)
    assert user.p.build({}).calls[0].arguments == {
        "note": Literal("x"),
        "rate": Literal(0.1),
        "since": Literal({"$date": "2013-01-01"}),
    }


def test_addresses_count_the_calls_of_a_name(module: Module) -> None:
    user = module("""
        @step
        def inc(x: int) -> int: ...
        @step
        def other(x: int) -> int: ...
        @pipeline
        def p() -> int:
            return inc(other(inc(inc(0))))
    """)
    assert [call.address for call in user.p.build({}).calls] == ["inc", "inc#2", "other", "inc#3"]


def test_parameters_are_values_while_the_pipeline_is_built(module: Module) -> None:
    user = module("""
        @step
        def inc(x: int) -> int: ...
        @pipeline
        def p(n: int, twice: bool = False) -> int:
            x = 0
            for _ in range(n):
                x = inc(x)
            if twice:
                x = inc(x)
            return x
    """)
    assert len(user.p.build({"n": 3}).calls) == 3
    assert len(user.p.build({"n": 3, "twice": True}).calls) == 4


def test_pipelines_call_pipelines(module: Module) -> None:
    user = module("""
        @step
        def inc(x: int) -> int: ...
        @pipeline
        def inner(x: int, n: int = 2) -> int:
            for _ in range(n):
                x = inc(x)
            return x
        @pipeline
        def outer() -> int:
            return inc(inner(inner(1), n=1))
    """)
    calls = user.outer.build({}).calls
    assert [(c.address, c.arguments["x"]) for c in calls] == [
        ("inc", Literal(1)),
        ("inc#2", Output("inc")),
        ("inc#3", Output("inc#2")),
        ("inc#4", Output("inc#3")),
    ]
    with pytest.raises(InputError, match=r"inner: x is str 'a', declared int"):
        module(
            f"""
            from {user.__name__} import inner
            @pipeline
            def p() -> int:
                return inner("a")
            """
        ).p.build({})


def test_containers_of_results_and_values(module: Module) -> None:
    user = module("""
        class Pair(NamedTuple):
            a: int
            b: str
        @dataclass(frozen=True)
        class Both:
            pair: Pair
            name: str
        @step
        def one() -> int: ...
        @step
        def take(xs: list[int], t: tuple[int, str], d: dict[str, int], both: Both) -> int: ...
        @pipeline
        def p() -> Both:
            x = one()
            take([1, x], (x, "a"), {"k": x}, Both(Pair(x, "b"), "n"))
            take([1, 2], (1, "a"), {"k": 1}, Both(Pair(1, "b"), "n"))
            return Both(Pair(x, "b"), "n")
    """)
    graph = user.p.build({})
    both = Build("data", "Both", (("pair", Build("named", "Pair", (("a", Output("one")), ("b", Literal("b"))))),
                                  ("name", Literal("n"))))  # fmt: skip
    assert graph.calls[1].arguments == {
        "xs": Build("list", "", (("0", Literal(1)), ("1", Output("one")))),
        "t": Build("tuple", "", (("0", Output("one")), ("1", Literal("a")))),
        "d": Build("dict", "", (("k", Output("one")),)),
        "both": both,
    }
    assert graph.calls[2].arguments == {
        "xs": Literal([1, 2]),
        "t": Literal({"$tuple": [1, "a"]}),
        "d": Literal({"$dict": {"k": 1}}),
        "both": Literal(
            {"$data": "Both", "fields": {"pair": {"$named": "Pair", "fields": {"a": 1, "b": "b"}}, "name": "n"}}
        ),
    }
    assert graph.result == both


def test_each_over_produced_lists_nests(module: Module) -> None:
    user = module("""
        @dataclass(frozen=True)
        class City:
            name: str
            days: list[int]
        @step
        def cities() -> list[City]: ...
        @step
        def clean(name: str, day: int) -> float: ...
        @step
        def total(xs: list[float]) -> float: ...
        @step
        def report(xs: list[float]) -> str: ...
        @pipeline
        def p() -> str:
            def of(city: City) -> float:
                return total(each(city.days, lambda day: clean(city.name, day)))
            return report(each(cities(), of, fail_fast=True))
    """)
    graph = user.p.build({})
    assert graph.scopes == {
        "each1": Scope("each1", Output("cities"), fail_fast=True),
        "each2": Scope("each2", Item("each1", ("days",)), parent="each1"),
    }
    calls = {c.address: c for c in graph.calls}
    assert calls["clean"].arguments == {"name": Item("each1", ("name",)), "day": Item("each2")}
    assert calls["clean"].scopes == ("each1", "each2")
    assert calls["total"].arguments == {"xs": Gather("each2", Output("clean"))}
    assert calls["total"].scopes == ("each1",)
    assert calls["report"].arguments == {"xs": Gather("each1", Output("total"))}


@pytest.mark.parametrize(
    ("items", "encoded"),
    [
        ("[1, 2]", [1, 2]),
        ('("a", "b")', ["a", "b"]),
        ("(x * 2 for x in range(3))", [0, 2, 4]),
        ("[Color.RED]", [{"$enum": "Color", "name": "RED"}]),
        ("[Point(1, 2)]", [{"$data": "Point", "fields": {"x": 1, "y": 2}}]),
        ('[(1, "a")]', [{"$tuple": [1, "a"]}]),
        ('[Path("data/a.csv")]', [{"$path": "data/a.csv"}]),
    ],
)
def test_each_over_known_lists(module: Module, items: str, encoded: object) -> None:
    user = module(f"""
        class Color(Enum):
            RED = 1
        @dataclass(frozen=True)
        class Point:
            x: int
            y: int
        @step
        def use(x: Any) -> int: ...
        @pipeline
        def p() -> list[int]:
            return each({items}, use)
    """)
    graph = user.p.build({})
    assert graph.scopes["each1"].items == Literal(encoded)
    assert graph.result == Gather("each1", Output("use"))


def test_each_over_results_and_over_nothing(module: Module) -> None:
    user = module("""
        class Part(File): ...
        @step
        def make(n: int) -> Part: ...
        @step
        def use(part: Part) -> int: ...
        @step
        def merge(xs: list[int]) -> int: ...
        @pipeline
        def p() -> int:
            merge(each([], lambda part: use(part)))
            return merge(each([make(1), make(2)], lambda part: use(part)))
    """)
    graph = user.p.build({})
    assert [c.address for c in graph.calls] == ["merge", "make", "make#2", "use", "merge#2"]
    assert graph.calls[0].arguments == {"xs": Literal([])}
    assert graph.scopes["each1"].items == Build("list", "", (("0", Output("make")), ("1", Output("make#2"))))


def test_fields_of_items_are_placeholders_of_their_type(module: Module) -> None:
    user = module("""
        @dataclass(frozen=True)
        class Job:
            name: str
            sizes: tuple[int, int]
        @step
        def run(name: str, size: int) -> float: ...
        @pipeline
        def p() -> list[float]:
            return each([Job("a", (1, 2)), Job("b", (3, 4))], lambda job: run(job.name, job.sizes[1]))
    """)
    assert user.p.build({}).calls[0].arguments == {
        "name": Item("each1", ("name",)),
        "size": Item("each1", ("sizes", 1)),
    }


def test_branch_has_both_sides_and_fields_of_the_choice(module: Module) -> None:
    user = module("""
        @dataclass(frozen=True)
        class Fit:
            auc: float
            path: str
        @step
        def good() -> bool: ...
        @step
        def small(n: int) -> Fit: ...
        @step
        def large(n: int) -> Fit: ...
        @step
        def report(auc: float) -> str: ...
        @pipeline
        def p() -> str:
            fit = branch(good(), lambda: small(1), lambda: large(2))
            return report(fit.auc)
    """)
    graph = user.p.build({})
    calls = {c.address: c for c in graph.calls}
    assert calls["small"].conditions == (Condition(Output("good"), True),)
    assert calls["large"].conditions == (Condition(Output("good"), False),)
    assert calls["report"].arguments["auc"] == Choose(
        Output("good"), Output("small", ("auc",)), Output("large", ("auc",))
    )
    assert calls["report"].conditions == ()


def test_branch_between_a_result_and_a_value(module: Module) -> None:
    user = module("""
        @step
        def good() -> bool: ...
        @step
        def fit() -> float: ...
        @step
        def report(auc: float | None) -> str: ...
        @pipeline
        def p(flag: bool) -> str:
            report(branch(flag, fit, lambda: 0.5))
            return report(branch(good(), fit, lambda: None))
    """)
    calls = {c.address: c for c in user.p.build({"flag": True}).calls}
    assert calls["report"].arguments["auc"] == Choose(Literal(True), Output("fit"), Literal(0.5))
    assert calls["report#2"].arguments["auc"] == Choose(Output("good"), Output("fit#2"), Literal(None))


def test_after_waits_without_data(module: Module) -> None:
    user = module("""
        @step
        def prepare(n: int) -> None: ...
        @step
        def load() -> list[int]: ...
        @step
        def publish(n: int) -> str: ...
        @pipeline
        def p() -> str:
            prepare(1)
            xs = load()
            done = each(xs, lambda x: publish.after(xs)(x))
            with when(True):
                late = publish(5)
            return publish.after(prepare, done, late)(9)
    """)
    calls = {c.address: c for c in user.p.build({}).calls}
    assert calls["publish"].after == ("load",)
    assert calls["publish#3"].after == ("prepare", "publish", "publish#2")
    assert calls["publish#3"].arguments == {"n": Literal(9)}
    assert calls["publish#2"].conditions == (Condition(Literal(True), True),)


def test_unless_and_nested_blocks(module: Module) -> None:
    user = module("""
        @step
        def good() -> bool: ...
        @step
        def act(n: int) -> int: ...
        @pipeline
        def p() -> None:
            a, b = good(), good()
            with unless(a):
                x = act(1)
                with when(b):
                    act(x)
            with unless(a):
                act(x)
    """)
    calls = {c.address: c for c in user.p.build({}).calls}
    not_a, b = Condition(Output("good"), False), Condition(Output("good#2"), True)
    assert calls["act"].conditions == (not_a,)
    assert calls["act#2"].conditions == (not_a, b)
    assert calls["act#3"].conditions == (not_a,)  # another block with the same condition


def test_optional_parameters_take_what_may_be_skipped(module: Module) -> None:
    user = module("""
        @dataclass(frozen=True)
        class Fit:
            auc: float
        @step
        def good() -> bool: ...
        @step
        def fit() -> Fit: ...
        @step
        def report(fit: Fit | None, auc: Optional[float]) -> str: ...
        @pipeline
        def p() -> Fit | None:
            with when(good()):
                fitted = fit()
            report(fitted, fitted.auc)
            return fitted
    """)
    graph = user.p.build({})
    assert graph.calls[2].arguments == {"fit": Output("fit"), "auc": Output("fit", ("auc",))}
    assert graph.steps[graph.calls[2].step].optional == {"fit", "auc"}
    assert graph.result == Output("fit")


def test_reads_while_building_are_noted(module: Module, tmp_path: Path) -> None:
    (tmp_path / "cities.txt").write_text("a\nb\n")
    (tmp_path / "there.txt").touch()
    (tmp_path / "data").mkdir()
    real_stat = os.stat
    user = module("""
        @step
        def use(x: str) -> int: ...
        @pipeline
        def p() -> None:
            cities = Path("cities.txt").read_text().split()
            each(cities, use)
            try:
                open("extra.txt")
            except FileNotFoundError:
                pass
            open("out.txt", "w").close()
            assert not list(Path("data").iterdir())
            assert not Path("later.txt").exists()
            assert Path("there.txt").is_file() and Path("data").is_dir()
    """)
    built = user.p.build_observed({})
    names = ("cities.txt", "extra.txt", "later.txt", "there.txt")
    assert built.reads == tuple(str(tmp_path / name) for name in names)
    assert os.stat is real_stat
    assert built.folders == (str(tmp_path / "data"),)


def test_large_pipelines_are_built_fast_and_without_recursion(module: Module) -> None:
    user = module("""
        @step
        def inc(x: int, by: int = 1) -> int: ...
        @pipeline
        def p(n: int) -> int:
            x = 0
            for _ in range(n):
                x = inc(x)
            return x
    """)
    started = time.process_time()
    graph = user.p.build({"n": 10_000})
    assert len(graph.calls) == 10_000 > sys.getrecursionlimit()
    assert time.process_time() - started < 5  # the bar is 1 s; only a change of its order fails here


def test_parameters_from_text(module: Module) -> None:
    user = module("""
        class Color(Enum):
            RED = 1
        @pipeline
        def p(n: int, rate: float = 0.5, color: Color = Color.RED, since: date | None = None) -> None: ...
    """)
    values = bind_parameters(user.p, {"n": "5", "color": "RED", "since": "2013-10-01"})
    assert values == {"n": 5, "color": user.Color.RED, "since": __import__("datetime").date(2013, 10, 1)}
    graph = user.p.build(values)
    assert decode_parameters(user.p, graph.parameters, root=Path()) == values | {"rate": 0.5}
    assert bind_parameters(user.p, {}, given={"n": 1}) == {}


def test_wrong_parameters_from_text(module: Module) -> None:
    user = module("""
        @pipeline
        def p(epochs: int, source: str = "x") -> None: ...
    """)
    cases = {
        "has no parameter 'epoch'": {"epoch": "5"},
        r"-p epochs=five: not a int": {"epochs": "five"},
        r"needs a value for 'epochs' \(int\)": {"source": "y"},
    }
    for message, texts in cases.items():
        with pytest.raises(InputError, match=message):
            bind_parameters(user.p, texts)
    with pytest.raises(InputError) as caught:
        bind_parameters(user.p, {"epoch": "5"})
    assert caught.value.fix == "did you mean epochs?"
    for message, values in {
        "parameter 'epochs' is str 'a', declared int": {"epochs": "a"},
        "no parameter 'n'": {"n": 1},
    }.items():
        with pytest.raises(InputError, match=message):
            user.p.build(values)


def test_steps_outside_a_pipeline_just_run(module: Module) -> None:
    user = module("""
        @step
        def double(x: int, *, by: int = 2) -> int:
            "Twice."
            return x * by
    """)
    assert user.double(4) == 8
    assert user.double(4, by=3) == 12
    assert (user.double.__name__, user.double.__doc__, user.double.name) == ("double", "Twice.", "double")
    assert repr(user.double) == f"<step {user.__name__}:double>"
    import pickle

    assert pickle.loads(pickle.dumps(user.double)) is user.double


def test_annotations_may_name_classes_further_down(module: Module) -> None:
    user = module("""
        @step
        def fit(x: int) -> Fit: ...
        @pipeline
        def p() -> Fit:
            return fit(1)
        @dataclass(frozen=True)
        class Fit:
            model: Weights
        class Weights(File): ...
    """)
    assert user.p.build({}).result == Output("fit")
    plain = module(
        """
        from dataclasses import dataclass
        from tiphys import File, pipeline, step
        @step
        def fit(x: int) -> "Fit": ...
        @pipeline
        def p() -> "Fit":
            return fit(1)
        @dataclass
        class Fit:
            model: "Weights"
        class Weights(File): ...
        """,
        header=False,
    )
    assert plain.p.build({}).result == Output("fit")


def test_decorated_functions_keep_their_signature(module: Module) -> None:
    user = module("""
        import functools
        def logged(f):
            @functools.wraps(f)
            def inner(*args, **kwargs):
                return f(*args, **kwargs)
            return inner
        @step
        @logged
        def inc(x: int, by: int = 1) -> int:
            return x + by
        @pipeline
        def p() -> int:
            return inc(1)
    """)
    assert user.p.build({}).calls[0].arguments == {"x": Literal(1), "by": Literal(1)}
    assert user.inc(1) == 2


def test_info_of_a_step_is_relative_to_its_project(module: Module, tmp_path: Path) -> None:
    user = module("""
        @step
        def fit(x: int | None) -> float: ...
    """)
    info = user.fit.info
    assert (info.ref, info.file, info.line) == (f"{user.__name__}:fit", f"{user.__name__}.py", 8)
    assert (info.optional, info.result) == ({"x"}, "float")
    assert user.fit.hints == {"x": int | None, "return": float}
