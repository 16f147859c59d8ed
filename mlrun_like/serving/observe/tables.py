"""Recordings as Parquet: columns to look at, and the record itself; loaded only when needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import SpecError
from mlrun_like.names import new_uid
from mlrun_like.serving.observe.values import dump, load

__all__ = ["read_parquet", "to_parquet"]

_ROWS = 1000
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("time", pa.string()),
        ("path", pa.string()),
        ("method", pa.string()),
        ("status", pa.int32()),
        ("seconds", pa.float64()),
        ("error", pa.string()),
        ("record", pa.binary()),
    ]
)


def to_parquet(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """Write the records of a file next to it, then remove the file."""
    target = path.with_suffix(".parquet")
    fresh = path.with_suffix(f".unfinished-{new_uid()}")
    try:
        with pq.ParquetWriter(fresh, _SCHEMA, compression="zstd") as writer:
            rows: list[dict[str, Any]] = []
            for record in records:
                rows.append(_row(record))
                if len(rows) == _ROWS:
                    writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
                    rows = []
            writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
    path.unlink()
    return target


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {name: record.get(name) for name in _SCHEMA.names[:6]}
    for name in ("id", "time", "path", "method"):
        row[name] = None if row[name] is None else str(row[name])
    row["status"] = row["status"] if isinstance(row["status"], int) else None
    row["seconds"] = row["seconds"] if isinstance(row["seconds"], (int, float)) else None
    error = record.get("error")
    row["error"] = str(error.get("type")) if isinstance(error, dict) else None
    row["record"] = dump(dict(record))
    return row


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """The records that `to_parquet` wrote.

    Raises:
        SpecError: if the file is of another kind.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(_ROWS, columns=["record"]):
                for line in batch.column(0).to_pylist():
                    yield load(line)
    except (pa.ArrowException, ValueError, TypeError, IndexError) as exc:
        raise SpecError(f"{str(path)!r} is not a recording: {exc!s:.200}") from exc
