"""What the windows of a feature hold and give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.steps.aggregate_functions import (
    STATISTICS,
    Aggregate,
    aggregate_function,
    limited,
)
from mlrun_like.serving.steps.aggregate_user import UserAggregate, UserBucket, user_aggregate
from mlrun_like.serving.steps.aggregate_values import Bucket
from mlrun_like.serving.steps.windows import FixedWindows, WindowsBase

__all__ = ["Layout", "aggregate_name"]


class Layout:
    """What the states of one feature hold and give; one for all keys.

    Args:
        name: The feature; columns are called `{name}_{aggregate}_{window}`.
        aggregates: Names of aggregates, or `UserAggregate`s.
        windows: The windows.
        max_value: The most that any of them gives.
        period: Length of a bucket in milliseconds; by default the longest that fits the windows.
        aliases: Other names of columns.

    Raises:
        InvalidArgumentError: if an aggregate is unknown, or the period does not divide a window.

    >>> Layout("spent", ["sum"], FixedWindows(["1h", "24h"])).columns()
    ['spent_sum_1h', 'spent_sum_24h']
    """

    def __init__(
        self,
        name: str,
        aggregates: Sequence[str | UserAggregate],
        windows: WindowsBase,
        max_value: float | None = None,
        period: float | None = None,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.aggregates = tuple(aggregate_name(aggregate) for aggregate in aggregates)
        self.users = _users(aggregates)
        """User-defined aggregates, and distinct_count."""
        self.hashes = set(self.aggregates) <= {"count", "distinct_count"} and bool(self.users)
        """Whether values may be texts, which count by their hash."""
        self.bucket: Callable[[], Bucket] = (
            partial(UserBucket, self.users) if self.users else Bucket
        )
        """Makes an empty bucket."""
        self.fixed = isinstance(windows, FixedWindows)
        # twice the storey period of fixed windows: they never end within it
        self.period = period or windows.period_millis * (2 if self.fixed else 1)
        needed = {"count"}.union(*(STATISTICS.get(name, ()) for name in self.aggregates))
        self.needs = tuple(name for name in Bucket.NAMES if name in needed)
        """Which numbers of a `Bucket` the aggregates are made of, in the bucket's order."""
        self.sizes: list[int] = []
        for millis, text in windows.windows:
            size = int(millis // self.period)
            if size * self.period != millis or not size:
                raise InvalidArgumentError(
                    f"window {text} of feature {name!r} is no multiple of the period of "
                    f"{self.period:g} ms in which the feature is stored"
                )
            self.sizes.append(size)
        self.longest = max(self.sizes)
        self.max_value = max_value
        self.cells: list[tuple[str, str, int]] = []
        """Each result: its column, its aggregate, the place of its window in `sizes`."""
        self.outputs: list[tuple[str, Aggregate, int]] = []
        users = {user.name: user for user in self.users}
        for aggregate in self.aggregates:
            user = users.get(aggregate)
            function = (
                aggregate_function(aggregate, max_value)
                if user is None
                else limited(user.function(), max_value)
            )
            for place, (_, text) in enumerate(windows.windows):
                column = f"{name}_{aggregate}_{text}"
                column = aliases.get(column, column)
                self.cells.append((column, aggregate, place))
                self.outputs.append((column, function, place))

    def span(self, size: int, index: int, closed: bool = False) -> tuple[int, int]:
        """The first bucket of the window around bucket `index`, and the first one after it."""
        if not self.fixed:
            return index - size + 1, index + 1
        begin = index - index % size - (size if closed else 0)
        return begin, begin + size

    def bucket_of(self, numbers: Sequence[Any]) -> Bucket:
        """The bucket that `Bucket.to_list` wrote.

        Raises:
            InvalidArgumentError: if these are not its numbers.
        """
        return UserBucket.of(numbers, self.users)

    def columns(self) -> list[str]:
        """The names of what `WindowState.read` gives."""
        return [name for name, _, _ in self.outputs]


def aggregate_name(aggregate: str | UserAggregate) -> str:
    """What an aggregate is called, given as its name or itself."""
    return aggregate.name if isinstance(aggregate, UserAggregate) else aggregate


def _users(aggregates: Sequence[str | UserAggregate]) -> tuple[UserAggregate, ...]:
    found = (
        aggregate if isinstance(aggregate, UserAggregate) else user_aggregate(aggregate)
        for aggregate in aggregates
    )
    return tuple(user for user in found if user is not None)
