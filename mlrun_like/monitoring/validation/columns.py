"""Any data as chunks of named columns; one chunk is in memory at a time.

A column whose values have no common type is given as text, with the kind of each value beside it.
Names that occur twice get a number, so that both columns can be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError, SchemaError
from mlrun_like.serving.batch.sources import open_source

__all__ = ["CHUNK", "Chunk", "Data", "kind_of", "open_data"]

CHUNK = 65_536
"""Rows in memory at once."""
_BUFFER = 1 << 18
"""Bytes that are read of a column at once, where its part of the file is larger."""

_KINDS: Sequence[tuple[Callable[[Any], bool], str]] = (
    (pa.types.is_null, "empty"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_decimal, "number"),
    (pa.types.is_string, "text"),
    (pa.types.is_large_string, "text"),
    (pa.types.is_timestamp, "datetime"),
    (pa.types.is_date, "datetime"),
    (pa.types.is_binary, "bytes"),
    (pa.types.is_large_binary, "bytes"),
    (pa.types.is_fixed_size_binary, "bytes"),
    (pa.types.is_list, "list"),
    (pa.types.is_large_list, "list"),
    (pa.types.is_fixed_size_list, "list"),
    (pa.types.is_struct, "object"),
    (pa.types.is_map, "object"),
)
_PYTHON = (
    (bool, "boolean"), (int, "integer"), (float, "number"), (str, "text"), (bytes, "bytes"),
    ((list, tuple, set), "list"), (dict, "object"),
)  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """Some rows.

    Args:
        rows: How many.
        columns: The values by column, as Arrow arrays of one piece.
        mixed: The kind of each value of columns without a common type; None: missing.
    """

    rows: int
    columns: Mapping[str, Any]
    mixed: Mapping[str, list[str | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Data:
    """Rows to come.

    Args:
        names: The columns; twice the same name has a number.
        chunks: Gives the rows, as often as wanted.
        name: What reports call it.
        doubled: Names that occur more than once.
        total: Number of rows, if known before.
        typed: Whether the types are the data's own; those of a CSV file are guessed.
    """

    names: tuple[str, ...]
    chunks: Callable[[], Iterator[Chunk]]
    name: str = "data"
    doubled: tuple[str, ...] = ()
    total: int | None = None
    typed: bool = True


def kind_of(kind: Any) -> str:
    """The name that schemas have for an Arrow type.

    >>> kind_of(pa.int8()), kind_of(pa.dictionary(pa.int8(), pa.string()))
    ('integer', 'text')
    """
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    return next((name for holds, name in _KINDS if holds(kind)), "other")


def open_data(data: Any, name: str = "") -> Data:
    """What `data` holds.

    Args:
        data: A DataFrame, an Arrow table, a list of dictionaries, a path or URL of a Parquet, CSV
            or JSON-lines file (or a Parquet folder), a `store://` URI, a DataItem or a feature set.
        name: What reports call it; by default the file's name.

    Raises:
        InvalidArgumentError: if it is something else, or the file cannot be read.
        MissingFileError: if there is no such file.

    >>> open_data(pd.DataFrame({"a": [1, 2]})).names
    ('a',)
    """
    if isinstance(data, Data):
        return data
    if isinstance(data, pd.DataFrame):
        return _frame(data, name or "DataFrame")
    if isinstance(data, (pa.Table, pa.RecordBatch)):
        table = data if isinstance(data, pa.Table) else pa.Table.from_batches([data])
        return _table(table, name or "Arrow table")
    if isinstance(data, (list, tuple)):
        return _frame(pd.DataFrame([_record(row) for row in data]), name or "rows")
    if isinstance(data, pd.Series):
        return _frame(data.to_frame(), name or "Series")
    if callable(getattr(data, "get_target_path", None)):  # a feature set
        path = data.get_target_path()
        if not path:
            raise InvalidArgumentError(
                f"feature set {data.metadata.name!r} has no offline target that could be read",
                fix="ingest with a Parquet or CSV target first",
            )
        return _file(get_dataitem(path), name or str(data.metadata.name))
    if isinstance(data, DataItem):
        return _file(data, name)
    if isinstance(data, (str, Path)):
        return _file(get_dataitem(data), name)
    raise InvalidArgumentError(
        f"a {type(data).__name__} is no data that could be validated",
        fix="give a DataFrame, an Arrow table, or the path of a .parquet, .csv or .jsonl file",
    )


def _record(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise InvalidArgumentError(
            f"a row is a {type(row).__name__}, not a dictionary: {row!r:.80}",
            fix="give dictionaries of column and value",
        )
    return row


def _unique(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    taken: dict[str, int] = {}
    found = []
    known = set(names)
    for name in names:
        taken[name] = number = taken.get(name, 0) + 1
        new = name
        while number > 1 and new in known:
            new = f"{name} ({number})"
            number += 1
        known.add(new)
        found.append(new)
    return tuple(found), tuple(name for name, times in taken.items() if times > 1)


def _frame(frame: pd.DataFrame, name: str) -> Data:
    names, doubled = _unique([_text(column) for column in frame.columns])

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(frame), CHUNK):
            part = frame.iloc[start : start + CHUNK]
            yield _chunk(names, [part.iloc[:, at] for at in range(part.shape[1])], len(part))

    return Data(names, chunks, name, doubled, len(frame))


def _text(column: Any) -> str:
    return "_".join(map(str, column)) if isinstance(column, tuple) else str(column)


def _table(table: pa.Table, name: str) -> Data:
    names, doubled = _unique(table.schema.names)

    def chunks() -> Iterator[Chunk]:
        for start in range(0, table.num_rows, CHUNK):
            yield _arrow_chunk(names, table.slice(start, CHUNK))

    return Data(names, chunks, name, doubled, table.num_rows)


def _arrow_chunk(names: Sequence[str], part: pa.Table) -> Chunk:
    values = [_one(column) for column in part.columns]
    return Chunk(part.num_rows, dict(zip(names, values, strict=True)))


def _one(column: Any) -> Any:
    found = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(found, pa.ChunkedArray):
        found = found.chunk(0) if found.num_chunks else pa.array([], found.type)
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found


def _chunk(names: Sequence[str], series: Sequence[Any], rows: int) -> Chunk:
    columns: dict[str, Any] = {}
    mixed: dict[str, list[str | None]] = {}
    for name, values in zip(names, series, strict=True):
        try:
            columns[name] = _one(pa.array(values, from_pandas=True))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            given = list(values)
            mixed[name] = kinds = [_python_kind(value) for value in given]
            columns[name] = pa.array(
                [None if k is None else str(v)[:1000] for v, k in zip(given, kinds, strict=True)],
                pa.string(),
            )
    return Chunk(rows, columns, mixed)


def _python_kind(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    return next((name for kind, name in _PYTHON if isinstance(value, kind)), "other")


def _file(item: DataItem, name: str) -> Data:
    path = item.local()
    shown = name or Path(item.url).name
    if Path(path).is_file() and not Path(path).stat().st_size:
        raise SchemaError(
            "the file is empty: it has no bytes at all",
            where=item.url,
            fix="write it again; a data set without rows still names its columns",
        )
    source = open_source(path)
    total = source.total
    if source.columns is None:  # JSON lines: the columns are those of all rows
        keys: dict[str, None] = {}
        for rows in _guarded(lambda: source.chunks(CHUNK), item.url):
            for body in rows.bodies:
                keys |= dict.fromkeys(map(str, _record(body)))
        names, doubled = _unique(list(keys))
    else:
        names, doubled = _unique(_file_names(path, source.columns))

    def parts() -> Iterator[Any]:
        # read by Arrow itself, and not ahead: through a Python file, or with what was read ahead
        # and is kept to the end, memory grows with the file
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
            yield from file.iter_batches(CHUNK, use_threads=False)

    def chunks() -> Iterator[Chunk]:
        if _is_parquet(path):
            yield from (_arrow_chunk(names, part) for part in _guarded(parts, item.url))
            return
        for rows in _guarded(lambda: source.chunks(CHUNK), item.url):
            if rows.table is None:
                series = [[_record(body).get(key) for body in rows.bodies] for key in names]
                yield _chunk(names, series, len(rows.bodies))
            else:
                yield _arrow_chunk(names, rows.table)

    return Data(names, chunks, shown, doubled, total, typed=not path.lower().endswith(".csv"))


def _is_parquet(path: str) -> bool:
    return path.lower().endswith((".parquet", ".pq")) and Path(path).is_file()


def _file_names(path: str, columns: Sequence[str]) -> Sequence[str]:
    """All names of a CSV file: the source names each only once."""
    if not path.lower().endswith(".csv") or not columns:
        return columns
    for rows in open_source(path).chunks(1):
        return list(rows.table.schema.names) if rows.table is not None else columns
    return columns


def _guarded(chunks: Callable[[], Iterator[Any]], where: str) -> Iterator[Any]:
    try:
        yield from chunks()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as exc:
        raise SchemaError(
            f"the data cannot be read to its end: {str(exc)[:300]}",
            where=where,
            fix="write the file again; it is broken or was written only in part",
        ) from exc
