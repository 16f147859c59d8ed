"""What is known of the values in one bucket of time, and the aggregates that follow from it.

A bucket always holds everything that any aggregate needs, so aggregates can be added later. Buckets
are added together in any order; none is ever subtracted, so sums do not drift. The variance is kept
as the sum of squared distances from the mean, joined as in Chan, Golub and LeVeque, "Updating
Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["AGGREGATES", "Bucket", "aggregate_function"]

_INF = math.inf
_NAN = math.nan


class Bucket:
    """The values of one span of time.

    >>> bucket = Bucket()
    >>> bucket.add(1000.0, 2.0)
    >>> bucket.add(2000.0, 4.0)
    >>> bucket.count, bucket.sum, bucket.last
    (2.0, 6.0, 4.0)
    """

    __slots__ = (
        "count", "first", "first_time", "last", "last_time", "m2", "max", "min", "sqr", "sum",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0.0
        self.sum = 0.0
        self.sqr = 0.0
        self.m2 = 0.0
        self.min = _INF
        self.max = -_INF
        self.first_time = _INF
        self.first = _NAN
        self.last_time = -_INF
        self.last = _NAN

    def add(self, time: float, value: float) -> None:
        """Take in a value; among values at the same time, the order in which they come counts.

        Args:
            time: When, in milliseconds since 1970.
            value: Any float but NaN.
        """
        count = self.count
        total = self.sum
        self.count = after = count + 1.0
        self.sum = grown = total + value
        self.sqr += value * value
        if count:
            self.m2 += (value - total / count) * (value - grown / after)
        if value < self.min:
            self.min = value
        if value > self.max:
            self.max = value
        if time < self.first_time:
            self.first_time = time
            self.first = value
        if time >= self.last_time:
            self.last_time = time
            self.last = value

    def merge(self, other: Bucket) -> None:
        """Take in the values of another bucket."""
        theirs = other.count
        if not theirs:
            return
        ours = self.count
        if not ours:
            self._become(other)
            return
        distance = other.sum / theirs - self.sum / ours
        self.m2 += other.m2 + distance * distance * ours * theirs / (ours + theirs)
        self.count = ours + theirs
        self.sum += other.sum
        self.sqr += other.sqr
        if other.min < self.min:
            self.min = other.min
        if other.max > self.max:
            self.max = other.max
        if other.first_time < self.first_time:
            self.first_time = other.first_time
            self.first = other.first
        if other.last_time >= self.last_time:
            self.last_time = other.last_time
            self.last = other.last

    def copy(self) -> Bucket:
        """An independent bucket with the same values."""
        made = Bucket.__new__(Bucket)
        made._become(self)
        return made

    def _become(self, other: Bucket) -> None:
        self.count = other.count
        self.sum = other.sum
        self.sqr = other.sqr
        self.m2 = other.m2
        self.min = other.min
        self.max = other.max
        self.first_time = other.first_time
        self.first = other.first
        self.last_time = other.last_time
        self.last = other.last

    def to_list(self) -> list[float]:
        """The bucket as plain numbers.

        >>> Bucket.from_list(Bucket().to_list()).count
        0.0
        """
        return [
            self.count, self.sum, self.sqr, self.m2, self.min, self.max,
            self.first_time, self.first, self.last_time, self.last,
        ]  # fmt: skip

    @classmethod
    def from_list(cls, numbers: Sequence[float]) -> Bucket:
        """The bucket that `to_list` wrote.

        Raises:
            InvalidArgumentError: if these are not its numbers.
        """
        made = cls()
        try:
            (
                made.count, made.sum, made.sqr, made.m2, made.min, made.max,
                made.first_time, made.first, made.last_time, made.last,
            ) = map(float, numbers)  # fmt: skip
        except (TypeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"{numbers!r:.80} is not a stored bucket of aggregates: {exc}",
                fix="the table was written by something else; use another one",
            ) from exc
        return made


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
    if max_value is None:
        return found
    plain, limit = found, float(max_value)

    def limited(a: Bucket, b: Bucket) -> float:
        value = plain(a, b)
        return limit if value > limit else value

    return limited
