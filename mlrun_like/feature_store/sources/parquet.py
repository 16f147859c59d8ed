"""ParquetSource: files, folders and partitions; what the filters rule out is not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.sources.arrow import to_frame
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position
from mlrun_like.feature_store.sources.files import File, Progress, files_of
from mlrun_like.feature_store.sources.filters import check_filters
from mlrun_like.feature_store.sources.parquet_schema import Part, part_of, together
from mlrun_like.feature_store.sources.rechunking import tables_of
from mlrun_like.feature_store.sources.times import TimeRange, to_micros
from mlrun_like.registry import require, resolve

__all__ = ["ParquetSource"]

_UNITS = ("year", "month", "day", "hour", "minute")
_ZONES = 15 * 3600 * 1_000_000
"""How far a partition of local times can be from UTC, in microseconds."""


class ParquetSource(Source):
    """Parquet files; `key=value` folders become columns.

    Row groups whose statistics, and folders whose values, rule out the time range or the filters
    are not read. Files that come later are read by the next reader, wherever their names sort.

    Args:
        name: Its name.
        path: A file, folder, pattern or URL.
        attributes: `reader_args={"columns": [...]}`: only these columns.
        key_field: The column, or columns, of the entity.
        time_field: The column of the event time.
        schedule: When to ingest again, as cron.
        start_time: Only rows after this time.
        end_time: Only rows up to this time.
        additional_filters: `(column, operator, value)` triples that must all hold.
    """

    kind: ClassVar[str] = "parquet"

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        path: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        key_field: str | Sequence[str] | None = None,
        time_field: str | None = None,
        schedule: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
        additional_filters: Sequence[Any] | None = None,
    ) -> None:
        given = dict(attributes or {})
        if additional_filters:
            given["additional_filters"] = [list(one) for one in check_filters(additional_filters)]
        super().__init__(name, path, given, key_field, time_field, schedule, start_time, end_time)

    def files(self) -> list[File]:
        """The files, in the order of their names."""
        if not self.path:
            raise InvalidArgumentError("a ParquetSource needs a path", fix='path="a.parquet"')
        return files_of(self.path, ".parquet", ".pq")

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        progress = Progress(position.get("files", ""), self.describe())
        nullable = set(position.get("nullable", []))
        files = [file for file in self.files() if not progress.is_done(file.name, file.size)]
        try:
            parts = [part_of(file) for file in files if self._may_hold(file)]
            schema = together(parts)
            nullable.update(*(part.nullable(schema) for part in parts))
            wanted = self._wanted(schema)
            for part in parts:
                progress.check(part.file, part.rows)
                done = progress.rows(part.file.name)
                for table, done_now in self._tables(part, size, done):
                    placed = part.placed(table, wanted)
                    progress.read(part.file.name, done_now, part.file.size)
                    at = {"files": str(progress), "nullable": sorted(nullable)}
                    place = write_position(self.kind, **at)
                    yield SourceChunk(to_frame(placed, nullable), place, table.num_rows)
                progress.read(part.file.name, part.rows, part.file.size, complete=True)
        finally:
            for file in files:
                file.item.remove_local()

    def _wanted(self, schema: pa.Schema) -> pa.Schema:
        names = (self.attributes.get("reader_args") or {}).get("columns")
        if not names:
            return schema
        needed = [*names, *(column for column, _, _ in self.additional_filters)]
        if self.time_range and self.time_field:
            needed.append(self.time_field)
        known = set(schema.names)
        for name in needed:
            if name not in known:
                raise InvalidArgumentError(
                    f"there is no column {name!r}",
                    where=self.describe(),
                    fix=f"columns: {', '.join(schema.names[:20])}",
                )
        return pa.schema([schema.field(name) for name in dict.fromkeys(needed)])

    def _tables(self, part: Part, size: int, done: int) -> Iterator[tuple[pa.Table, int]]:
        """The rows of a file behind the first `done`, and how many are done then."""
        begin = 0
        names = [n for n in part.schema.names if n in self._wanted(part.schema).names]
        span, filters = self.time_range, self.additional_filters
        with part.open() as opened:
            for number in range(opened.num_row_groups):
                group = opened.metadata.row_group(number)
                end = begin + group.num_rows
                if end > done and part.may_pass(group, self.time_field, span, filters):
                    batches = opened.iter_batches(
                        min(size, 65_536), row_groups=[number], columns=names
                    )
                    at = max(begin, done)
                    for table in tables_of(part.read(batches), size, at - begin):
                        at += table.num_rows
                        yield table, at
                begin = end

    def _may_hold(self, file: File) -> bool:
        """Whether the values in a file's path allow rows that pass."""
        values = file.partitions
        span = self.time_range
        if span and not _time_of(values, span):
            return False
        return all(
            column not in values or _passes(values[column], word, value)
            for column, word, value in self.additional_filters
        )

    def _spark_frame(self, session: Any) -> Any:
        """Read by the executors, where Spark knows the place; filtered there too."""
        del session  # the one that is active is used
        read = resolve("mlrun_like.artifacts.spark_reading:read_frame")
        narrow = resolve("mlrun_like.feature_store.sources.clusters:narrowed")
        return narrow(read(get_dataitem(self.path or "")), self)

    def to_dask(self) -> Any:
        """The rows as a Dask frame: a partition for each file, read by the workers."""
        dask = require("dask.dataframe", feature="a source as a Dask frame", extra="dask")
        kept = [file for file in self.files() if self._may_hold(file)]
        if len(kept) < 2 or not all(map(_is_local, kept)):
            return dask.from_pandas(self.to_dataframe(), npartitions=4)
        schema = self._wanted(together([part_of(file) for file in kept]))
        empty = to_frame(schema.empty_table(), schema.names)
        return dask.from_map(self._one, kept, meta=empty, args=[schema])

    def _one(self, file: File, schema: pa.Schema) -> pd.DataFrame:
        """The rows of one file, filtered."""
        part = part_of(file)
        found = [to_frame(schema.empty_table(), schema.names)]
        for table, _ in self._tables(part, 1_000_000, 0):
            found.append(self._narrow(to_frame(part.placed(table, schema), schema.names)))
        return found[-1] if len(found) == 2 else pd.concat(found)


def _is_local(file: File) -> bool:
    store = file.item.store
    return store.local_path(store.split(file.item.url)) is not None


def _passes(value: str | None, word: str, wanted: Any) -> bool:
    """Whether a partition's value can pass a filter; when in doubt it can."""
    if word in ("=", "=="):
        return str(wanted) == value
    if word == "in":
        return any(str(one) == value or (one is None and value is None) for one in wanted)
    return True


def _time_of(values: Mapping[str, str | None], span: TimeRange) -> bool:
    """Whether folders of year, month, ... can hold times of a range."""
    units = [unit for unit in _UNITS if unit in values]
    if not units or units != list(_UNITS[: len(units)]):
        return True
    try:
        numbers = [int(values[unit] or "") for unit in units]
        low = datetime(*[*numbers, 1, 1][: max(3, len(numbers))], tzinfo=timezone.utc)  # type: ignore[misc, arg-type]
    except (ValueError, TypeError):
        return True
    steps = {1: 366 * 24 * 60, 2: 31 * 24 * 60, 3: 24 * 60, 4: 60, 5: 1}
    high = low + timedelta(minutes=steps[len(numbers)])
    return span.overlaps(to_micros(low) - _ZONES, to_micros(high) + _ZONES)
