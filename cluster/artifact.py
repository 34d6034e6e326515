"""Artifacts: files and folders that steps hand to each other, typed by class.

A step writes a file in its working folder and returns `Features("out.parquet")`; the next one reads `features.path`.
While a pipeline is built, an artifact stands for what a step will return: an instance without a path, which refuses
to be used as a file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from tiphys.cluster.caller import user_line
from tiphys.cluster.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

A = TypeVar("A", bound="Artifact")

MODEL_MANIFEST = "manifest.json"


class Origin(Protocol):
    """What an artifact without a path stands for; `str()` names it."""

    def refused(self, error: InputError) -> None:
        """A use of the artifact was refused with this error."""
        ...


class Artifact:
    """A file or folder at an absolute `path`. Subclasses of `File`, `Folder`, `Table` and `Model` name what is in it.

    A relative path is taken from the current folder: the step's working folder while it runs.
    """

    _path: Path
    _origin: Origin

    def __init__(self, path: str | os.PathLike[str]) -> None:
        from pathlib import Path  # not paid for by `import tiphys`

        self._path = Path(os.path.abspath(path))

    @property
    def path(self) -> Path:
        """Where the content is, absolute. Refused while a pipeline is built: there is no content yet."""
        try:
            return self._path
        except AttributeError:
            raise _refusal(self) from None

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        if "_path" in self.__dict__:
            return f"{type(self).__qualname__}({os.fspath(self._path)!r})"
        return f"<{type(self).__qualname__} {self.__dict__.get('_origin', 'without a path')}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Artifact):
            return NotImplemented
        return type(self) is type(other) and self.path == other.path

    def __hash__(self) -> int:
        return hash((type(self), self.path))


class File(Artifact):
    """One file with any content."""


class Folder(Artifact):
    """A folder with all that is in it."""


class Model(Artifact):
    """A trained model without pickle: a folder with `manifest.json` and safetensors, or one `.safetensors` file."""


class Column:
    """One column of a `Table`'s contract: Arrow type, whether nulls are allowed, and its name in the file."""

    __slots__ = ("name", "nullable", "type")

    def __init__(self, type: str, nullable: bool, name: str) -> None:
        self.type = type
        self.nullable = nullable
        self.name = name

    def __repr__(self) -> str:
        return f"column({self.type!r}, nullable={self.nullable}, name={self.name!r})"


def column(type: str, *, nullable: bool = False, name: str = "") -> Column:
    """Declare a column of a `Table`: its Arrow type as text (`"timestamp[s]"`, `"double"`, `"list<string>"`).

    `name`: the name in the file, when it is not the attribute's (`path`, or one with spaces).
    """
    if not isinstance(type, str) or not type:
        raise InputError(
            f"column({type!r}): the type is not the name of an Arrow type",
            fix='write it as text, such as column("int64") or column("timestamp[s]")',
        )
    return Column(type, nullable, name)


class Table(Artifact):
    """A Parquet file. A subclass may carry a contract: columns, and bounds of the number of rows.

        class Flights(Table, rows=(300_000, 400_000)):
            time_hour = column("timestamp[s]")
            arr_delay = column("double", nullable=True)

    Columns that the contract does not name are allowed. Contracts are inherited. A bound of None is open.
    """

    contract_columns: ClassVar[Mapping[str, Column]] = {}
    contract_rows: ClassVar[tuple[int | None, int | None]] = (None, None)

    def __init_subclass__(cls, rows: tuple[int | None, int | None] | None = None) -> None:
        super().__init_subclass__()
        columns = dict(cls.contract_columns)
        for attribute, value in vars(cls).items():
            if isinstance(value, Column):
                _check_attribute(cls, attribute)
                value.name = value.name or attribute
                columns[value.name] = value
        cls.contract_columns = columns
        if rows is not None:
            cls.contract_rows = _row_bounds(cls, rows)


def _check_attribute(cls: type[Table], attribute: str) -> None:
    if hasattr(Table, attribute):
        raise InputError(
            f"the contract of {cls.__qualname__} has a column {attribute!r}, which every Table has as an attribute",
            fix=f'give the attribute another name: {attribute}_ = column(…, name="{attribute}")',
        )


def _row_bounds(cls: type[Table], rows: object) -> tuple[int | None, int | None]:
    match rows:
        case (int() | None as low, int() | None as high) if low is None or high is None or low <= high:
            return low, high
        case _:
            raise InputError(
                f"the contract of {cls.__qualname__} has rows={rows!r}",
                fix="write the least and the greatest number of rows: rows=(1, 1_000); None leaves a side open",
            )


def unset(cls: type[A], origin: Origin) -> A:
    """An instance without a path, that stands for `origin`. `__init__` does not run."""
    artifact = object.__new__(cls)
    artifact._origin = origin
    return artifact


def origin_of(artifact: Artifact) -> Origin | None:
    """What an instance without a path stands for; None for one that has a path."""
    return artifact.__dict__.get("_origin")


def _refusal(artifact: Artifact) -> InputError:
    origin, kind = origin_of(artifact), type(artifact).__qualname__
    error = InputError(
        f"{user_line()}: {origin or 'an artifact'} has no file yet: it is a {kind} that a step makes when the pipeline "
        "runs, and this line runs while it is built",
        fix="use the path inside a step that takes the artifact as a parameter",
    )
    if origin is not None:
        origin.refused(error)
    return error
