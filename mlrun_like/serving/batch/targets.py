"""Answers into one file that is complete or not there: Parquet, CSV or JSON lines."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import new_uid
from mlrun_like.serving.codec import encode

__all__ = ["ERROR", "Target", "answer_columns"]

ERROR = "error"
"""The column with what went wrong in a row."""

_KINDS = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip


def answer_columns(answers: Sequence[Any], name: str) -> dict[str, list[Any]]:
    """Answers as columns: those of dictionaries by key, others as one column of this name.

    >>> answer_columns([{"a": 1}, None, {"b": 2}], "answer")
    {'a': [1, None, None], 'b': [None, None, 2]}
    >>> answer_columns([1, None], "answer"), answer_columns([None], "answer")
    ({'answer': [1, None]}, {})
    """
    plain = [answer for answer in answers if answer is not None]
    if not all(isinstance(answer, Mapping) for answer in plain):
        return {name: list(answers)}
    keys = dict.fromkeys(str(key) for answer in plain for key in answer)
    named = [
        {} if answer is None else {str(key): value for key, value in answer.items()}
        for answer in answers
    ]
    return {key: [row.get(key) for row in named] for key in keys}


class Target:
    """A file that appears when `finish` is called; until then rows are kept beside it.

    Columns that only later rows have are empty before; whole numbers and fractions become
    fractions; other types of one column that do not agree become text (JSON).

    Args:
        url: A path or URL ending with .parquet, .csv or .jsonl.

    Raises:
        InvalidArgumentError: if the ending is another one, or the folder cannot be used.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._system, self._path = fsspec.core.url_to_fs(url)
        self._kind = _KINDS.get(Path(self._path).suffix.lower(), "")
        if not self._kind:
            raise InvalidArgumentError(
                f"{url!r:.200} is no file for rows", fix="use .parquet, .csv or .jsonl"
            )
        self._local = "file" in self._system.protocol or "local" in self._system.protocol
        parent = Path(self._path).parent if self._local else None
        try:
            if parent is not None:
                parent.mkdir(parents=True, exist_ok=True)
            name = f".{Path(self._path).name}.unfinished-{new_uid()}-"
            self._folder = Path(tempfile.mkdtemp(prefix=name, dir=parent))
        except OSError as exc:
            raise InvalidArgumentError(f"the target cannot be written: {exc}", where=url) from exc
        self._parts: list[tuple[Path, pa.Schema]] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, columns: Mapping[str, Sequence[Any] | pa.ChunkedArray]) -> None:
        """Add rows."""
        if self._kind == "jsonl":
            self._write_lines(columns)
            return
        table = pa.table({name: _array(values) for name, values in columns.items()})
        schema = table.schema.remove_metadata()
        if self._writer is None or not schema.equals(self._parts[-1][1]):
            fitted = _fitted(table, self._parts[-1][1]) if self._parts else None
            if fitted is None:
                self._end_part()
                path = self._folder / f"{len(self._parts)}.parquet"
                self._parts.append((path, schema))
                self._writer = pq.ParquetWriter(path, schema)
            else:
                table = fitted
        assert self._writer is not None
        self._writer.write_table(table.cast(self._parts[-1][1]))

    def finish(self) -> None:
        """Put the file in its place, all at once."""
        self._end_part()
        done = self._folder / "done"
        if self._kind == "jsonl":
            done.touch()
        elif self._kind == "parquet" and len(self._parts) == 1 and not _has_null(self._parts[0][1]):
            os.replace(self._parts[0][0], done)
        else:
            self._convert(done)
        if self._local:
            os.replace(done, self._path)
        else:
            self._system.put_file(str(done), self._path)
        self.drop()

    def drop(self) -> None:
        """Remove what is not finished; harmless after `finish`."""
        with contextlib.suppress(OSError, pa.ArrowException):
            self._end_part()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_part(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _convert(self, done: Path) -> None:
        schema = _common([schema for _, schema in self._parts])
        if self._kind == "parquet":
            with pq.ParquetWriter(done, schema) as writer:
                for table in self._tables(schema):
                    writer.write_table(table)
            return
        with open(done, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(schema.names)
            for table in self._tables(schema):
                for row in table.to_pylist():
                    writer.writerow([_cell(row[name]) for name in schema.names])

    def _write_lines(self, columns: Mapping[str, Any]) -> None:
        listed = [v.to_pylist() if hasattr(v, "to_pylist") else v for v in columns.values()]
        with open(self._folder / "done", "ab") as stream:
            for row in zip(*listed, strict=True):
                stream.write(_line(dict(zip(columns, row, strict=True))))

    def _tables(self, schema: pa.Schema) -> Iterator[pa.Table]:
        for path, _ in self._parts:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(10_000):
                    yield _conformed(pa.Table.from_batches([batch]), schema)


def _array(values: Any) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return encode(value).decode()
    except TypeError:
        return str(value)


def _line(row: dict[str, Any]) -> bytes:
    try:
        return encode(row) + b"\n"
    except TypeError:
        return encode({name: _text(value) for name, value in row.items()}) + b"\n"


def _cell(value: Any) -> Any:
    return _text(value) if isinstance(value, (dict, list, bool)) else value


def _has_null(schema: pa.Schema) -> bool:
    return any(pa.types.is_null(kind) for kind in schema.types)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table | None:
    """The table in this schema, if nothing is lost: empty columns take any type."""
    if table.schema.names != schema.names:
        return None
    for mine, wanted in zip(table.schema.types, schema.types, strict=True):
        if mine != wanted and not pa.types.is_null(mine):
            return None
    return table.cast(schema)


def _common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """One schema for all; types that do not agree are text, as are columns without any value."""
    names = dict.fromkeys(name for schema in schemas for name in schema.names)
    fields = []
    for name in sorted(names, key=lambda name: name == ERROR):
        found = [pa.schema([s.field(name)]) for s in schemas if name in s.names]
        try:
            kind = pa.unify_schemas(found, promote_options="permissive").field(0).type
        except pa.ArrowException:
            kind = pa.string()
        fields.append((name, pa.string() if pa.types.is_null(kind) else kind))
    return pa.schema(fields)


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        if name not in table.schema.names:
            columns.append(pa.nulls(table.num_rows, kind))
            continue
        values = table.column(name)
        try:
            columns.append(values.cast(kind))
        except pa.ArrowException:
            columns.append(pa.array([_text(value) for value in values.to_pylist()], kind))
    return pa.table(columns, schema=schema)
