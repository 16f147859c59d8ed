"""What a table is like: schema, preview rows, statistics. Loads pandas; imported on first use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api import types

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.artifact import ArtifactDoc

__all__ = [
    "column_name",
    "describe",
    "describe_parquet",
    "model_schema",
    "plain",
    "statistics",
    "value_type",
]

BINS = 20
MAX_STAT_ROWS = 10_000
MAX_STAT_COLUMNS = 100
_CELL = 1024


def describe(
    doc: ArtifactDoc,
    frame: pd.DataFrame,
    *,
    rows: int | None = None,
    stats: bool | None = None,
    unlimited: bool = False,
) -> None:
    """Fill in a data set's length, schema, header, preview and, if it is small, statistics."""
    if rows is not None and (isinstance(rows, bool) or rows < 0):
        raise InvalidArgumentError(f"preview {rows!r} must be a number of rows, 0 or more")
    limit = config.preview_rows if rows is None else rows
    spec = doc.spec
    spec.length = len(frame)
    head = frame if unlimited else frame.head(limit)
    columns = _with_index(head)
    doc.status["header_original_length"] = len(columns)
    if not unlimited:
        columns = columns[: config.preview_columns]
    spec.header = [name for name, _ in columns]
    values = [[plain(value) for value in series] for _, series in columns]
    spec.preview = [list(row) for row in zip(*values, strict=True)] if values else []
    spec.schema_ = {
        "fields": [{"name": name, "type": _schema_type(series)} for name, series in columns],
        "primaryKey": [columns[0][0]] if columns else [],
        "pandas_version": pd.__version__,
    }
    small = len(frame) < MAX_STAT_ROWS and frame.shape[1] < MAX_STAT_COLUMNS
    if stats or (stats is None and (small or unlimited)):
        spec.stats = statistics(frame)


def describe_parquet(doc: ArtifactDoc, path: str, *, rows: int | None = None) -> None:
    """The same of a Parquet file, of which the first rows are read; large ones have no statistics.

    A file that is no Parquet is recorded as it is, without a preview.
    """
    try:
        file = pq.ParquetFile(path)
        head = next(file.iter_batches(MAX_STAT_ROWS), None)
        frame = file.schema_arrow.empty_table().to_pandas() if head is None else head.to_pandas()
    except (pa.ArrowException, OSError, ValueError):
        return
    length = file.metadata.num_rows
    describe(doc, frame, rows=rows, stats=None if length < MAX_STAT_ROWS else False)
    doc.spec.length = length


def _with_index(frame: pd.DataFrame) -> list[tuple[str, Any]]:
    """All columns with their names as text, the levels of the index first."""
    levels = [frame.index.get_level_values(n) for n in range(frame.index.nlevels)]
    named = [str(level.name) if level.name is not None else "" for level in levels]
    if named == [""]:
        named = ["index"]
    taken = [column_name(name) for name in frame.columns]
    own = [name or f"level_{n}" for n, name in enumerate(named)]
    columns: list[tuple[str, Any]] = [
        (n, level) for n, level in zip(own, levels, strict=True) if n not in taken
    ]
    columns += [(name, frame.iloc[:, n]) for n, name in enumerate(taken)]
    return list(
        zip(_distinct([name for name, _ in columns]), [part for _, part in columns], strict=True)
    )


def column_name(name: Any) -> str:
    """A column's name as text; the levels of a MultiIndex joined by dots."""
    if isinstance(name, tuple):
        return ".".join(str(part) for part in name if str(part))
    return str(name)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names with `.1`, `.2` added to repeated ones."""
    seen: set[str] = set()
    found = []
    for name in names:
        text, count = name, 0
        while text in seen:
            count += 1
            text = f"{name}.{count}"
        seen.add(text)
        found.append(text)
    return found


def _schema_type(series: Any) -> str:
    """The type's name in the table schema standard."""
    dtype = series.dtype
    for name, check in (
        ("boolean", types.is_bool_dtype),
        ("integer", types.is_integer_dtype),
        ("number", types.is_numeric_dtype),
        ("datetime", types.is_datetime64_any_dtype),
        ("duration", types.is_timedelta64_dtype),
    ):
        if check(dtype):
            return name
    return "any" if isinstance(dtype, pd.CategoricalDtype) else "string"


def value_type(series: Any) -> str:
    """The type's name in a model's inputs and outputs."""
    names = {"boolean": "bool", "integer": "int", "number": "float", "duration": "timedelta"}
    found = _schema_type(series)
    return names.get(found, "datetime" if found == "datetime" else "str")


def model_schema(
    frame: pd.DataFrame, labels: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Inputs and outputs of a model trained on this table."""
    absent = [label for label in labels if label not in list(frame.columns)]
    if absent:
        raise InvalidArgumentError(
            f"label column {', '.join(map(repr, absent))} is not in the training set",
            fix=f"columns: {', '.join(map(str, list(frame.columns)[:20]))}",
        )
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    for n, name in enumerate(frame.columns):
        feature = {"name": column_name(name), "value_type": value_type(frame.iloc[:, n])}
        (outputs if name in labels else inputs).append(feature)
    return inputs, outputs


def statistics(frame: pd.DataFrame, bins: int | None = None) -> dict[str, Any]:
    """pandas' `describe` of each column, and a histogram of (20) bins of each numeric one.

    >>> statistics(pd.DataFrame({"x": [1, 2, 3]}))["x"]["mean"]
    2.0
    """
    names = _distinct([column_name(name) for name in frame.columns])
    # columns with infinities or huge numbers are described as well as they can be
    with np.errstate(all="ignore"):
        return {name: _column_stats(frame.iloc[:, n], bins or BINS) for n, name in enumerate(names)}


def _column_stats(series: pd.Series[Any], bins: int) -> dict[str, Any]:
    present = series.dropna()
    if types.is_complex_dtype(series.dtype):
        return {"count": len(present)}
    try:
        found = series.describe()
        stats = {str(name): plain(value) for name, value in found.items()}
    except (TypeError, ValueError):
        # cells such as lists and dicts cannot be hashed, so there is no `unique`
        stats = {"count": len(present)}
    if types.is_numeric_dtype(series.dtype) and not types.is_bool_dtype(series.dtype):
        stats |= _histogram(present, bins)
    elif types.is_bool_dtype(series.dtype):
        stats |= _histogram(present.astype("int64"), bins)
    return {name: value for name, value in stats.items() if value is not None or name != "top"}


def _histogram(values: pd.Series[Any], bins: int) -> dict[str, Any]:
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return {}
    try:
        counts, edges = np.histogram(numbers, bins=bins)
    except ValueError:
        # the range is too wide, or too narrow, for so many distinct bins of doubles
        return {}
    return {"hist": [counts.tolist(), edges.tolist()]}


def plain(value: Any) -> Any:
    """A cell as JSON: missing and not finite are None, times ISO text, long text cut."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return str(value) if len(value) <= _CELL else value[:_CELL] + "..."
    if isinstance(value, np.generic):
        inner = value.item()
        return str(value) if isinstance(inner, np.generic) else plain(inner)
    if value is pd.NaT or value is pd.NA:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return plain(bytes(value[:_CELL]).decode("utf-8", "replace"))
    text = str(value)
    return text if len(text) <= _CELL else text[:_CELL] + "..."
