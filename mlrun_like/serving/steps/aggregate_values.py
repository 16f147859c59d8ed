"""What is known of the values in one bucket of time.

A bucket always holds everything that any aggregate needs, so aggregates can be added later. Buckets
are added together in any order; none is ever subtracted, so sums do not drift. The variance is kept
as the sum of squared distances from the mean, joined as in Chan, Golub and LeVeque, "Updating
Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Bucket", "joined"]

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

    NAMES: ClassVar[tuple[str, ...]] = (
        "count", "sum", "sqr", "m2", "min", "max", "first_time", "first", "last_time", "last",
    )  # fmt: skip
    """Its numbers, in the order of `to_list`."""
    states: Mapping[str, Any] = MappingProxyType({})
    """The states of user-defined aggregates by name (see `UserBucket`)."""

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

    def to_list(self) -> list[Any]:
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


def joined(held: Sequence[Bucket], names: Collection[str]) -> Bucket:
    """Buckets that follow each other in time, none of them empty, as one.

    Args:
        held: The buckets.
        names: Which of its numbers are needed; others are as of no values.

    >>> buckets = [Bucket(), Bucket()]
    >>> buckets[0].add(1.0, 2.0), buckets[1].add(2.0, 3.0)
    (None, None)
    >>> joined(buckets, ["count", "max"]).to_list()[:2]
    [2.0, 0.0]
    """
    made = Bucket()
    if not held:
        return made
    made.count = count = sum([bucket.count for bucket in held])
    if "sum" in names:
        made.sum = sum([bucket.sum for bucket in held])
    if "sqr" in names:
        made.sqr = sum([bucket.sqr for bucket in held])
    if "m2" in names:
        mean = made.sum / count
        made.m2 = sum(
            [b.m2 + b.count * (b.sum / b.count - mean) * (b.sum / b.count - mean) for b in held]
        )
    if "min" in names:
        made.min = min([bucket.min for bucket in held])
    if "max" in names:
        made.max = max([bucket.max for bucket in held])
    made.first_time, made.first = held[0].first_time, held[0].first
    made.last_time, made.last = held[-1].last_time, held[-1].last
    return made
