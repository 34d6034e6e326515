"""`each`, `branch`, `when`, `unless` and `after` as graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tiphys.workflows.graph import Build, Choose, Condition, Gather, Item, Literal, Output, Scope

Module = Callable[..., Any]


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
