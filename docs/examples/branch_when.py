"""Choices: `branch` takes one of two ways and goes on with its result, `when` does something more or does not."""

from dataclasses import dataclass

from tiphys import branch, pipeline, step, when


@dataclass(frozen=True)
class Forecast:
    wind_knots: int
    calm: bool
    storm: bool


@step
def forecast(wind_knots: int) -> Forecast:
    return Forecast(wind_knots, calm=wind_knots < 5, storm=wind_knots > 40)


@step
def row() -> float:
    return 3.0


@step
def sail(wind_knots: int) -> float:
    return wind_knots * 0.4


@step
def reef(wind_knots: int) -> str:
    return f"reefed at {wind_knots} knots"


@step
def log(knots: float) -> str:
    return f"made {knots:.1f} knots"


@pipeline
def watch(wind_knots: int = 20) -> str:
    weather = forecast(wind_knots)
    speed = branch(weather.calm, row, lambda: sail(weather.wind_knots))
    with when(weather.storm):
        reef(weather.wind_knots)
    return log(speed)
