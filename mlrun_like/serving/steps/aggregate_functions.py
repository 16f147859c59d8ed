"""The aggregates: functions of two buckets that make up a window."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = ["AGGREGATES", "STATISTICS", "Aggregate", "aggregate_function", "limited"]

_NAN = math.nan

# Each function reads two buckets that belong to one window: those before, and the newest.


def _count(a: Bucket, b: Bucket) -> float:
    return a.count + b.count


def _sum(a: Bucket, b: Bucket) -> float:
    return a.sum + b.sum if a.count or b.count else _NAN


def _sqr(a: Bucket, b: Bucket) -> float:
    return a.sqr + b.sqr if a.count or b.count else _NAN


def _min(a: Bucket, b: Bucket) -> float:
    if a.count or b.count:
        return a.min if a.min < b.min else b.min
    return _NAN


def _max(a: Bucket, b: Bucket) -> float:
    if a.count or b.count:
        return a.max if a.max > b.max else b.max
    return _NAN


def _first(a: Bucket, b: Bucket) -> float:
    return a.first if a.first_time <= b.first_time else b.first


def _last(a: Bucket, b: Bucket) -> float:
    return b.last if b.last_time >= a.last_time else a.last


def _avg(a: Bucket, b: Bucket) -> float:
    count = a.count + b.count
    return (a.sum + b.sum) / count if count else _NAN


def _stdvar(a: Bucket, b: Bucket) -> float:
    ours, theirs = a.count, b.count
    count = ours + theirs
    if count < 2.0:
        return _NAN
    squares = a.m2 + b.m2
    if ours and theirs:
        distance = a.sum / ours - b.sum / theirs
        squares += distance * distance * ours * theirs / count
    return squares / (count - 1.0)


def _stddev(a: Bucket, b: Bucket) -> float:
    return math.sqrt(_stdvar(a, b))


Aggregate = Callable[[Bucket, Bucket], float]

AGGREGATES: Mapping[str, Aggregate] = MappingProxyType(
    {
        "count": _count,
        "sum": _sum,
        "sqr": _sqr,
        "min": _min,
        "max": _max,
        "first": _first,
        "last": _last,
        "avg": _avg,
        "stdvar": _stdvar,
        "stddev": _stddev,
    }
)
"""The aggregates by name; those of no values are NaN, except `count`, which is 0."""

STATISTICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sum": ("sum",),
        "sqr": ("sqr",),
        "min": ("min",),
        "max": ("max",),
        "first": ("first_time", "first"),
        "last": ("last_time", "last"),
        "avg": ("sum",),
        "stdvar": ("sum", "m2"),
        "stddev": ("sum", "m2"),
    }
)
"""Which numbers of a bucket, besides the count, an aggregate is made of."""


def aggregate_function(name: str, max_value: float | None = None) -> Aggregate:
    """The function of an aggregate.

    Args:
        name: One of `AGGREGATES`.
        max_value: The most it gives; None: no limit.

    Raises:
        InvalidArgumentError: if there is no such aggregate.

    >>> aggregate_function("count", max_value=1)(Bucket(), Bucket())
    0.0
    """
    found = AGGREGATES.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidArgumentError(
            f'"{name!s:.80}" aggregator is not defined.{nearest(str(name), AGGREGATES)}',
            fix=f"use some of: {', '.join(AGGREGATES)}",
        )
    return limited(found, max_value)


def limited(function: Aggregate, max_value: float | None) -> Aggregate:
    """The function, with the most it gives; None: no limit."""
    if max_value is None:
        return function
    limit = float(max_value)

    def bounded(a: Bucket, b: Bucket) -> float:
        value = function(a, b)
        return limit if value > limit else value

    return bounded
