"""What was recorded, as data frames; counts and statistics without reading the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mlrun_like.errors import MLRunLikeError
from mlrun_like.monitoring.recording.latency import merge_buckets, quantile
from mlrun_like.monitoring.recording.tables import (
    EVENT_COLUMNS,
    empty_table,
    join_tables,
    once,
    table_of,
    tell_damaged,
)
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EVENT_COLUMNS",
    "EventCounts",
    "count_events",
    "counts_of",
    "events_table",
    "features_of",
    "predictions_of",
    "read_events",
    "read_sketches",
    "read_stats",
]

FEATURE, PREDICTION = "f:", "p:"
"""How columns of features and predictions begin inside batches."""


@dataclass(frozen=True)
class EventCounts:
    """What happened in a span of time, without the rows.

    Args:
        requests: Requests, whether recorded or not.
        rows: Recorded rows.
        errors: Requests that failed.
        dropped: Requests that could not be recorded.
        left_out: Requests without rows: not in the sample, or dropped.
        truncated: Values that were cut off.
        latency: Times of requests in buckets, see `latency.py`.
        error_kinds: Failures by kind.
        first: The first request, in seconds since 1970; None: there was none.
        last: The last request.
    """

    requests: int = 0
    rows: int = 0
    errors: int = 0
    dropped: int = 0
    left_out: int = 0
    truncated: int = 0
    latency: Mapping[str, int] = field(default_factory=dict)
    error_kinds: Mapping[str, int] = field(default_factory=dict)
    first: float | None = None
    last: float | None = None

    @property
    def error_rate(self) -> float:
        """The share of requests that failed; 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0

    def latency_us(self, share: float) -> float:
        """A quantile of the latency in microseconds; NaN without requests."""
        return quantile(self.latency, share)


def read_events(
    project: str,
    endpoint: str,
    start: Any = None,
    end: Any = None,
    columns: Sequence[str] | None = None,
    *,
    every: int = 1,
) -> pd.DataFrame:
    """The recorded rows of an endpoint in [start, end), in the order of time.

    Features and predictions have the model's names, else f0, f1 ... and p0, p1 ...; a feature
    whose name is that of a column of `EVENT_COLUMNS` (or of a prediction) is `f:<name>`. `attrs`
    of the frame tells the names: `features` and `predictions`.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        start: Datetime, ISO text or seconds since 1970; None: from the first.
        end: The first time that is out; None: to the last.
        columns: Only these.
        every: Only one row of so many, evenly chosen, for spans that do not fit into memory.
    """
    table, features, predictions = events_table(project, endpoint, start, end, every)
    frame: pd.DataFrame = table.to_pandas()
    if columns is not None:
        kept = set(columns)
        frame = frame[[name for name in frame.columns if name in kept]]
        features = [name for name in features if name in kept]
        predictions = [name for name in predictions if name in kept]
    frame.attrs.update(features=features, predictions=predictions)
    return frame


def features_of(frame: pd.DataFrame) -> list[str]:
    """The names of the features in a frame of `read_events`."""
    return list(frame.attrs.get("features", ()))


def predictions_of(frame: pd.DataFrame) -> list[str]:
    """The names of the predictions in a frame of `read_events`."""
    return list(frame.attrs.get("predictions", ()))


def events_table(
    project: str, endpoint: str, start: Any = None, end: Any = None, every: int = 1
) -> tuple[pa.Table, list[str], list[str]]:
    """The rows as an Arrow table, with the names of features and of predictions."""
    low, high = _span(start, end)
    batches = open_store().read_batches(project, endpoint, "events", low, high)
    tables, place = [], 0
    for batch in batches:
        table = table_of(batch)
        chosen = table if every == 1 else table.take(np.arange(-place % every, len(table), every))
        place += table.num_rows
        if chosen.num_rows:
            tables.append(chosen)
    joined = join_tables(tables)
    if joined is None:
        return empty_table(), [], []
    if any(batch.summary.get("again") for batch in batches):
        joined = once(joined)
    times = joined.column("time").to_numpy()
    inside = (times >= (low if low is not None else -float("inf"))) & (
        times < (high if high is not None else float("inf"))
    )
    if not inside.all():
        joined = joined.filter(pa.array(inside))
    joined = joined.sort_by(
        [("time", "ascending"), ("event_id", "ascending"), ("row", "ascending")]
    )
    return _renamed(joined)


def read_sketches(
    project: str, endpoint: str, start: Any = None, end: Any = None, reference: Any = None
) -> Any:
    """The statistics of a span, merged over minutes and workers: a `FeatureSketches`.

    Those that were kept beside the events count; without them, those of the events.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        start: See `read_events`.
        end: See `read_events`.
        reference: The statistics whose bins are used for sketches of events.

    Returns:
        None if there is nothing.
    """
    low, high = _span(start, end)
    sketches = resolve("mlrun_like.statistics.sketches:FeatureSketches")
    merged = None
    for batch in open_store().read_batches(project, endpoint, "sketches", low, high):
        try:
            found = sketches.from_bytes(batch.body)
            if merged is None:
                merged = found
            else:
                merged.merge(found)
        except MLRunLikeError as exc:
            tell_damaged(batch, exc.what)
    if merged is not None:
        return merged
    table, features, predictions = events_table(project, endpoint, low, high)
    names = [*features, *predictions]
    if not table.num_rows or not names:
        return None
    merged = sketches(names, reference)
    merged.update(table.select(names))
    return merged


def read_stats(
    project: str, endpoint: str, start: Any = None, end: Any = None, reference: Any = None
) -> dict[str, Any]:
    """`feature_stats` (MLRun's form) of what was seen in a span.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        start: See `read_events`.
        end: See `read_events`.
        reference: `feature_stats` whose bins are used.
    """
    table, features, predictions = events_table(project, endpoint, start, end)
    names = [*features, *predictions]
    if not table.num_rows or not names:
        return {}
    profile = resolve("mlrun_like.statistics.profile:profile")
    found: dict[str, Any] = profile(table.select(names), reference=reference).feature_stats()
    return found


def count_events(project: str, endpoint: str, start: Any = None, end: Any = None) -> EventCounts:
    """How many requests there were, how many failed, how long they took.

    Batches that only partly lie in the span are counted by their share of time.
    """
    low, high = _span(start, end)
    batches = open_store().read_batches(project, endpoint, "events", low, high, bodies=False)
    return counts_of(batches, low, high)


def counts_of(
    batches: Iterable[SeriesBatch], low: float | None = None, high: float | None = None
) -> EventCounts:
    """As `count_events`, of batches of events that were read already.

    Args:
        batches: Those that touch the span; their bodies are not needed.
        low: The first time that counts, in seconds since 1970; None: all.
        high: The first time that does not.
    """
    numbers = dict.fromkeys(("requests", "errors", "dropped", "left_out", "truncated"), 0.0)
    rows = 0.0
    latency, kinds = [], []
    firsts, lasts = [], []
    for batch in batches:
        share = _share(batch, low, high)
        told = batch.summary
        for name in numbers:
            numbers[name] += share * float(told.get(name, 0))
        rows += share * batch.rows
        latency.append(told.get("latency") or {})
        kinds.append(told.get("error_kinds") or {})
        if told.get("requests"):
            firsts.append(batch.first if low is None else max(low, batch.first))
            lasts.append(batch.last if high is None else min(high, batch.last))
    return EventCounts(
        **{name: round(value) for name, value in numbers.items()},
        rows=round(rows),
        latency=merge_buckets(latency),
        error_kinds=merge_buckets(kinds),
        first=min(firsts, default=None),
        last=max(lasts, default=None),
    )


def _renamed(table: pa.Table) -> tuple[pa.Table, list[str], list[str]]:
    """Bare names instead of those with a prefix, where they are free."""
    taken = set(EVENT_COLUMNS)
    for name in table.column_names:
        if name.startswith(PREDICTION):
            taken.add(name[len(PREDICTION) :])
    names, features, predictions = [], [], []
    for name in table.column_names:
        bare = name[2:]
        if name.startswith(FEATURE):
            bare = name if bare in taken else bare
            features.append(bare)
        elif name.startswith(PREDICTION):
            bare = name if bare in EVENT_COLUMNS else bare
            predictions.append(bare)
        else:
            bare = name
        names.append(bare)
    return table.rename_columns(names), features, predictions


def _span(start: Any, end: Any) -> tuple[float | None, float | None]:
    low = None if start is None else seconds_of(start)
    return low, None if end is None else seconds_of(end)


def _share(batch: SeriesBatch, low: float | None, high: float | None) -> float:
    begin = batch.first if low is None else max(low, batch.first)
    end = batch.last if high is None else min(high, batch.last)
    length = batch.last - batch.first
    if length <= 0 or (begin <= batch.first and end >= batch.last):
        return 1.0
    return max(0.0, end - begin) / length
