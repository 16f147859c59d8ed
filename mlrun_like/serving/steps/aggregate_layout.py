"""What the windows of a feature hold and give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.steps.aggregate_values import Aggregate, aggregate_function
from mlrun_like.serving.steps.windows import FixedWindows, WindowsBase

__all__ = ["Layout"]


class Layout:
    """What the states of one feature hold and give; one for all keys.

    Args:
        name: The feature; columns are called `{name}_{aggregate}_{window}`.
        aggregates: Names of aggregates.
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
        aggregates: Sequence[str],
        windows: WindowsBase,
        max_value: float | None = None,
        period: float | None = None,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.aggregates = tuple(aggregates)
        self.fixed = isinstance(windows, FixedWindows)
        # twice the storey period of fixed windows: they never end within it
        self.period = period or windows.period_millis * (2 if self.fixed else 1)
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
        self.outputs: list[tuple[str, Aggregate, int]] = []
        for aggregate in aggregates:
            function = aggregate_function(aggregate, max_value)
            for place, (_, text) in enumerate(windows.windows):
                column = f"{name}_{aggregate}_{text}"
                self.outputs.append((aliases.get(column, column), function, place))

    def span(self, size: int, index: int, closed: bool = False) -> tuple[int, int]:
        """The first bucket of the window around bucket `index`, and the first one after it."""
        if not self.fixed:
            return index - size + 1, index + 1
        begin = index - index % size - (size if closed else 0)
        return begin, begin + size

    def columns(self) -> list[str]:
        """The names of what `WindowState.read` gives."""
        return [name for name, _, _ in self.outputs]
