"""Leakage, tried from every side: by name, by value, and through a file that was made elsewhere."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from flights_data import read, write
from flights_features import (
    FEATURES,
    KNOWN_BEFORE,
    SCHEMA,
    LeakageError,
    feature_frame,
    load_features,
    month_of_features,
    refuse_leakage,
)

KNOWN_AFTER = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
FORBIDDEN = re.compile(r"dep_|arr_|air_time")


def january(tables: dict[str, Path]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rows = read(tables["completed"], [*KNOWN_BEFORE], month=1).to_pandas()
    return rows, read(tables["weather"]).to_pandas(), read(tables["planes"]).to_pandas()


def test_nothing_that_happens_later_is_on_a_list() -> None:
    assert not [name for name in (*KNOWN_BEFORE, *FEATURES) if FORBIDDEN.match(name)]
    assert SCHEMA.names == ["date", "late", *FEATURES]


@pytest.mark.parametrize("column", KNOWN_AFTER)
def test_a_forbidden_column_is_refused_at_run_time(tables: dict[str, Path], column: str) -> None:
    rows, weather, planes = january(tables)
    with pytest.raises(LeakageError, match=f"not known one hour before departure: {column}"):
        feature_frame(rows.assign(**{column: 1}), weather, planes)


def test_a_column_that_nobody_listed_is_refused_too() -> None:
    refuse_leakage(["carrier"], FEATURES)
    with pytest.raises(LeakageError, match="gate_delay, taxi_out"):
        refuse_leakage(["taxi_out", "carrier", "gate_delay"], FEATURES)


def test_a_file_of_features_with_one_column_more_is_refused(tables: dict[str, Path], tmp_path: Path) -> None:
    leaking = read(tables["january"])
    leaking = leaking.append_column("dep_delay", pa.nulls(len(leaking), pa.int64()))
    with pytest.raises(LeakageError, match="dep_delay"):
        load_features(Path(write(leaking, str(tmp_path / "leaking.parquet"))))


def test_what_happened_to_the_flights_changes_no_feature(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By value: actual times replaced by noise, in the file that the step reads, leave the features as they are."""
    monkeypatch.chdir(tmp_path)
    flights = read(tables["completed"])
    draw = np.random.default_rng(0)
    for name in KNOWN_AFTER:
        noise = pa.array(draw.integers(-100, 2400, len(flights)))
        flights = flights.set_column(flights.column_names.index(name), name, noise)
    noisy = Path(write(flights, "noisy.parquet")).absolute()
    made = load_features(Path(month_of_features(noisy, tables["weather"], tables["planes"], 1)))
    real = load_features(tables["january"])
    pd.testing.assert_frame_equal(made.drop(columns="late"), real.drop(columns="late"))
    assert not made["late"].equals(real["late"])  # the label, and it alone, comes from what happened


def test_each_flight_keeps_its_row_and_label(tables: dict[str, Path]) -> None:
    flights = read(tables["completed"], month=11).to_pandas()
    features = load_features(tables["november"])
    assert len(features) == len(flights) == 26_971
    assert features["carrier"].tolist() == flights["carrier"].tolist()
    assert features["late"].tolist() == (flights["arr_delay"] > 15).tolist()
    assert features["weekday"].iloc[0] == 4  # 1 November 2013 was a Friday


def test_weather_is_that_of_the_departure_hour(tables: dict[str, Path]) -> None:
    rows, weather, planes = january(tables)
    features = feature_frame(rows, weather, planes)
    here = (weather["origin"] == rows["origin"][0]) & (weather["time_hour"] == rows["time_hour"][0])
    assert features["temp"][0] == weather[here]["temp"].item()
    assert rows["hour"][0] == rows["time_hour"][0].tz_convert("America/New_York").hour


def test_a_doubled_hour_of_weather_is_refused_and_not_multiplied(tables: dict[str, Path]) -> None:
    rows, weather, planes = january(tables)
    with pytest.raises(pd.errors.MergeError):
        feature_frame(rows, pd.concat([weather, weather]), planes)


def test_only_what_may_be_unknown_is_unknown(tables: dict[str, Path]) -> None:
    features = load_features(tables["january"])
    nullable = {"temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"}
    nullable |= {"plane_year", "plane_seats", "plane_engines"}
    assert set(features.columns[features.isna().any()]) <= nullable
    assert features["block_minutes"].between(0, 1439).all()
    assert (features["plane_known"] == features["plane_seats"].notna()).all()
