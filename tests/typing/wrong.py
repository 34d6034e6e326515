"""Wrong pipelines: every line with an expectation is reported by mypy and pyright with that code, and no other line."""

from dataclasses import dataclass
from datetime import date

from tiphys import Model, Table, branch, column, container, each, pipeline, step, when


class Raw(Table, rows=("1", 2)):  # expect-mypy: arg-type # expect-pyright: reportArgumentType, reportGeneralTypeIssues
    carrier = column("string", nullable=1)  # expect-mypy: arg-type # expect-pyright: reportArgumentType


class Features(Table): ...


@dataclass(frozen=True)
class Split:
    train: Features
    raw: Raw


@dataclass(frozen=True)
class Evaluation:
    auc: float
    passed: bool


@step
def ingest(source: str) -> Raw:
    return Features("x")  # expect-mypy: return-value # expect-pyright: reportReturnType


@step
def featurize(raw: Raw, month: int) -> Features:
    return Features("x")


@step
def split_by_time(parts: list[Features], test_from: date) -> Split:
    return Split(parts[0], Raw("x"))


@step
def train(features: Features, epochs: int = 5) -> Model:
    return Model("x")


@step
def evaluate(model: Model, test: Features) -> Evaluation:
    return Evaluation(0.5, True)


@step
def months() -> list[str]:
    return []


@step(cpus=2)  # expect-mypy: call-overload, untyped-decorator # expect-pyright: reportCallIssue
def misspelt_setting() -> int:
    return 1


@step(retries="2")  # expect-mypy: call-overload, untyped-decorator # expect-pyright: reportArgumentType
def wrong_setting() -> int:
    return 1


@pipeline(paralel=4)  # expect-mypy: call-overload, untyped-decorator # expect-pyright: reportCallIssue
def misspelt_option() -> None: ...


clean = container("clean", image="x", command=["x"], outputs=Features)


@pipeline
def flights(source: str, epochs: int = 5) -> Evaluation:
    raw = ingest(5)  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    parts = each(range(2), lambda n: featurize(n, raw))  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    each(months(), lambda month: featurize(raw, month))  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    split = split_by_time(parts, "2013-10-01")  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    split_by_time(split, date(2013, 10, 1))  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    train(split.raw)  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    train(split.tain)  # expect-mypy: attr-defined # expect-pyright: reportAttributeAccessIssue
    model = train(split.train, epoch=3)  # expect-mypy: call-arg # expect-pyright: reportCallIssue
    train()  # expect-mypy: call-arg # expect-pyright: reportCallIssue
    evaluation = evaluate(split.train, model)  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    train.after(model)(raw)  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    train(clean(raw=raw).auc)  # expect-mypy: attr-defined # expect-pyright: reportAttributeAccessIssue
    with when(evaluation.auc):  # expect-mypy: arg-type # expect-pyright: reportArgumentType
        branch(evaluation, lambda: 1, lambda: 2)  # expect-mypy: arg-type # expect-pyright: reportArgumentType
    each(parts, train, paralel=4)  # expect-mypy: call-arg # expect-pyright: reportCallIssue
    return split  # expect-mypy: return-value # expect-pyright: reportReturnType


def use() -> None:
    flights.run(source="x", epoch=1)  # expect-mypy: call-overload # expect-pyright: reportCallIssue
    assert flights.run(source="x").aux  # expect-mypy: attr-defined # expect-pyright: reportAttributeAccessIssue
    assert flights.run("x", store="").aux  # expect-mypy: attr-defined # expect-pyright: reportAttributeAccessIssue
    flights.run(source="x", store=5)  # expect-mypy: call-overload # expect-pyright: reportArgumentType
    flights.plan(epochs="1")  # expect-mypy: call-overload # expect-pyright: reportCallIssue
