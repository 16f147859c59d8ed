"""ParquetTarget: writes events to Parquet files, partitioned if wanted."""

from __future__ import annotations

import hashlib
import io
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.targets import BatchTarget
from mlrun_like.serving.steps.targets_columns import TYPES, Columns, parse_columns
from mlrun_like.serving.steps.targets_files import Place
from mlrun_like.serving.steps.windows_time import millis_of

__all__ = ["ParquetTarget", "Partition", "frame_bytes", "parse_partitions"]

_DEFAULT: Sequence[Any] = (("$key", 256), "$year", "$month", "$day", "$hour")
_TIMES: Mapping[str, str] = {
    "$date": "%Y-%m-%d",
    "$year": "%Y",
    "$month": "%m",
    "$day": "%d",
    "$hour": "%H",
    "$minute": "%M",
    "$second": "%S",
}
_ZONE = re.compile(r"(?:[zZ]|[+-]\d\d:?\d\d)$")
_NULL = "__HIVE_DEFAULT_PARTITION__"
_SAFE = " :,.+-_@()[]$&!~;'"


class ParquetTarget(BatchTarget):
    """Writes events to Parquet files and passes them on; a file appears when it is complete.

    Args:
        path: A path or URL: a file that ends in `.parquet` or `.pq`, or a folder.
        index_cols: Columns that become the index of the data frame, in storey's notation (see
            `targets_columns`).
        columns: Columns, in storey's notation, with types if wanted; by default whatever bodies
            hold.
        partition_cols: What the folders below `path` are made of: fields, `$key`, `$date`, `$year`,
            `$month`, `$day`, `$hour`, `$minute`, `$second`, or a pair of one of these and a number
            of buckets, into which it is hashed. By default `("$key", 256)`, year, month, day and
            hour for a folder, and none for a file; `[]`: none.
        time_field: The column that `$year` and so on come from; by default the event's time.
        time_format: How times that are texts are written; ISO 8601 by default.
        infer_columns_from_data: Whether the fields of the first event are the columns.
        max_events: The most events of a partition that are held; ignored for a file.
        flush_after_seconds: How long the first of them waits at most; ignored for a file.
        single_file: Whether each partition is one file `target.parquet`, replaced by each batch,
            instead of a new file for each batch.
        storage_options: Arguments of fsspec's file system.
        update_last_written: Called when the flow ends, with the path and the newest time written.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if an argument is wrong, or a column is both index and partition.
    """

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        path: str,
        index_cols: Any = None,
        columns: Any = None,
        partition_cols: Any = None,
        time_field: str | int | None = None,
        time_format: str | None = None,
        infer_columns_from_data: bool | None = None,
        max_events: int | None = None,
        flush_after_seconds: float | None = None,
        single_file: bool | None = None,
        storage_options: Mapping[str, Any] | None = None,
        update_last_written: Callable[[str, datetime], Any] | None = None,
        **options: Any,
    ) -> None:
        step = type(self).__name__
        self.place = Place(path, storage_options)
        is_file = partition_cols is None and path.endswith((".parquet", ".pq"))
        if partition_cols is None:
            partition_cols = [] if is_file else _DEFAULT
        self.partitions = parse_partitions(partition_cols, step)
        self.path = path
        self._whole = is_file
        self._target = "target.parquet" if single_file and not is_file else ""
        # a file that is replaced by each batch would lose the one before
        alone = is_file or (bool(single_file) and not self.partitions)
        super().__init__(
            None if alone else max_events, None if alone else flush_after_seconds, **options
        )
        index = parse_columns(index_cols, "index_cols", step)
        names = {partition.name for partition in self.partitions}
        both = sorted(names & {column.name for column in index})
        if both:
            raise InvalidArgumentError(
                "The following columns are used both for partitioning and indexing, which is not "
                f"allowed: {both}",
                where=f"step class {step}",
            )
        # what is hashed cannot be read back from the names of folders
        fields = {item.name for item in self.partitions if not (item.of_event or item.buckets)}
        declared = parse_columns(columns, "columns", step)
        self.columns = Columns(declared, bool(infer_columns_from_data), index, fields, step=step)
        self._types = {column.name: column.type for column in (*declared, *index) if column.type}
        self._time_field = time_field if time_field != "" else None
        self._time_format = time_format
        self._callback = update_last_written
        self._newest: datetime | None = None

    def begin(self) -> None:
        self.columns.begin()
        self._newest = None

    def part_of(self, event: Event) -> str:
        moment = self._moment(event)
        if self._callback is not None and (self._newest is None or moment > self._newest):
            self._newest = moment
        return "/".join(
            partition.folder(event, moment, self.columns) for partition in self.partitions
        )

    def _moment(self, event: Event) -> datetime:
        field = self._time_field
        if field is None:
            value = event.time
        elif isinstance(field, int):
            value = event.body[field]
        else:
            value = self.columns.value(event, field)
        if isinstance(value, datetime):
            return value
        found = datetime.fromtimestamp(millis_of(value, self._time_format) / 1000, timezone.utc)
        # a text without a zone stays a time without one, as a datetime does
        return found.replace(tzinfo=None) if _is_zoneless(value, self._time_format) else found

    def entry_of(self, event: Event) -> Any:
        record = self.columns.record(event)
        if not isinstance(record, Mapping):
            raise InvalidTypeError(
                "List data type is only supported when columns is provided or "
                "infer_columns_from_data is True",
                where=f"step {self.name!r}",
            )
        return record

    def write(self, part: str, batch: list[Any]) -> None:
        frame = pd.DataFrame(batch, columns=self.columns.names() or None)
        index = [column.name for column in self.columns.index]
        data = frame_bytes(frame, index, self._types if self.columns.declared else {})
        if self._whole:
            self.place.write(data)
            return
        name = self._target or f"{uuid.uuid4()}.parquet"
        self.place.at(*part.split("/"), name).write(data)

    def finish(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(self.path, self._newest or datetime.min)


def _is_zoneless(value: Any, time_format: str | None) -> bool:
    if not isinstance(value, str):
        return False
    return "%z" not in time_format.lower() if time_format else _ZONE.search(value) is None


class Partition:
    """One level of folders.

    Args:
        source: A field of bodies, `$key`, or a part of the time.
        buckets: Into how many its values are hashed; 0: not at all.
    """

    def __init__(self, source: str, buckets: int = 0) -> None:
        self.of_event = source.startswith("$")
        self.source = source
        self.name = source.lstrip("$")
        self.buckets = buckets
        self.label = f"hash{buckets}_{self.name}" if buckets else self.name

    def folder(self, event: Event, moment: datetime, columns: Columns) -> str:
        """The name of an event's folder."""
        if self.source == "$key":
            value = event.key
        elif self.of_event:
            value = moment.strftime(_TIMES[self.source])
        else:
            value = columns.value(event, self.name)
        if isinstance(value, (list, tuple)):
            value = ".".join(map(str, value))
        if self.buckets:
            digest = hashlib.sha1(str(value).encode("utf-8"), usedforsecurity=False).hexdigest()
            value = int(digest, 16) % self.buckets
        text = _NULL if value is None else quote(str(value), safe=_SAFE) or _NULL
        return f"{quote(self.label, safe=_SAFE)}={text}"


def parse_partitions(partitions: Any, step: str) -> list[Partition]:
    """Partition columns: names, or pairs of a name and a number of buckets.

    Raises:
        InvalidTypeError: if one is something else.
        InvalidArgumentError: if one is no part of an event.

    >>> [item.label for item in parse_partitions([("$key", 64), "$year"], "ParquetTarget")]
    ['hash64_key', 'year']
    """
    if isinstance(partitions, (str, tuple)) and not _is_list(partitions):
        partitions = [partitions]
    made = []
    for item in partitions:
        source, buckets = item if isinstance(item, (tuple, list)) and len(item) == 2 else (item, 0)
        if not isinstance(source, str) or not source or not isinstance(buckets, int) or buckets < 0:
            raise InvalidTypeError(
                f"partition_cols cannot hold {item!r:.80}",
                where=f"step class {step}",
                fix='write a name, such as "$date", or a pair such as ("$key", 64)',
            )
        if source.startswith("$") and source != "$key" and source not in _TIMES:
            raise InvalidArgumentError(
                f"partition_cols cannot hold {source!r:.80}",
                where=f"step class {step}",
                fix=f"use $key, {', '.join(_TIMES)}, or a field",
            )
        made.append(Partition(source, buckets))
    return made


def _is_list(value: Any) -> bool:
    return isinstance(value, tuple) and not (len(value) == 2 and isinstance(value[1], int))


def frame_bytes(
    frame: pd.DataFrame, index: Sequence[str] = (), types: Mapping[str, str] | None = None
) -> bytes:
    """A data frame as a Parquet file, with times in microseconds.

    Args:
        frame: The data.
        index: Columns that become its index.
        types: Types of columns, by name; see `targets_columns.TYPES`.

    Raises:
        InvalidArgumentError: if a value does not fit its column's type.
    """
    for name in frame.columns:
        if (types or {}).get(name) == "datetime":
            frame[name] = pd.to_datetime(frame[name], utc=not _naive(frame[name]))
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.as_unit("us")
        elif str(frame[name].dtype).startswith("datetime64"):
            frame[name] = frame[name].astype("datetime64[us]")
    if index:
        frame = frame.set_index(list(index))
    try:
        schema = pa.Schema.from_pandas(frame, preserve_index=bool(index))
        for name, kind in (types or {}).items():
            place = schema.get_field_index(name)
            if place >= 0:
                schema = schema.set(place, pa.field(name, _arrow(kind)))
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=bool(index))
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError) as exc:
        raise InvalidArgumentError(
            f"events do not fit the columns of a Parquet file: {exc!s:.300}",
            fix="give columns types: columns=[('name', 'str'), ...]",
        ) from exc
    buffer = io.BytesIO()
    pq.write_table(table, buffer, version="2.4")
    return buffer.getvalue()


def _naive(column: pd.Series[Any]) -> bool:
    return not any(getattr(value, "tzinfo", None) is not None for value in column)


def _arrow(kind: str) -> pa.DataType:
    return pa.timestamp("us") if kind == "datetime" else pa.type_for_alias(TYPES[kind])
