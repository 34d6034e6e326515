"""Checks artifacts against the contracts of their classes, where they are produced and where they are consumed.

The metadata of a Parquet file answers most questions (types, number of rows, counts of nulls); data is read of the
columns that break the contract, one batch at a time, up to the fifth bad row.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from tiphys.cluster.artifact import MODEL_MANIFEST, Artifact, Column, File, Folder, Model, Table
from tiphys.cluster.errors import ContractError, InputError

Judge: TypeAlias = Callable[[Any], Any]
"""From an Arrow array to an array of booleans: which values are bad."""

_SHOWN_ROWS = 5
_BATCH_ROWS = 65_536
_MARK = b"PAR1"
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".ckpt", ".npz")
_MODEL_FILES = (".safetensors", ".onnx")
_SAME_TYPE = {
    "large_string": "string",
    "string_view": "string",
    "large_binary": "binary",
    "binary_view": "binary",
}


@dataclass(frozen=True, slots=True)
class Steps:
    """Who made an artifact and who is about to read it ("" when it was just made), by address."""

    producer: str
    consumer: str = ""

    def __str__(self) -> str:
        return f"made by {self.producer}" + (f", read by {self.consumer}" if self.consumer else "")


def check_contract(kind: type[Artifact], path: Path, *, producer: str, consumer: str = "") -> None:
    """Check the content at `path` against the contract of the class `kind`.

    `ContractError` names what is wrong (for a column: expected and actual type, the first bad rows) and both steps.
    `InputError` when there is nothing at `path`, or a file where a folder is declared.
    """
    steps = Steps(producer, consumer)
    _check_kind(kind, path, steps)
    if issubclass(kind, Table):
        _TableCheck(kind, path, steps).run()
    elif issubclass(kind, Model):
        _check_model(kind, path, steps)


def _check_kind(kind: type[Artifact], path: Path, steps: Steps) -> None:
    if not path.exists():
        raise InputError(
            f"{kind.__qualname__} at {path} does not exist ({steps})",
            fix="write the file before the step returns it; relative paths are below the step's working folder",
        )
    wants_file, wants_folder = issubclass(kind, File | Table), issubclass(kind, Folder)
    if (wants_file and not path.is_file()) or (wants_folder and not path.is_dir()):
        found = "a folder" if path.is_dir() else "a file"
        raise InputError(
            f"{kind.__qualname__} at {path.name!r} is {found} ({steps})",
            fix=f"return a {'File or Table for a file' if wants_folder else 'Folder for a folder'}, or write the other",
        )


# Models -------------------------------------------------------------------------------------------------------------
def _check_model(kind: type[Model], path: Path, steps: Steps) -> None:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if file.suffix.lower() in _PICKLES:
            raise ContractError(
                f"{kind.__qualname__} holds {file.name!r}, which is read with pickle ({steps})",
                fix="write tensors with safetensors.torch.save_file(model.state_dict(), …), the rest as JSON",
            )
    if not any(file.suffix.lower() in _MODEL_FILES for file in files):
        raise ContractError(
            f"{kind.__qualname__} at {path.name!r} holds no .safetensors and no .onnx file ({steps})",
            fix="write one with safetensors.torch.save_file(model.state_dict(), …)",
        )
    if path.is_dir() and not (path / MODEL_MANIFEST).is_file():
        raise ContractError(
            f"{kind.__qualname__} at {path.name!r} has no {MODEL_MANIFEST} ({steps})",
            fix=f"write {MODEL_MANIFEST}: what the model takes and gives, as JSON",
        )


# Tables -------------------------------------------------------------------------------------------------------------
class _TableCheck:
    def __init__(self, kind: type[Table], path: Path, steps: Steps) -> None:
        self.kind = kind
        self.path = path
        self.steps = steps

    def run(self) -> None:
        if not self.kind.contract_columns and self.kind.contract_rows == (None, None):
            self._check_mark()
            return
        try:
            import pyarrow.parquet as parquet  # tables are an extra; nothing else here needs Arrow
        except ModuleNotFoundError as error:
            raise InputError(
                f"{self.kind.__qualname__} cannot be checked: pyarrow is not installed", fix="install tiphys[table]"
            ) from error
        import pyarrow

        try:
            file = parquet.ParquetFile(self.path)
        except (pyarrow.ArrowInvalid, OSError) as error:
            raise self._no_parquet(str(error).splitlines()[0]) from error
        with file:
            self._check_rows(file.metadata.num_rows)
            for column in self.kind.contract_columns.values():
                self._check_column(file, column)

    def _check_mark(self) -> None:
        """Without a contract: does it begin and end as a Parquet file does? That needs no Arrow."""
        with open(self.path, "rb") as file:
            begin = file.read(4)
            file.seek(-min(4, self.path.stat().st_size), os.SEEK_END)
            if (begin, file.read(4)) != (_MARK, _MARK):
                raise self._no_parquet("it lacks the mark PAR1 at its begin or end")

    def _no_parquet(self, reason: str) -> ContractError:
        return ContractError(
            f"{self.kind.__qualname__} at {self.path.name!r} is not a Parquet file: {reason} ({self.steps})",
            fix='write it with df.to_parquet("out.parquet")',
        )

    def _check_rows(self, rows: int) -> None:
        low, high = self.kind.contract_rows
        if (low is not None and rows < low) or (high is not None and rows > high):
            raise ContractError(
                f"{self.kind.__qualname__} has {rows:,} rows, its contract says {_bounds(low, high)} ({self.steps})",
                fix=f"correct what {self.steps.producer} writes, or the bounds of the contract",
            )

    def _check_column(self, file: Any, column: Column) -> None:
        schema = file.schema_arrow
        if column.name not in schema.names:
            close = get_close_matches(column.name, schema.names, n=1)
            said = f"; there is {close[0]!r}" if close else f"; it has {', '.join(schema.names[:10])}"
            raise self._broken(f"has no column {column.name!r} ({column.type}){said}")
        expected = arrow_type(column.type, where=f"{self.kind.__qualname__}.{column.name}")
        actual = schema.field(column.name).type
        if not _kept_as(expected, actual):
            rows = self._bad_rows(file, column.name, lambda array: _unfit(array, expected))
            raise self._broken(f"{column.name!r} is {actual}, its contract says {expected}{rows}")
        if not column.nullable and _may_have_nulls(file, column.name):
            rows = self._bad_rows(file, column.name, lambda array: array.is_null())
            if rows:
                raise self._broken(f"{column.name!r} has nulls, its contract says nullable=False{rows}")
        if str(expected).startswith("timestamp[s") and str(actual).startswith("timestamp[ms"):
            rows = self._bad_rows(file, column.name, _fractions_of_seconds)
            if rows:
                raise self._broken(f"{column.name!r} has fractions of seconds, its contract says {expected}{rows}")

    def _broken(self, problem: str) -> ContractError:
        return ContractError(
            f"{self.kind.__qualname__} breaks its contract: {problem} ({self.steps})",
            fix=f"correct what {self.steps.producer} writes, or the contract of {self.kind.__qualname__}",
        )

    def _bad_rows(self, file: Any, name: str, judge: Judge) -> str:
        """`: row 3: None, row 7: None, …` for the first rows that `judge` finds; "" when there are none."""
        found: list[str] = []
        for row, value in _judged(file, name, judge):
            if len(found) == _SHOWN_ROWS:
                found.append("…")
                break
            found.append(f"row {row}: {_brief(value)}")
        return f": {', '.join(found)}" if found else ""


def _judged(file: Any, name: str, judge: Judge) -> Iterator[tuple[int, Any]]:
    """(number of the row from 0, value) of the rows of one column that are bad."""
    start = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[name]):
        array = batch.column(0)
        for index, bad in enumerate(judge(array).to_pylist()):
            if bad:
                yield start + index, array[index].as_py()
        start += len(array)


def _unfit(array: Any, expected: Any) -> Any:
    """Which values cannot be converted to the expected type; all of them when every one could be."""
    import pyarrow

    bad = [_cannot_be(value, expected) for value in array]
    if not any(bad):
        bad = [value.is_valid for value in array]
    return pyarrow.array(bad)


def _cannot_be(value: Any, expected: Any) -> bool:
    import pyarrow

    try:
        value.cast(expected)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
        return True
    return False


def _fractions_of_seconds(array: Any) -> Any:
    import pyarrow
    import pyarrow.compute as compute

    milliseconds = array.cast(pyarrow.int64())
    whole = compute.multiply(compute.divide(milliseconds, 1000), 1000)
    return compute.fill_null(compute.not_equal(milliseconds, whole), False)


def _may_have_nulls(file: Any, name: str) -> bool:
    """False when the statistics of every row group say that there is no null."""
    index = [i for i in range(file.metadata.num_columns) if file.metadata.schema.column(i).path == name]
    if len(index) != 1:
        return True  # a nested column: read it
    for group in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(group).column(index[0]).statistics
        if statistics is None or not statistics.has_null_count or statistics.null_count:
            return True
    return False


def _kept_as(expected: Any, actual: Any) -> bool:
    """Whether the type in the file is the declared one, or the one that Parquet keeps it as.

    Parquet has no seconds: `timestamp[s]` is kept as milliseconds. String and list types differ in memory only.
    """
    wanted, found = _canonical(expected), _canonical(actual)
    return found in (wanted, wanted.replace("timestamp[s", "timestamp[ms", 1))


def _canonical(type: Any) -> str:
    import pyarrow.types as types

    if types.is_list(type) or types.is_large_list(type):
        return f"list<{_canonical(type.value_type)}>"
    return _SAME_TYPE.get(str(type), str(type))


def arrow_type(text: str, *, where: str) -> Any:
    """The Arrow type of a text; `InputError` when it is none.

    An alias (`"int64"`, `"timestamp[s]"`), one with a time zone (`"timestamp[ms, tz=UTC]"`), a list (`"list<double>"`).
    """
    import pyarrow

    name = text.strip()
    try:
        if name.startswith("list<") and name.endswith(">"):
            return pyarrow.list_(arrow_type(name[5:-1].removeprefix("element:").removeprefix("item:"), where=where))
        if name.startswith("timestamp[") and ", tz=" in name:
            unit, _, zone = name.removeprefix("timestamp[").removesuffix("]").partition(", tz=")
            return pyarrow.timestamp(unit, tz=zone)
        return pyarrow.type_for_alias(name)
    except ValueError:
        raise InputError(
            f"{where}: {text!r} is not an Arrow type",
            fix="write one such as string, int64, double, bool, date32, timestamp[us], list<double>",
        ) from None


def _brief(value: Any) -> str:
    text = "null" if value is None else value.isoformat() if isinstance(value, date | time) else repr(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _bounds(low: int | None, high: int | None) -> str:
    if low is None:
        return f"at most {high:,}"
    return f"at least {low:,}" if high is None else f"{low:,} to {high:,}"
