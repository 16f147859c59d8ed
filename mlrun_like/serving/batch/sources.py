"""Frames, files and iterables as chunks of rows; one chunk is in memory at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError, MissingFileError, nearest
from mlrun_like.serving.batch.csv_types import BLOCK, FALSE, TRUE, column_types

__all__ = ["Chunk", "Source", "open_source"]

_KINDS = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """Some rows: a table, or (of an iterable) bodies as they are."""

    table: pa.Table | None
    bodies: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.bodies) if self.table is None else int(self.table.num_rows)

    def as_bodies(self, columns: Sequence[str]) -> list[Any]:
        """A dictionary by column for each row, missing values None; or the bodies."""
        if self.table is None:
            return list(self.bodies)
        table = self.table.select(list(columns)) if columns else self.table
        found: list[Any] = table.to_pylist()
        return found

    def as_lists(self, columns: Sequence[str]) -> list[list[Any]]:
        """The values of each row, in the order of the columns.

        Raises:
            InvalidArgumentError: if the rows have no columns, but these are asked for.
        """
        if self.table is None:
            if columns and any(not isinstance(body, dict) for body in self.bodies):
                raise InvalidArgumentError("columns were named, but rows are no dictionaries")
            return [
                [body.get(name) for name in columns or body]
                if isinstance(body, dict)
                else list(body)
                for body in self.bodies
            ]
        table = self.table.select(list(columns)) if columns else self.table
        values = [column.to_pylist() for column in table.columns]
        return [list(row) for row in zip(*values, strict=True)]


@dataclass(frozen=True)
class Source:
    """Rows to come: `columns` is None when they have none, `total` when it is not known."""

    chunks: Callable[[int], Iterator[Chunk]]
    columns: tuple[str, ...] | None
    total: int | None
    index: Any = None

    def check(self, columns: Sequence[str]) -> None:
        """Whether it has these columns.

        Raises:
            InvalidArgumentError: naming the first that it has not.
        """
        for name in columns if self.columns is not None else ():
            if name not in (self.columns or ()):
                raise InvalidArgumentError(
                    f"the source has no column {name!r:.80}.{nearest(name, self.columns or ())}",
                    fix=f"columns: {', '.join(map(str, (self.columns or ())[:20]))}",
                )


def open_source(source: Any) -> Source:
    """What `source` holds.

    Args:
        source: A DataFrame, an Arrow table, the path or URL of a `.parquet`, `.csv` or `.jsonl`
            file (or a folder of Parquet files), or an iterable of bodies.

    Raises:
        InvalidArgumentError: if it is something else, or the file cannot be read.
        MissingFileError: if there is no such file.

    >>> source = open_source([{"x": 1}, {"x": 2}, {"x": 3}])
    >>> [len(chunk) for chunk in source.chunks(2)]
    [2, 1]
    """
    if isinstance(source, pd.DataFrame):
        return _frame(source)
    if isinstance(source, pa.Table):
        return _table(source)
    if isinstance(source, (str, Path)):
        return _file(str(source))
    if isinstance(source, Iterable) and not isinstance(source, (bytes, dict)):
        return _items(source)
    raise InvalidArgumentError(
        f"a {type(source).__name__} is no source of rows",
        fix="give a DataFrame, a .parquet, .csv or .jsonl file, or an iterable of bodies",
    )


def _frame(frame: pd.DataFrame) -> Source:
    columns = tuple(map(str, frame.columns))
    if len(set(columns)) != len(columns):
        raise InvalidArgumentError(f"the frame has two columns of one name: {list(columns)!r:.200}")
    named = frame.set_axis(columns, axis=1)
    try:
        table = pa.Table.from_pandas(named, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError):  # a column of objects without a common type
        records = named.astype(object).where(named.notna(), None).to_dict(orient="records")

        def chunks(size: int) -> Iterator[Chunk]:
            for start in range(0, len(records), size):
                yield Chunk(None, records[start : start + size])

        return Source(chunks, columns, len(frame), frame.index)
    found = _table(table)
    return Source(found.chunks, columns, len(frame), frame.index)


def _table(table: pa.Table) -> Source:
    def chunks(size: int) -> Iterator[Chunk]:
        for start in range(0, table.num_rows, size):
            yield Chunk(table.slice(start, size))

    return Source(chunks, tuple(table.schema.names), table.num_rows)


def _items(items: Iterable[Any]) -> Source:
    def chunks(size: int) -> Iterator[Chunk]:
        rest = iter(items)
        while bodies := list(itertools.islice(rest, size)):
            yield Chunk(None, bodies)

    total = len(items) if isinstance(items, Sequence) else None
    return Source(chunks, None, total)


def _file(url: str) -> Source:
    try:
        system, path = fsspec.core.url_to_fs(url)
        folder = system.isdir(path)
        if not folder and not system.exists(path):
            raise MissingFileError(f"there is no file {url!r}", where=str(Path.cwd()))
    except (ImportError, ValueError) as exc:
        raise InvalidArgumentError(f"{url!r} cannot be opened: {exc}") from exc
    kind = "parquet" if folder else _KINDS.get(Path(path).suffix.lower(), "")
    if not kind:
        raise InvalidArgumentError(
            f"{url!r} is no file of rows", fix="use .parquet, .csv or .jsonl, or a Parquet folder"
        )
    paths = sorted(system.glob(f"{path}/**/*.parquet")) if folder else [path]
    openers = [lambda p=p: system.open(p, "rb") for p in paths]
    return {"parquet": _parquet, "csv": _csv, "jsonl": _jsonl}[kind](openers, url)


def _parquet(openers: Sequence[Callable[[], IO[bytes]]], url: str) -> Source:
    columns: tuple[str, ...] | None = None
    total = 0
    for opened in openers:
        with opened() as stream, _parquet_file(stream, url) as file:
            names = tuple(file.schema_arrow.names)
            if columns is not None and names != columns:
                raise InvalidArgumentError(
                    f"the files have other columns: {list(columns)!r:.100}, {list(names)!r:.100}",
                    where=url,
                )
            columns = names
            total += file.metadata.num_rows
    if columns is None:
        raise InvalidArgumentError(f"{url!r} has no Parquet files")

    def chunks(size: int) -> Iterator[Chunk]:
        for opened in openers:
            with opened() as stream, _parquet_file(stream, url) as file:
                for batch in file.iter_batches(size):
                    yield Chunk(pa.Table.from_batches([batch]))

    return Source(chunks, columns, total)


def _parquet_file(stream: Any, url: str) -> Any:
    try:
        # what is read ahead is kept to the end: memory would grow with the file
        return pq.ParquetFile(stream, pre_buffer=False)
    except pa.ArrowException as exc:
        raise InvalidArgumentError(
            f"the Parquet file cannot be read: {exc!s:.200}", where=url
        ) from exc


def _csv(openers: Sequence[Callable[[], IO[bytes]]], url: str) -> Source:
    (opened,) = openers
    types = column_types(opened, url)

    def chunks(size: int) -> Iterator[Chunk]:
        if not types:
            return
        options = pcsv.ConvertOptions(
            column_types=types, strings_can_be_null=True, null_values=[""],
            true_values=list(TRUE), false_values=list(FALSE),
        )  # fmt: skip
        with opened() as stream:
            blocks = pcsv.open_csv(
                stream, read_options=pcsv.ReadOptions(block_size=BLOCK), convert_options=options
            )
            with blocks:
                for batch in blocks:
                    for start in range(0, batch.num_rows, size):
                        yield Chunk(pa.Table.from_batches([batch.slice(start, size)]))

    return Source(chunks, tuple(types), None)


def _jsonl(openers: Sequence[Callable[[], IO[bytes]]], url: str) -> Source:
    (opened,) = openers

    def chunks(size: int) -> Iterator[Chunk]:
        with opened() as stream:
            lines = ((number, line) for number, line in enumerate(stream, 1) if line.strip())
            while some := list(itertools.islice(lines, size)):
                yield Chunk(None, [_loaded(line, number, url) for number, line in some])

    return Source(chunks, None, None)


def _loaded(line: bytes, number: int, url: str) -> Any:
    try:
        return orjson.loads(line)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"line {number} is not JSON: {exc!s:.100}", where=url, fix="one JSON value per line"
        ) from exc
