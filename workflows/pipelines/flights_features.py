"""What the model may see, and how it is made from the tables.

A flight that is late at departure is late on arrival: `dep_delay` alone gives an AUC of 0.885, and nobody has it an
hour before. So the columns that may be used are listed here, and a column that is not listed is refused, not ignored.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from flights_data import read, write

KNOWN_BEFORE: Mapping[str, str] = {
    "year": "schedule",
    "month": "schedule",
    "day": "schedule",
    "hour": "schedule, local time",
    "time_hour": "schedule, UTC, to the hour",
    "sched_dep_time": "schedule, local time as HHMM",
    "sched_arr_time": "schedule, local time at the destination as HHMM",
    "carrier": "schedule",
    "origin": "schedule",
    "dest": "schedule",
    "distance": "schedule, miles",
    "tailnum": "plane assigned to the flight",
}
"""Columns of a flight that are known one hour before its scheduled departure, and where they come from."""

LABEL_SOURCE = "arr_delay"
LATE_AFTER_MINUTES = 15

WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")

# The month is not among the features: every month of the test is one that training has never seen.
CATEGORICAL = ("carrier", "origin", "dest", "hour", "weekday")
NUMERIC = (
    "distance",
    "block_minutes",
    "departs_sin",
    "departs_cos",
    "temp",
    "dewp",
    "humid",
    "wind_east",
    "wind_north",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
    "plane_year",
    "plane_seats",
    "plane_engines",
    "plane_known",
)
FEATURES = (*CATEGORICAL, *NUMERIC)

SCHEMA = pa.schema(
    [("date", pa.date32()), ("late", pa.bool_())]
    + [(name, pa.string()) for name in ("carrier", "origin", "dest")]
    + [(name, pa.int64()) for name in ("hour", "weekday")]
    + [(name, pa.float64()) for name in NUMERIC]
)


class LeakageError(ValueError):
    """A column that is not known one hour before departure is on its way to the model."""


def refuse_leakage(columns: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise LeakageError when a column is not on the list. `dep_time`, `dep_delay`, `air_time`, … are on none."""
    unknown = sorted(set(columns) - set(allowed))
    if unknown:
        raise LeakageError(
            f"not known one hour before departure: {', '.join(unknown)}. "
            "If it is, add it to KNOWN_BEFORE or FEATURES in flights_features.py"
        )


def month_of_features(flights: Path, weather: Path, planes: Path, month: int) -> str:
    """Write the features and the label of one month as Parquet and return the file's name."""
    rows = read(flights, [*KNOWN_BEFORE, LABEL_SOURCE], month=month).to_pandas()
    late = rows.pop(LABEL_SOURCE) > LATE_AFTER_MINUTES
    features = feature_frame(rows, read(weather).to_pandas(), read(planes).to_pandas())
    labelled = features.assign(date=pd.to_datetime(rows[["year", "month", "day"]]).dt.date, late=late)
    return write(pa.Table.from_pandas(labelled, schema=SCHEMA, preserve_index=False), f"features-{month:02}.parquet")


def feature_frame(schedule: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """The columns FEATURES of every flight of `schedule`, in its order. Unknown numbers are NaN.

    Raises LeakageError when `schedule` has a column that is not in KNOWN_BEFORE.
    """
    refuse_leakage(schedule.columns, KNOWN_BEFORE)
    # Stands in for the forecast of the departure hour; validate: a doubled hour would double flights.
    hourly = weather[["origin", "time_hour", *WEATHER]]
    rows = schedule.merge(hourly, on=["origin", "time_hour"], how="left", validate="many_to_one")
    register = planes[["tailnum", "year", "seats", "engines"]].add_prefix("plane_")
    rows = rows.merge(register, left_on="tailnum", right_on="plane_tailnum", how="left", validate="many_to_one")
    departs = _minute_of_day(rows["sched_dep_time"])
    angle = departs * (2 * np.pi / 1440)
    bearing = np.radians(rows["wind_dir"])  # null when calm or variable: then no direction, whatever the speed
    return rows.assign(
        weekday=pd.to_datetime(rows[["year", "month", "day"]]).dt.day_of_week,
        block_minutes=(_minute_of_day(rows["sched_arr_time"]) - departs) % 1440,
        departs_sin=np.sin(angle),
        departs_cos=np.cos(angle),
        wind_east=(rows["wind_speed"] * np.sin(bearing)).fillna(0.0),
        wind_north=(rows["wind_speed"] * np.cos(bearing)).fillna(0.0),
        wind_gust=rows["wind_gust"].fillna(rows["wind_speed"]),  # null when there was no gust
        plane_known=rows["plane_tailnum"].notna(),
    )[list(FEATURES)]


def _minute_of_day(hhmm: pd.Series) -> pd.Series:
    return hhmm // 100 * 60 + hhmm % 100


def load_features(path: Path) -> pd.DataFrame:
    """Features and label for training or evaluation. Raises LeakageError when the file has a column beyond them."""
    table = read(path)
    refuse_leakage(table.column_names, SCHEMA.names)
    return table.to_pandas()
