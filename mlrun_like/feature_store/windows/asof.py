"""Aggregates as of given moments, from a log of values: what joins of training sets need.

    found = aggregates_at(log, ["user"], "timestamp", aggregators, Moments([users], times_us))
    found["spent_sum_1h"]                              # an array, one value per query

At a moment T a window holds the values with a time not after T whose bucket is in the window around
T's bucket: what an event at T would see if all values had come in order of their times. The order
of the log's rows counts among equal times only. Earlier buckets are added up per key once; a query
adds ranges of them, and the values of its own bucket up to T.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.stats import (
    Columns,
    Floats,
    Ints,
    evaluate,
    join,
    lower_bound,
    of_values,
    ranges,
)
from mlrun_like.feature_store.windows.values import numbers_of
from mlrun_like.serving.steps.aggregate_field import FieldAggregator, aggregators_of
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = ["Moments", "aggregates_at", "micros_of"]

_BLOCK = 500_000
"""Queries that are answered at a time: about 150 bytes each."""


@dataclass(frozen=True)
class Moments:
    """What is asked: a key and a moment each.

    Attributes:
        keys: The entity columns: arrays, series or lists.
        times_us: The moments, in microseconds since 1970 (UTC).
    """

    keys: Sequence[Any]
    times_us: Ints


def micros_of(column: Any, name: str = "time") -> Ints:
    """A column of times in microseconds since 1970; times without a zone are UTC.

    Args:
        column: A pyarrow column of timestamps, dates, or integers (microseconds already).
        name: What it is called, for errors.

    Raises:
        InvalidArgumentError: if it is something else, or a time is missing.

    >>> micros_of(pa.chunked_array([pa.array([5], pa.timestamp("ms"))])).tolist()
    [5000]
    """
    kind = column.type
    if column.null_count:
        raise InvalidArgumentError(f"{column.null_count} rows have no {name!r:.80}")
    if not pa.types.is_integer(kind):
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            raise InvalidArgumentError(
                f"{name!r:.80} is of type {kind}", fix="use a column of timestamps"
            )
        if getattr(kind, "unit", "") == "ns":
            # rounded down, before 1970 as well
            nanos = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
            return np.asarray(np.floor_divide(nanos, 1000), dtype=np.int64)
        column = column.cast(pa.timestamp("us", getattr(kind, "tz", None)))
    return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)


def aggregates_at(
    log: pa.Table,
    key_columns: Sequence[str],
    time_column: str,
    aggregators: Sequence[FieldAggregator | Mapping[str, Any]],
    queries: Moments,
    *,
    aliases: Mapping[str, str] | None = None,
    closed: bool = False,
) -> dict[str, Floats]:
    """The aggregates of each query's key as of its moment.

    Args:
        log: One row per value: key columns, time, and per aggregator a column with its name (what
            went into its windows), or else the column that it aggregates.
        key_columns: Names of the log's key columns, in the order of `queries.keys`.
        time_column: The name of its time.
        aggregators: `FieldAggregator`s, or their form as data.
        queries: Keys and moments.
        aliases: Other names of the results.
        closed: Fixed windows: those that ended last before the moment.

    Returns:
        One array per column: NaN over no values, count 0.

    Raises:
        InvalidArgumentError: if a column is missing or of a type that cannot be used.

    >>> log = pa.table({"k": ["a", "a"], "t": [0, 60_000_000], "n": [1.0, 2.0]})
    >>> row = {"name": "n", "column": "x", "operations": ["sum"], "windows": ["1h"]}
    >>> asked = Moments([["a", "a", "b"]], np.array([59_999_999, 60_000_000, 0]))
    >>> aggregates_at(log, ["k"], "t", [row], asked)["n_sum_1h"].tolist()
    [1.0, 3.0, nan]
    """
    made = aggregators_of(aggregators)
    missing = [name for name in [*key_columns, time_column] if name not in log.column_names]
    if missing or len(key_columns) != len(queries.keys):
        raise InvalidArgumentError(
            f"the log has no column {missing[0]!r:.80}" if missing
            else f"{len(queries.keys)} columns of keys for {list(key_columns)!r:.120}",
            where=f"columns {log.column_names!r:.200}",
        )  # fmt: skip
    times = micros_of(log.column(time_column), time_column)
    moments = np.asarray(queries.times_us, dtype=np.int64)
    codes, asked = _codes(log, key_columns, queries.keys)
    if len(asked) != len(moments):
        raise InvalidArgumentError(f"{len(asked)} keys but {len(moments)} moments are asked for")
    order = _order(codes, times)
    codes, times = codes[order], times[order]
    # queries in the same order: what they read lies together
    turn = _order(asked, moments)
    asked, moments = asked[turn], moments[turn]
    found: dict[str, Floats] = {}
    for aggregator in made:
        layout = aggregator.layout(aliases)
        values = _values(log, aggregator, layout)[order]
        held = values == values
        lines = _Lines(layout, codes[held], times[held], values[held])
        with np.errstate(all="ignore"):
            blocks = [lines.at(asked[part], moments[part], closed) for part in _parts(len(asked))]
        for name in layout.columns():
            column = found[name] = np.empty(len(asked))
            column[turn] = np.concatenate([block[name] for block in blocks])
    return found


def _parts(count: int) -> Iterator[slice]:
    for begin in range(0, max(count, 1), _BLOCK):
        yield slice(begin, begin + _BLOCK)


def _values(log: pa.Table, aggregator: FieldAggregator, layout: Layout) -> Floats:
    name = aggregator.name
    if name not in log.column_names and isinstance(aggregator.field, str):
        name = aggregator.field
    if name not in log.column_names:
        raise InvalidArgumentError(
            f"the log has no column {aggregator.name!r:.80} of values",
            where=f"columns {log.column_names!r:.200}",
        )
    column = log.column(name)
    if pa.types.is_float64(column.type) and not column.null_count:
        return np.asarray(column.to_numpy())
    return numbers_of(column.to_pandas(), aggregator.name, layout.hashes)


def _codes(log: pa.Table, names: Sequence[str], keys: Sequence[Any]) -> tuple[Ints, Ints]:
    """A number per key, for the rows of the log and for the queries."""
    codes: Any = None
    for name, asked in zip(names, keys, strict=True):
        column = log.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        try:
            if not isinstance(asked, (pa.Array, pa.ChunkedArray)):
                asked = pa.array(asked, from_pandas=True)
            asked = asked.cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as exc:
            raise InvalidArgumentError(
                f"the keys of {name!r:.80} that are asked for are no {column.type}: {exc}",
                fix="use the type that the feature set has",
            ) from exc
        chunks = asked.chunks if isinstance(asked, pa.ChunkedArray) else [asked]
        both = pa.chunked_array([*column.chunks, *chunks], column.type)
        encoded = pc.dictionary_encode(both, null_encoding="encode")  # one for all chunks
        parts = [chunk.indices.to_numpy() for chunk in encoded.chunks]
        more = np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)
        if codes is None:
            codes = more
        else:
            pairs = pa.array(codes * (int(more.max(initial=0)) + 1) + more)
            codes = pc.dictionary_encode(pairs).indices.to_numpy().astype(np.int64)
    return codes[: len(log)], codes[len(log) :]


def _order(codes: Ints, times: Ints) -> Ints:
    """Rows by key, by time, and as they stand."""
    if len(times) and (times[1:] < times[:-1]).any():
        return np.lexsort((times, codes))
    small = int(codes.max(initial=0)) < 2**16
    # small integers are sorted in one pass
    return np.argsort(codes.astype(np.uint16) if small else codes, kind="stable")


class _Lines:
    """The values of one feature, sorted by key and time, and their buckets."""

    def __init__(self, layout: Layout, codes: Ints, times: Ints, values: Floats) -> None:
        self.layout = layout
        self.times = np.append(times, 0)
        self.values = values
        self.millis = times / 1000.0
        bucket = np.floor_divide(self.millis, layout.period).astype(np.int64)
        turns = np.ones(len(codes), dtype=bool)
        turns[1:] = (codes[1:] != codes[:-1]) | (bucket[1:] != bucket[:-1])
        self.starts = np.append(np.flatnonzero(turns), len(codes))
        self.bucket = np.append(bucket[turns], 0)
        self.lines = of_values(self.millis, values, layout.needs)
        self.table: Columns = ranges(self.lines, self.starts[:-1], self.starts[1:])
        self.table = {name: np.append(column, 0.0) for name, column in self.table.items()}
        self._count = int(codes[-1]) + 1 if len(codes) else 0
        bounds = np.arange(self._count + 2)
        self._rows = np.searchsorted(codes, bounds)
        self._buckets = np.searchsorted(codes[turns], bounds)

    def at(self, codes: Ints, times: Ints, closed: bool) -> dict[str, Floats]:
        """The aggregates of some queries."""
        layout = self.layout
        index = np.floor_divide(times / 1000.0, layout.period).astype(np.int64)
        codes = np.minimum(codes, self._count)  # one key without values for all such
        begin, end = self._rows[codes], self._rows[codes + 1]
        first, last = self._buckets[codes], self._buckets[codes + 1]
        own = lower_bound(self.bucket, first, last, index)
        # the rows of the moment's own bucket, up to it
        upto = lower_bound(self.times, begin, end, times + 1)
        since = np.minimum(self.starts[own], upto)
        windows = []
        for size in layout.sizes:
            low, high = self._span(size, index, closed)
            rows = lower_bound(self.bucket, first, last, low)
            if closed and layout.fixed:
                windows.append((rows, lower_bound(self.bucket, first, last, high), upto, upto))
            else:
                windows.append((rows, own, since, upto))
        if layout.users:
            return self._slowly(windows)
        return evaluate(
            layout,
            [
                join(ranges(self.table, rows, stop), ranges(self.lines, since, upto))
                for rows, stop, since, upto in windows
            ],
        )

    def _span(self, size: int, index: Ints, closed: bool) -> tuple[Ints, Ints]:
        if not self.layout.fixed:
            return index - size + 1, index + 1
        begin = index - index % size - (size if closed else 0)
        return begin, begin + size

    def _slowly(self, windows: Sequence[tuple[Ints, Ints, Ints, Ints]]) -> dict[str, Floats]:
        # user-defined aggregates: query by query, each bucket and each range of buckets once
        found = {name: np.empty(len(windows[0][0])) for name in self.layout.columns()}
        buckets: dict[int, Bucket] = {}
        known: dict[tuple[int, int], Bucket] = {}
        columns = [[column.tolist() for column in window] for window in windows]
        for place in range(len(windows[0][0])):
            pairs = []
            for rows, stop, since, upto in columns:
                span = (rows[place], stop[place])
                if span not in known:
                    known[span] = self._joined(range(*span), buckets)
                pairs.append((known[span], self._added(since[place], upto[place])))
            for name, function, which in self.layout.outputs:
                found[name][place] = function(*pairs[which])
        return found

    def _joined(self, span: range, buckets: dict[int, Bucket]) -> Bucket:
        total = self.layout.bucket()
        for row in span:
            if row not in buckets:
                buckets[row] = self._added(int(self.starts[row]), int(self.starts[row + 1]))
            total.merge(buckets[row])
        return total

    def _added(self, begin: int, end: int) -> Bucket:
        made = self.layout.bucket()
        part = slice(begin, end)
        for time, value in zip(self.millis[part].tolist(), self.values[part].tolist(), strict=True):
            made.add(time, value)
        return made
