"""ReadOnlyAggregationBuckets: what storey's tables keep of one aggregate, bucket by bucket."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

__all__ = ["BucketValue", "ReadOnlyAggregationBuckets"]

_EMPTY: Mapping[str, Any] = {
    "count": 0,
    "sum": 0,
    "sqr": 0,
    "min": math.inf,
    "max": -math.inf,
}


class BucketValue(NamedTuple):
    """The value of one bucket, and when that begins in milliseconds."""

    value: Any
    time: int


class ReadOnlyAggregationBuckets:
    """The buckets of an aggregate that a window at some time is made of.

    Args:
        name: The feature's name.
        aggregation: Such as "count".
        window: Its windows.
        aggregation_windows: Those that are read; None: all.
        base_time: The time, in milliseconds.
        max_value: No more than this counts.
        hidden: Whether the aggregate is only kept for others.
        initial_data: What is stored: the values of buckets by the time at which they begin.

    >>> from mlrun_like.serving.steps.windows import SlidingWindows
    >>> made = ReadOnlyAggregationBuckets(
    ...     "n", "count", SlidingWindows(["1h"], "30m"), None, 5_400_000, None,
    ...     initial_data={3_600_000: [7, 8]},
    ... )
    >>> [bucket.value for bucket in made.buckets]
    [7, 8]
    """

    def __init__(
        self,
        name: str,
        aggregation: str,
        window: Any,
        aggregation_windows: Any,
        base_time: int,
        max_value: float | None,
        hidden: bool = False,
        initial_data: Mapping[Any, Sequence[Any]] | None = None,
    ) -> None:
        self.name = name
        self.aggregation = aggregation
        self.window = window
        self.explicit_windows = aggregation_windows
        self.max_value = max_value
        self.hidden = hidden
        period = int(window.period_millis)
        number = int(window.max_window_millis // period)
        last = int(base_time // period) * period
        stored = {
            start + place * period: value
            for start, values in _by_millis(initial_data or {})
            for place, value in enumerate(values)
        }
        empty = _EMPTY.get(aggregation)
        times = range(last - (number - 1) * period, last + period, period)
        self.buckets = [BucketValue(stored.get(time, empty), time) for time in times]


def _by_millis(data: Mapping[Any, Sequence[Any]]) -> list[tuple[int, Sequence[Any]]]:
    found = []
    for start, values in data.items():
        moment = start.timestamp() * 1000 if isinstance(start, datetime) else start
        found.append((int(moment), values))
    return found
