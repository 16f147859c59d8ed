"""FieldAggregator: which aggregates of which field over which windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.serving.steps.aggregate_functions import AGGREGATES
from mlrun_like.serving.steps.aggregate_layout import Layout, aggregate_name
from mlrun_like.serving.steps.aggregate_user import (
    UserAggregate,
    register_aggregate,
    user_aggregate,
)
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows, WindowsBase

__all__ = ["FieldAggregator", "aggregators_of"]

_KEYS = ("name", "column", "operations", "windows", "period", "aggregation_filter", "max_value")


class FieldAggregator:
    """Aggregates of one field of events.

    Args:
        name: The feature; results are called `{name}_{aggregate}_{window}`.
        field: A field of the body, or a function of the body that gives the value. Events whose
            value is missing (None or NaN) do not count.
        aggr: Some of count, sum, sqr (sum of squares), avg, min, max, first, last, stdvar, stddev
            (of a sample), distinct_count, names of registered `UserAggregate`s or such themselves
            (which registers them).
        windows: `FixedWindows` or `SlidingWindows`.
        aggr_filter: A function of the body: events for which it is false do not count.
        max_value: The most that any of the aggregates gives.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if an aggregate is unknown.

    >>> FieldAggregator("spent", "amount", ["sum"], FixedWindows(["1h"])).layout().columns()
    ['spent_sum_1h']
    """

    def __init__(
        self,
        name: str,
        field: str | Callable[[Any], Any],
        aggr: Sequence[str | UserAggregate] | str | UserAggregate,
        windows: WindowsBase,
        aggr_filter: Callable[[Any], Any] | None = None,
        max_value: float | None = None,
    ) -> None:
        where = f"aggregator {name!r:.80}"
        if not isinstance(name, str) or not name:
            raise InvalidTypeError(f"name={name!r:.80} is no name of a feature")
        if not callable(field) and not isinstance(field, str):
            raise InvalidTypeError(
                f"field={field!r:.80} is neither a field of the body nor a function", where=where
            )
        if aggr_filter is not None and not callable(aggr_filter):
            raise InvalidTypeError(
                f"aggr_filter expected to be callable, got {type(aggr_filter)}", where=where
            )
        if not isinstance(windows, WindowsBase):
            raise InvalidTypeError(
                f"windows={windows!r:.80} are no windows",
                where=where,
                fix="SlidingWindows(['1h', '24h'], '10m') or FixedWindows(['1h'])",
            )
        if max_value is not None and (
            not isinstance(max_value, (int, float)) or math.isnan(max_value)
        ):
            raise InvalidTypeError(f"max_value={max_value!r:.80} is not a number", where=where)
        self.name = name
        self.field = field
        given = [aggr] if isinstance(aggr, (str, UserAggregate)) else list(aggr or ())
        self._aggregates = [_known(aggregate, where) for aggregate in given]
        self.aggregations = [aggregate_name(aggregate) for aggregate in self._aggregates]
        if not self.aggregations:
            raise InvalidArgumentError("no aggregates are named", where=where, fix="such as 'sum'")
        self.windows = windows
        self.aggr_filter = aggr_filter
        self.max_value = max_value
        self.value_extractor = field if callable(field) else _field_reader(field)

    def should_aggregate(self, element: Any) -> bool:
        """Whether a body counts."""
        return self.aggr_filter is None or bool(self.aggr_filter(element))

    def layout(
        self, aliases: Mapping[str, str] | None = None, period: float | None = None
    ) -> Layout:
        """What the windows of each key hold and give."""
        return Layout(
            self.name, self._aggregates, self.windows, self.max_value, period, aliases or {}
        )

    def to_dict(self) -> dict[str, Any]:
        """The aggregator as data, which `AggregateByKey` accepts; functions stay what they are."""
        found: dict[str, Any] = {
            "name": self.name,
            "column": self.field,
            "operations": list(self.aggregations),
            "windows": self.windows.names(),
        }
        if isinstance(self.windows, SlidingWindows):
            found["period"] = self.windows.period or f"{int(self.windows.period_millis)}ms"
        if self.aggr_filter is not None:
            found["aggregation_filter"] = self.aggr_filter
        if self.max_value is not None:
            found["max_value"] = self.max_value
        return found


def _known(aggregate: Any, where: str) -> str | UserAggregate:
    if isinstance(aggregate, UserAggregate):
        return register_aggregate(aggregate)
    found = user_aggregate(aggregate)
    if found is not None:
        return found
    if aggregate not in AGGREGATES:
        known = [*AGGREGATES, "distinct_count"]
        raise InvalidArgumentError(
            f'"{aggregate!s:.80}" aggregator is not defined.{nearest(str(aggregate), known)}',
            where=where,
            fix=f"use some of: {', '.join(known)}; or a UserAggregate, registered in this process",
        )
    return str(aggregate)


def _field_reader(field: str) -> Callable[[Any], Any]:
    def read(body: Any) -> Any:
        try:
            return body.get(field)
        except AttributeError as exc:
            raise InvalidTypeError(
                f"the body must be a dictionary to have {field!r}, not a {type(body).__name__}"
            ) from exc

    return read


def aggregators_of(aggregates: Any) -> list[FieldAggregator]:
    """Aggregators, given as such or as data.

    Args:
        aggregates: A list of `FieldAggregator`, or of dictionaries with name, column, operations,
            windows, and if wanted period (then the windows slide), aggregation_filter, max_value.

    Raises:
        InvalidTypeError: if it is something else, or two have one name.
        InvalidArgumentError: if one cannot be made.

    >>> row = {"name": "spent", "column": "amount", "operations": ["sum"], "windows": ["1h"]}
    >>> aggregators_of([row])[0].aggregations
    ['sum']
    """
    if not isinstance(aggregates, (list, tuple)):
        raise InvalidTypeError("aggregates should be a list of FieldAggregator/dictionaries")
    made = [_aggregator_of(item) for item in aggregates]
    seen: set[str] = set()
    for aggregator in made:
        if aggregator.name in seen:
            raise InvalidTypeError(
                f"Aggregates should have unique names. {aggregator.name} already exists"
            )
        seen.add(aggregator.name)
    return made


def _aggregator_of(item: Any) -> FieldAggregator:
    if isinstance(item, FieldAggregator):
        return item
    if not isinstance(item, Mapping):
        raise InvalidTypeError("aggregates should be a list of FieldAggregator/dictionaries")
    unknown = [key for key in item if key not in _KEYS]
    missing = [key for key in _KEYS[:4] if key not in item]
    if unknown or missing:
        what = f"has no {missing[0]!r}" if missing else f"cannot have {unknown[0]!r}"
        raise InvalidArgumentError(
            f"an aggregator {what}.{nearest(str(unknown[0]), _KEYS) if unknown else ''}",
            where=f"{dict(item)!r:.120}",
            fix=f"keys: {', '.join(_KEYS)}",
        )
    windows: WindowsBase = (
        SlidingWindows(item["windows"], item["period"])
        if item.get("period")
        else FixedWindows(item["windows"])
    )
    return FieldAggregator(
        item["name"],
        item["column"],
        item["operations"],
        windows,
        item.get("aggregation_filter"),
        item.get("max_value"),
    )
