"""Contracts, held against real Parquet files and model folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiphys.cluster.artifact import Artifact, File, Folder, Model, Table, column
from tiphys.cluster.contract import check_contract
from tiphys.cluster.errors import ContractError, InputError


class Flights(Table, rows=(2, 4)):
    carrier = column("string")
    delay = column("double", nullable=True)


class Seconds(Table):
    time_hour = column("timestamp[s]")


class Numbers(Table):
    n = column("int64")


class Wide(Table):
    day = column("date32")
    zoned = column("timestamp[us, tz=UTC]")
    codes = column("list<int64>")
    flag = column("bool")


def table(path: Path, **columns: Any) -> Path:
    file = path / "t.parquet"
    parquet.write_table(pyarrow.table(columns), file)
    return file


def broken(kind: type[Artifact], path: Path, *, consumer: str = "") -> str:
    with pytest.raises(ContractError) as caught:
        check_contract(kind, path, producer="featurize[3]", consumer=consumer)
    assert caught.value.fix
    return caught.value.message


def test_a_table_that_keeps_its_contract(tmp_path: Path) -> None:
    file = table(tmp_path, carrier=["UA", "AA"], delay=[1.0, None], extra=[1, 2])
    check_contract(Flights, file, producer="ingest")
    check_contract(File, file, producer="ingest")


@pytest.mark.parametrize("writer", ["pandas", "polars", "arrow"])
def test_string_and_list_types_differ_in_memory_only(tmp_path: Path, writer: str) -> None:
    data: dict[str, Sequence[Any]] = {"carrier": ["UA", "AA"], "delay": [1.0, None]}
    file = tmp_path / "t.parquet"
    if writer == "pandas":
        pandas.DataFrame(data).to_parquet(file)
    elif writer == "polars":
        polars.DataFrame(data).write_parquet(file)
    else:
        types = [("carrier", pyarrow.large_string()), ("delay", pyarrow.float64())]
        parquet.write_table(pyarrow.table(data, schema=pyarrow.schema(types)), file)
    check_contract(Flights, file, producer="ingest")


def test_types_with_parameters(tmp_path: Path) -> None:
    now = datetime.fromisoformat("2013-01-01")
    file = table(
        tmp_path,
        day=pyarrow.array([now.date()]),
        zoned=pyarrow.array([now], pyarrow.timestamp("us", tz="UTC")),
        codes=[[1, 2]],
        flag=[True],
    )
    check_contract(Wide, file, producer="ingest")


def test_nulls_are_named_with_their_rows_and_both_steps(tmp_path: Path) -> None:
    file = table(tmp_path, carrier=["UA", None, "AA", None], delay=[1.0, 2.0, 3.0, 4.0])
    assert broken(Flights, file, consumer="split_by_time") == (
        "Flights breaks its contract: 'carrier' has nulls, its contract says nullable=False: row 1: null, row 3: null "
        "(made by featurize[3], read by split_by_time)"
    )


def test_only_the_first_bad_rows_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    values = pyarrow.table({"n": pyarrow.array([i if i < 150_000 else None for i in range(200_000)])})
    parquet.write_table(values, file, row_group_size=30_000, write_statistics=False)
    message = broken(Numbers, file)
    assert message.count("row ") == 5
    assert "row 150000: null, row 150001: null" in message
    assert message.endswith("row 150004: null, … (made by featurize[3])")


def test_another_type_shows_the_values_that_do_not_fit(tmp_path: Path) -> None:
    file = table(tmp_path, n=["1", "x", "3", None, "y"])
    assert "'n' is string, its contract says int64: row 1: 'x', row 4: 'y' (made by" in broken(Numbers, file)
    file = table(tmp_path, n=["1", "2"])
    assert "'n' is string, its contract says int64: row 0: '1', row 1: '2' (made by" in broken(Numbers, file)
    file = table(tmp_path, n=[1.0, 2.5])
    assert "'n' is double, its contract says int64: row 1: 2.5" in broken(Numbers, file)


def test_seconds_are_kept_as_milliseconds(tmp_path: Path) -> None:
    hours = [datetime.fromisoformat("2013-01-01T05:00:00"), datetime.fromisoformat("1969-12-31T23:59:59")]
    check_contract(Seconds, table(tmp_path, time_hour=pyarrow.array(hours, pyarrow.timestamp("s"))), producer="x")
    split = [hours[0], datetime.fromisoformat("2013-01-01T05:00:00.500000")]
    message = broken(Seconds, table(tmp_path, time_hour=pyarrow.array(split, pyarrow.timestamp("ms"))))
    assert "'time_hour' has fractions of seconds" in message
    assert "row 1: 2013-01-01T05:00:00.500000 (made by" in message
    assert "is timestamp[us], its contract says timestamp[s]" in broken(
        Seconds, table(tmp_path, time_hour=pyarrow.array(hours, pyarrow.timestamp("us")))
    )


def test_missing_columns_and_rows(tmp_path: Path) -> None:
    file = table(tmp_path, carier=["UA", "AA"], delay=[1.0, 2.0])
    assert "has no column 'carrier' (string); there is 'carier'" in broken(Flights, file)
    assert "it has zzz" in broken(Flights, table(tmp_path, zzz=[1, 2]))
    assert broken(Flights, table(tmp_path, carrier=["UA"], delay=[1.0])) == (
        "Flights has 1 rows, its contract says 2 to 4 (made by featurize[3])"
    )
    at_least = type("AtLeast", (Table,), {}, rows=(1_000, None))
    at_most = type("AtMost", (Table,), {}, rows=(None, 1))
    file = table(tmp_path, carrier=["UA", "AA"])
    assert "says at least 1,000" in broken(at_least, file)
    assert "says at most 1 " in broken(at_most, file)


def test_what_is_no_parquet_file(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    file.write_bytes(b"a,b\n1,2\n")
    assert "'t.parquet' is not a Parquet file: " in broken(Flights, file)
    file.write_bytes(b"")
    assert "is not a Parquet file" in broken(Flights, file)
    assert "is not a Parquet file: it lacks the mark PAR1" in broken(Table, file)
    file.write_bytes(b"PAR")
    assert "it lacks the mark PAR1" in broken(Table, file)
    check_contract(Table, table(tmp_path, n=[1]), producer="x")
    whole = table(tmp_path, carrier=["UA", "AA"], delay=[1.0, 2.0]).read_bytes()
    file.write_bytes(whole[:-20])
    assert "is not a Parquet file" in broken(Flights, file)


def test_a_type_that_arrow_does_not_know(tmp_path: Path) -> None:
    odd = type("Odd", (Table,), {"n": column("integer")})
    with pytest.raises(InputError, match=r"Odd\.n: 'integer' is not an Arrow type"):
        check_contract(odd, table(tmp_path, n=[1]), producer="x")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.integers(-9, 9), min_size=1, max_size=40), st.integers(1, 7))
def test_a_column_is_refused_exactly_when_it_has_nulls(
    tmp_path_factory: pytest.TempPathFactory, values: list[int | None], group: int
) -> None:
    file = tmp_path_factory.mktemp("t") / "t.parquet"
    parquet.write_table(pyarrow.table({"n": pyarrow.array(values, pyarrow.int64())}), file, row_group_size=group)
    bad = [i for i, value in enumerate(values) if value is None]
    if not bad:
        check_contract(Numbers, file, producer="x")
        return
    message = broken(Numbers, file)
    assert ", ".join(f"row {i}: null" for i in bad[:5]) in message


def test_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    check_contract(File, tmp_path / "f", producer="x")
    check_contract(Folder, tmp_path, producer="x")
    for kind, path in ((File, tmp_path), (Flights, tmp_path), (Folder, tmp_path / "f")):
        with pytest.raises(InputError, match=r"is a (folder|file) \(made by x\)"):
            check_contract(kind, path, producer="x")
    with pytest.raises(InputError, match="does not exist"):
        check_contract(File, tmp_path / "none", producer="x")


def model(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({}))
    return folder


def test_a_model_is_safetensors_and_a_manifest(tmp_path: Path) -> None:
    check_contract(Model, model(tmp_path, "manifest.json", "model.safetensors"), producer="train")
    check_contract(Model, tmp_path / "model.safetensors", producer="train")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("model.safetensors",), "has no manifest.json"),
        (("manifest.json",), "holds no .safetensors and no .onnx file"),
        (("manifest.json", "model.safetensors", "a/opt.pt"), "holds 'opt.pt', which is read with pickle"),
        (("manifest.json", "pytorch_model.BIN"), "holds 'pytorch_model.BIN', which is read with pickle"),
    ],
)
def test_models_with_pickle_or_no_manifest_are_refused(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    assert message in broken(Model, model(tmp_path, *files))
