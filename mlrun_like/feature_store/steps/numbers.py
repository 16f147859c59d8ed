"""Steps for numbers: Ratio, Bucketise, ScaleValues."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.adding import Added, Adding
from mlrun_like.feature_store.steps.base import need_mapping

__all__ = ["Bucketise", "Ratio", "ScaleValues"]

_ENDS = {"-inf": -math.inf, "inf": math.inf}


class Ratio(Adding):
    """Adds one column divided by another; missing where the divisor is 0 or a value is missing.

    Args:
        numerator: The column above.
        denominator: The column below.
        feature: The new column; by default `<numerator>_per_<denominator>`.
        options: The arguments that all steps share; see `FlowStep`.

    >>> Ratio("paid", "visits").do({"paid": 6, "visits": 4})
    {'paid': 6, 'visits': 4, 'paid_per_visits': 1.5}
    """

    def __init__(
        self, numerator: str, denominator: str, feature: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.feature = feature or f"{numerator}_per_{denominator}"
        self._added = [Added(self.feature, (numerator, denominator), _divided, _divided_on_spark)]

    def added(self) -> Sequence[Added]:
        return self._added


def _divided(above: Any, below: Any) -> float | None:
    if above is None or below is None or below == 0:
        return None
    try:
        found = float(above / below)
    except OverflowError:  # integers of more digits than a float has
        return None
    return None if math.isnan(found) else found


def _divided_on_spark(above: Any, below: Any) -> Any:
    functions = spark.functions()
    found = above.cast("double") / below.cast("double")
    return functions.when((below != 0) & ~functions.isnan(found), found)


class Bucketise(Adding):
    """Adds the number, or label, of the range that a value is in: `<column>_<suffix>`.

    The edges 0, 18, 65 make the ranges below 0 (number 0), from 0 to below 18 (1), from 18 to
    below 65 (2), and from 65 (3). A missing value stays missing.

    Args:
        mapping: For each column its edges in ascending order.
        labels: For each column the names of its ranges, one more than edges; by default numbers.
        suffix: What is put behind the column's name, after an underscore.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if edges are not numbers.
        InvalidArgumentError: if they do not ascend, or labels are too many or too few.

    >>> Bucketise({"age": [18, 65]}).do({"age": 18})
    {'age': 18, 'age_bucket': 1}
    """

    def __init__(
        self,
        mapping: Mapping[str, Sequence[float]],
        labels: Mapping[str, Sequence[str]] | None = None,
        suffix: str = "bucket",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        names = need_mapping(labels or {}, "labels", "Bucketise")
        self._added = [
            _bucketised(str(column), edges, names.get(column), f"{column}_{suffix}")
            for column, edges in need_mapping(mapping, "mapping", "Bucketise").items()
        ]
        for column in names:
            if column not in mapping:
                raise InvalidArgumentError(
                    f"labels for column {column!r}, which has no edges."
                    f"{nearest(str(column), map(str, mapping))}",
                    where=f"step {self.name!r}",
                )

    def added(self) -> Sequence[Added]:
        return self._added


def _bucketised(column: str, edges: Any, labels: Any, name: str) -> Added:
    where = f"step class Bucketise, column {column!r}"
    listed = list(edges) if isinstance(edges, (list, tuple)) else None
    if not listed or not all(_is_number(edge) for edge in listed):
        raise InvalidTypeError(f"{edges!r:.80} are no edges", where=where, fix="such as [0, 18]")
    if any(first >= last for first, last in pairwise(listed)):
        raise InvalidArgumentError(f"the edges {listed!r:.80} do not ascend", where=where)
    if labels is not None and len(labels) != len(listed) + 1:
        raise InvalidArgumentError(
            f"{len(labels)} labels for {len(listed) + 1} ranges: {list(labels)!r:.80}",
            where=where,
            fix="name also the ranges below the first edge and from the last one on",
        )

    def compute(value: Any) -> Any:
        if value is None:
            return None
        place = bisect_right(listed, value)
        return place if labels is None else labels[place]

    def on_spark(value: Any) -> Any:
        functions = spark.functions()
        made = functions.when(value.isNull() | functions.isnan(value.cast("double")), None)
        for place, edge in enumerate(listed):
            found = place if labels is None else labels[place]
            made = made.when(value < functions.lit(edge), _whole(found))
        return made.otherwise(_whole(len(listed) if labels is None else labels[-1]))

    return Added(name, (column,), compute, on_spark)


def _whole(value: Any) -> Any:
    column = spark.literal(value)
    return column.cast("long") if isinstance(value, int) else column


class ScaleValues(Adding):
    """Limits, logarithms and scales of numbers, in the order in which they are named.

    Operations of a column, as a dictionary: `"clip": [low, high]` (None: no limit), `"log": True`
    (the natural logarithm of 1 + value, missing below -1), `"minmax": [min, max]` (to 0...1),
    `"standard": [mean, std]` (to mean 0, deviation 1), `"factor": f` and `"offset": o`. A missing
    value stays missing.

    Args:
        mapping: For each column its operations.
        suffix: Adds `<column>_<suffix>`; empty: the column itself is changed.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if there is no such operation, or its numbers cannot be used.

    >>> ScaleValues({"x": {"clip": [0, 10], "minmax": [0, 10]}}).do({"x": 25})
    {'x': 1.0}
    """

    def __init__(
        self, mapping: Mapping[str, Mapping[str, Any]], suffix: str = "", **options: Any
    ) -> None:
        super().__init__(**options)
        self._added = []
        for column, operations in need_mapping(mapping, "mapping", "ScaleValues").items():
            wanted = need_mapping(operations, f"mapping[{column!r}]", "ScaleValues")
            parts = [_operation(str(name), value, str(column)) for name, value in wanted.items()]
            name = f"{column}_{suffix}" if suffix else str(column)
            self._added.append(_scaled(str(column), name, parts))

    def added(self) -> Sequence[Added]:
        return self._added


_OPERATIONS = ("clip", "log", "minmax", "standard", "factor", "offset")
_Part = tuple[str, float, float]


def _operation(name: str, value: Any, column: str) -> _Part:
    where = f"step class ScaleValues, column {column!r}"
    if name not in _OPERATIONS:
        raise InvalidArgumentError(
            f"numbers have no operation {name!r:.80}.{nearest(name, _OPERATIONS)}",
            where=where,
            fix=f"operations: {', '.join(_OPERATIONS)}",
        )
    if name == "log":
        return name, 0.0, 0.0
    if name in ("factor", "offset"):
        numbers = [value, 0]
    else:
        numbers = list(value) if isinstance(value, (list, tuple)) and len(value) == 2 else [""]
    if name == "clip" and len(numbers) == 2:
        low, high = (_ENDS.get(n, n) if isinstance(n, str) else n for n in numbers)
        numbers = [-math.inf if low is None else low, math.inf if high is None else high]
    if not all(_is_number(number) for number in numbers):
        raise InvalidArgumentError(
            f"{name}={value!r:.80} has not the numbers that it needs", where=where
        )
    first, second = (float(number) for number in numbers)
    if (
        (name == "clip" and first > second)
        or (name == "minmax" and first >= second)
        or (name == "standard" and second <= 0)
    ):
        raise InvalidArgumentError(f"{name}={value!r:.80} is no range", where=where)
    return name, first, second


def _scaled(column: str, name: str, parts: Sequence[_Part]) -> Added:
    def compute(value: Any) -> float | None:
        return None if value is None else reduce(_applied, parts, _float(value))

    def on_spark(value: Any) -> Any:
        functions = spark.functions()
        found = value.cast("double")
        found = functions.when(~functions.isnan(found), found)
        for operation, first, second in parts:
            found = _applied_on_spark(functions, found, operation, first, second)
        return found

    return Added(name, (column,), compute, on_spark)


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _applied(value: float | None, part: _Part) -> float | None:
    if value is None:
        return None
    name, first, second = part
    if name == "clip":
        return min(max(value, first), second)
    if name == "log":
        return math.log1p(value) if value > -1 else None
    if name == "minmax":
        found = (value - first) / (second - first)
    elif name == "standard":
        found = (value - first) / second
    else:
        found = value * first if name == "factor" else value + first
    return None if found != found else found


def _applied_on_spark(functions: Any, value: Any, name: str, first: float, second: float) -> Any:
    if name == "clip":
        low, high = functions.lit(first), functions.lit(second)
        found = functions.when(value < low, low).when(value > high, high)
        return found.otherwise(value)
    if name == "log":
        return functions.when(value > -1, functions.log1p(value))
    if name == "minmax":
        return (value - first) / (second - first)
    if name == "standard":
        return (value - first) / second
    return value * first if name == "factor" else value + first


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and value == value
