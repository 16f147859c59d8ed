"""Folders of a partitioned target: `hash16_key=3/year=2024/month=05/country=de`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.targets.base import TIME_UNITS

__all__ = ["NULL", "Partitioning", "segments", "span_of", "value_of"]

NULL = "__HIVE_DEFAULT_PARTITION__"
"""How Hive, Spark and Arrow write a missing value in the name of a folder."""

_SAFE = " ,+-_@()[]$&!~;'"
_CODES: Mapping[str, str] = {
    "year": "Y", "month": "M", "day": "D", "hour": "h", "minute": "m", "second": "s",
}  # fmt: skip


def segments(name: str) -> dict[str, str]:
    """The `label=value` folders of a file's path, as they are written.

    >>> segments("year=2024/month=05/a.parquet")
    {'year': '2024', 'month': '05'}
    """
    found = (part.partition("=") for part in name.split("/")[:-1])
    return {unquote(label): value for label, mark, value in found if mark}


def value_of(text: str) -> str | None:
    """The value that the name of a folder stands for."""
    return None if text == NULL else unquote(text)


def _written(label: str, value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        text = NULL
    else:
        plain = str(value)
        text = quote(plain, safe=_SAFE).replace(NULL, "%5F" + NULL[1:])
        if not text or len(text.encode()) > 200:
            raise InvalidArgumentError(
                f"column {label!r:.60} holds {plain[:60]!r}, which cannot be the name of a folder",
                fix="partition by another column, or by key_bucketing_number",
            )
        if text.strip(".") == "":
            text = text.replace(".", "%2E")
    return f"{quote(label, safe=_SAFE)}={text}"


@dataclass(frozen=True)
class Partitioning:
    """What the folders of a target are made of, in this order: key, time, columns.

    Args:
        keys: The columns of the key, if folders depend on it.
        buckets: Into how many it is hashed; 0: not at all.
        time: The column of the event time; empty: folders do not depend on it.
        units: The parts of the time, from `year` to the finest.
        columns: Further columns; they are not in the files but in the names of folders.
    """

    keys: tuple[str, ...] = ()
    buckets: int = 0
    time: str = ""
    units: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.units or self.columns)

    def check(self, schema: pa.Schema) -> None:
        """See that a schema can be partitioned like this.

        Raises:
            InvalidArgumentError: if a column is missing, or has the name of a folder.
        """
        for name in (*self.keys, *filter(None, [self.time]), *self.columns):
            if name not in schema.names:
                raise InvalidArgumentError(
                    f"the target is partitioned by {name!r:.80}, which is no column",
                    fix=f"columns: {', '.join(schema.names[:30])}",
                )
        labels = [*self.units, *([self._key_label()] if self.keys else [])]
        for label in labels:
            if label in schema.names:
                raise InvalidArgumentError(
                    f"column {label!r} has the name of a folder of the partitioned target",
                    fix="rename the column, or write with partitioned=False",
                )
        if self.time and not pa.types.is_timestamp(schema.field(self.time).type):
            raise InvalidArgumentError(
                f"column {self.time!r:.80} is {schema.field(self.time).type}, not a time, and the "
                "target is partitioned by it",
                fix="convert it with pandas.to_datetime",
            )
        if set(self.columns) == set(schema.names):
            raise InvalidArgumentError("all columns are in partition_cols; none is left to store")

    def _key_label(self) -> str:
        return f"hash{self.buckets}_key" if self.buckets else "key"

    def split(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """The rows of each folder, in their order, without the columns of folders."""
        names: list[Sequence[str]] = []
        codes = np.zeros(table.num_rows, dtype=np.int64)
        for found, labels in self._levels(table):
            codes = codes * len(labels) + found
            codes, used = _dense(codes)
            names = [[*earlier, labels[last]] for earlier, last in _decoded(names, used, labels)]
        rest = table.drop_columns(list(self.columns)) if self.columns else table
        if len(names) == 1:
            yield "/".join(names[0]), rest
            return
        small = codes.astype(np.uint16) if len(names) <= 65_536 else codes  # sorted by digits
        order = np.argsort(small, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(names)))
        rest = rest.take(pa.array(order)).combine_chunks()
        start = 0
        for name, end in zip(names, ends.tolist(), strict=True):
            yield "/".join(name), rest.slice(start, end - start)
            start = end

    def _levels(self, table: pa.Table) -> Iterator[tuple[Any, list[str]]]:
        if self.keys:
            yield self._key_level(table)
        if self.units:
            yield from self._time_levels(table)
        for name in self.columns:
            codes, values = _factors(table.column(name))
            yield codes, [_written(name, value) for value in values]

    def _key_level(self, table: pa.Table) -> tuple[Any, list[str]]:
        codes = np.zeros(table.num_rows, dtype=np.int64)
        texts: list[list[str]] = [[]]
        for name in self.keys:
            found, values = _factors(table.column(name))
            codes, used = _dense(codes * len(values) + found)
            texts = [
                [*earlier, str(values[last])] for earlier, last in _decoded(texts, used, values)
            ]
        joined = [".".join(item) for item in texts]
        label = self._key_label()
        if not self.buckets:
            return codes, [_written(label, text) for text in joined]
        hashed = np.array([_bucket(text, self.buckets) for text in joined], dtype=np.int64)
        return hashed[codes], [_written(label, n) for n in range(self.buckets)]

    def _time_levels(self, table: pa.Table) -> Iterator[tuple[Any, list[str]]]:
        column = table.column(self.time)
        seconds = pc.cast(
            pc.floor_temporal(column, unit="second"), pa.timestamp("s", column.type.tz)
        )
        times = seconds.cast(pa.int64()).to_numpy().astype("float64")  # a missing one is NaN
        missing = np.isnan(times)
        moments = np.where(missing, 0, times).astype("int64").astype("datetime64[s]")
        finest = moments.astype(f"datetime64[{_CODES[self.units[-1]]}]")
        codes, values = pd.factorize(np.where(missing, np.datetime64("NaT"), finest),
                                     use_na_sentinel=False)  # fmt: skip
        yield codes, [self._time_folder(value) for value in pd.DatetimeIndex(values)]

    def _time_folder(self, moment: pd.Timestamp) -> str:
        if pd.isna(moment):
            return "/".join(f"{unit}={NULL}" for unit in self.units)
        parts = (getattr(moment, unit) for unit in self.units)
        return "/".join(
            f"{unit}={part:04d}" if unit == "year" else f"{unit}={part:02d}"
            for unit, part in zip(self.units, parts, strict=True)
        )


def _factors(column: pa.ChunkedArray) -> tuple[Any, list[Any]]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.dictionary_encode(null_encoding="encode").combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks) if encoded.num_chunks else encoded
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), [
        value.isoformat() if isinstance(value, datetime) else value
        for value in encoded.dictionary.to_pylist()
    ]


def _dense(codes: Any) -> tuple[Any, Any]:
    found, used = pd.factorize(codes)
    return found.astype(np.int64), used


def _decoded(names: Sequence[Any], used: Any, labels: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    for code in used.tolist():
        yield (names[code // len(labels)] if names else []), code % len(labels)


def _bucket(text: str, buckets: int) -> int:
    digest = hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return int(digest.hexdigest(), 16) % buckets


def span_of(found: Mapping[str, str]) -> tuple[datetime, datetime] | None:
    """From when until before when the rows of a folder are; None: the folder does not say.

    >>> [str(moment) for moment in span_of({"year": "2024", "month": "12"})]
    ['2024-12-01 00:00:00+00:00', '2025-01-01 00:00:00+00:00']
    """
    parts: list[int] = []
    for unit in TIME_UNITS:
        if not found.get(unit, "").isdecimal():
            break
        parts.append(int(found[unit]))
    if not parts:
        return None
    try:
        whole = (*parts, *((1, 1)[len(parts) - 1 :] if len(parts) < 3 else ()), 0, 0, 0)
        year, month, day, hour, minute, second = whole[:6]
        start = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
        if len(parts) == 1:
            return start, start.replace(year=start.year + 1)
        if len(parts) == 2:
            later = start.replace(day=28) + timedelta(days=4)
            return start, later.replace(day=1)
        step = ("days", "hours", "minutes", "seconds")[len(parts) - 3]
        return start, start + timedelta(**{step: 1})
    except (ValueError, OverflowError):
        return None
