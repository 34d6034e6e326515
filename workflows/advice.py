"""What to write instead of a type that has no encoding: the lines themselves."""

from __future__ import annotations

_TABLE = """write it to a file and return a Table:
    class Features(Table): ...

    {frame}.to_parquet("out.parquet")
    return Features("out.parquet")"""

_POLARS = _TABLE.replace("{frame}.to_parquet", "{frame}.write_parquet")

_ARRAY = """write it to a file and return it:
    numpy.save("out.npy", array)
    return File("out.npy")"""

_MODEL = """write it without pickle and return a Model:
    safetensors.torch.save_file(model.state_dict(), "model.safetensors")
    return Model("model.safetensors")"""

_BYTES = """write it to a file and return it:
    Path("out.bin").write_bytes(data)
    return File("out.bin")"""

_PATH = """return the content, not only its place:
    class Report(File): ...
    return Report("out.txt")"""

_DATACLASS = """return a dataclass with a type for each field:
    @dataclass(frozen=True)
    class Result: ..."""

_BY_NAME = {
    "DataFrame": _TABLE.format(frame="df"),
    "Series": _TABLE.format(frame="series.to_frame()"),
    "ndarray": _ARRAY,
    "Tensor": _MODEL,
    "Module": _MODEL,
    "set": "use a list: return sorted(values)",
    "frozenset": "use a list: return sorted(values)",
    "bytes": _BYTES,
    "bytearray": _BYTES,
    "Path": _PATH,
    "PosixPath": _PATH,
    "Timestamp": "convert it: value.to_pydatetime()",
    "timedelta": "return seconds as a float: value.total_seconds()",
    "Decimal": "return it as text: str(value)",
    "complex": "return its parts: tuple[float, float]",
}
_POLARS_BY_NAME = {
    "DataFrame": _POLARS.format(frame="df"),
    "LazyFrame": _POLARS.format(frame="df.collect()"),
    "Series": _POLARS.format(frame="series.to_frame()"),
}
_NUMPY_SCALARS = {"bool": "bool", "bool_": "bool"} | {f"{u}int{n}": "int" for u in ("", "u") for n in (8, 16, 32, 64)}

ALLOWED = (
    "results are None, bool, int, float, str, date, datetime, Enum, Literal, T | None, dataclass, NamedTuple, "
    "tuple[A, B], list[T], dict[str, T], or an artifact (File, Folder, Table, Model)"
)


def advice_for(kind: type) -> str:
    """The lines to write for a class without encoding, or the list of what has one."""
    package = kind.__module__.partition(".")[0]
    if package == "numpy" and kind.__name__.rstrip("_") in _NUMPY_SCALARS:
        return f"convert it: {_NUMPY_SCALARS[kind.__name__.rstrip('_')]}(value)"
    if package == "numpy" and kind.__name__.startswith("float"):
        return "convert it: float(value)"
    if package == "polars" and kind.__name__ in _POLARS_BY_NAME:
        return _POLARS_BY_NAME[kind.__name__]
    if package == "pyarrow" and kind.__name__ == "Table":
        return 'write it to a file and return a Table:\n    pyarrow.parquet.write_table(table, "out.parquet")\n    ' + (
            'return Features("out.parquet")'
        )
    for base in kind.__mro__:
        if base.__name__ in _BY_NAME and base.__module__ != "__main__":
            return _BY_NAME[base.__name__]
    if hasattr(kind, "model_fields") or hasattr(kind, "__attrs_attrs__") or hasattr(kind, "__total__"):
        return _DATACLASS
    return ALLOWED
