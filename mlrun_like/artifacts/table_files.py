"""Frames as files of nine formats that all give the same frame back.

Most formats know neither an index nor columns that are not text. Such frames are flattened on
writing, and what was lost is kept as instructions: the columns, their levels' names and the
index levels' names.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = ["TABLE_FORMATS", "default_table_format", "read_table", "write_table"]

TABLE_FORMATS = ("parquet", "csv", "h5", "xml", "xlsx", "html", "json", "feather", "orc")
_KEEP_ALL = frozenset({"parquet", "h5"})
_NEEDS = {"h5": "tables", "xlsx": "openpyxl", "xml": "lxml", "html": "lxml"}
_BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OSError,
    EOFError,
    AttributeError,
    OverflowError,
    ArithmeticError,
    SyntaxError,
    zipfile.BadZipFile,
)


def default_table_format(frame: pd.DataFrame) -> str:
    """`parquet`, or `csv` when a column name is not text."""
    return "parquet" if all(isinstance(name, str) for name in frame.columns) else "csv"


def write_table(
    frame: pd.DataFrame, path: str | Path, file_format: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Write a frame; returns what `read_table` needs as `read_kwargs`.

    Args:
        frame: Any frame.
        path: The file.
        file_format: One of `TABLE_FORMATS`.
        options: Further arguments of pandas' writer.

    Raises:
        InvalidArgumentError: if the format is unknown or cannot hold the frame.
        MissingDependencyError: if it needs a package that is not installed.
    """
    _check_format(file_format)
    flat = frame if file_format in _KEEP_ALL else _flatten(frame, file_format)
    try:
        _write(flat, path, file_format, dict(options))
    except (*_BROKEN, NotImplementedError) as exc:
        raise InvalidArgumentError(
            f"frame cannot be written as {file_format}: {exc}",
            fix='use another file_format, or artifact_type "object"',
        ) from exc
    if file_format in _KEEP_ALL:
        return {}
    columns = [list(name) if isinstance(name, tuple) else _plain(name) for name in frame.columns]
    return {
        "unflatten_kwargs": {
            "columns": columns,
            "columns_levels": list(frame.columns.names),
            "index_levels": list(frame.index.names),
        }
    }


def _plain(name: Any) -> Any:
    item = getattr(name, "item", None)  # a numpy scalar
    return item() if callable(item) else name


def _check_format(file_format: str) -> None:
    if file_format not in TABLE_FORMATS:
        raise InvalidArgumentError(
            f"file format {file_format!r} is unknown for tables",
            fix=f"use one of: {', '.join(TABLE_FORMATS)}",
        )
    needed = _NEEDS.get(file_format)
    if needed:
        require(needed, feature=f"the table format {file_format}")


def _flatten(frame: pd.DataFrame, file_format: str) -> pd.DataFrame:
    flat = frame.copy(deep=False)
    names = _unique_names(flat, file_format)
    flat.columns = pd.Index(names)
    if _has_default_index(frame):
        return flat.reset_index(drop=True)
    levels = [f"index_{number}" for number in range(frame.index.nlevels)]
    while set(levels) & set(names):
        levels = [f"i{level}" for level in levels]
    flat.index = flat.index.set_names(levels if len(levels) > 1 else levels[0])
    return flat.reset_index()


def _has_default_index(frame: pd.DataFrame) -> bool:
    index = frame.index
    return (
        isinstance(index, pd.RangeIndex)
        and index.name is None
        and index.start == 0
        and index.step == 1
    )


def _unique_names(frame: pd.DataFrame, file_format: str) -> list[str]:
    if file_format == "xml":  # element names allow few characters
        return [f"c{number}" for number in range(frame.shape[1])]
    names: list[str] = []
    seen: set[str] = set()
    for column in frame.columns:
        parts = column if isinstance(column, tuple) else (column,)
        name = "_".join(str(part) for part in parts)
        while name in seen:
            name += "_"
        seen.add(name)
        names.append(name)
    return names


def _write(frame: pd.DataFrame, path: str | Path, file_format: str, options: Any) -> None:
    target = str(path)
    if file_format == "parquet":
        frame.to_parquet(target, **options)
    elif file_format == "h5":
        frame.to_hdf(target, **{"key": "frame", "mode": "w", **options})
    elif file_format == "csv":
        frame.to_csv(target, **{"index": False, **options})
    elif file_format == "xml":
        frame.to_xml(target, **{"index": False, **options})
    elif file_format == "xlsx":
        frame.to_excel(target, **{"index": False, **options})
    elif file_format == "html":
        frame.to_html(target, **{"index": False, **options})
    elif file_format == "json":
        frame.to_json(target, **{"orient": "records", "double_precision": 15, **options})
    elif file_format == "feather":
        frame.to_feather(target, **options)
    else:
        frame.to_orc(target, **options)


def read_table(
    path: str | Path,
    file_format: str,
    unflatten_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Read a table file.

    Args:
        path: The file.
        file_format: One of `TABLE_FORMATS`.
        unflatten_kwargs: What `write_table` returned, to get exactly the same frame.
        options: Further arguments of pandas' reader.

    Raises:
        InvalidArgumentError: if the file is not such a table.
        MissingDependencyError: if the format needs a package that is not installed.
    """
    _check_format(file_format)
    try:
        frame = _read(path, file_format, options)
    except (*_BROKEN, pd.errors.ParserError) as exc:
        raise InvalidArgumentError(f"it cannot be read as {file_format}: {exc}") from exc
    return _unflatten(frame, unflatten_kwargs) if unflatten_kwargs else frame


def _read(path: str | Path, file_format: str, options: Any) -> pd.DataFrame:
    source = str(path)
    found: Any
    if file_format == "parquet":
        found = pd.read_parquet(source, **options)
    elif file_format == "h5":
        found = pd.read_hdf(source, **options)
    elif file_format == "csv":
        found = _read_csv(source, options)
    elif file_format == "xml":
        found = pd.read_xml(source, **options)
    elif file_format == "xlsx":
        found = pd.read_excel(source, **options)
    elif file_format == "html":
        found = pd.read_html(io.StringIO(Path(path).read_text(encoding="utf-8")), **options)[0]
    elif file_format == "json":
        found = pd.read_json(source, **{"orient": "records", **options})
    elif file_format == "feather":
        found = pd.read_feather(source, **options)
    else:
        found = pd.read_orc(source, **options)
    if not isinstance(found, pd.DataFrame):
        raise ValueError(f"it holds a {type(found).__name__}")
    return found


def _read_csv(source: str, options: Any) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = pd.read_csv(source, **options)
    except pd.errors.EmptyDataError:  # a frame without columns is an empty file
        frame = pd.DataFrame()
    return frame


def _unflatten(frame: pd.DataFrame, kept: Mapping[str, Any]) -> pd.DataFrame:
    columns = [tuple(name) if isinstance(name, list) else name for name in kept["columns"]]
    column_levels, index_levels = kept["columns_levels"], kept["index_levels"]
    if frame.empty and not len(frame.columns):  # json has no column names without rows
        frame = pd.DataFrame(columns=range(len(columns)))
    extra = frame.shape[1] - len(columns)
    if extra not in (0, len(index_levels)):
        raise InvalidArgumentError(
            f"the table has {frame.shape[1]} columns, {len(columns)} were logged"
        )
    if extra:
        frame = frame.set_index(list(frame.columns[:extra]))
    if len(index_levels) == frame.index.nlevels:
        frame.index = frame.index.set_names([_name(level) for level in index_levels])
    names = [_name(level) for level in column_levels]
    if len(names) > 1:
        frame.columns = pd.MultiIndex.from_tuples(columns, names=names)
    else:
        frame.columns = pd.Index(columns, name=names[0], tupleize_cols=False)
    return frame


def _name(level: Any) -> Any:
    if isinstance(level, float) and math.isnan(level):
        return None
    return tuple(level) if isinstance(level, list) else level
