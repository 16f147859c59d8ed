"""From `FeatureSet.add_aggregation` to what computes it: aggregators, layouts, columns and types.

    aggregators = aggregators_from(feature_set.aggregations())     # list of FieldAggregator
    layouts = layouts_from(feature_set.aggregations(), aliases)    # one Layout per aggregator
    columns_from(feature_set.aggregations())                       # {"n_sum_1h": "float", ...}

All forms share the `Layout` of an aggregator: which columns it gives, over which windows and
buckets. With a period windows slide; without one they are fixed, as in MLRun's documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.aggregate_field import FieldAggregator, aggregators_of
from mlrun_like.serving.steps.aggregate_layout import Layout

__all__ = ["aggregators_from", "columns_from", "fields_from", "layouts_from"]

Aggregation = FieldAggregator | Mapping[str, Any]
_KEYS = ("name", "column", "operations", "windows", "period", "aggregation_filter", "max_value")


def aggregators_from(aggregations: Sequence[Aggregation]) -> list[FieldAggregator]:
    """The aggregators of a feature set or of one aggregation step.

    Args:
        aggregations: Dictionaries with name, column, operations (names, or `UserAggregate`s),
            windows, and if wanted period, aggregation_filter (a function of the row), max_value;
            further keys, such as `step`, do not matter.

    Raises:
        InvalidTypeError: if it is something else, or two have one name.
        InvalidArgumentError: if one cannot be made, or two give the same column.

    >>> row = {"name": "n", "column": "x", "operations": ["sum"], "windows": ["1h"], "step": "agg"}
    >>> aggregators_from([row])[0].windows
    FixedWindows(['1h'])
    """
    if not isinstance(aggregations, (list, tuple)):
        raise InvalidTypeError(f"aggregations={aggregations!r:.80} is no list")
    made = aggregators_of(
        [
            {key: item[key] for key in _KEYS if key in item} if isinstance(item, Mapping) else item
            for item in aggregations
        ]
    )
    owners: dict[str, str] = {}
    for aggregator in made:
        for column in aggregator.layout().columns():
            if column in owners:
                raise InvalidArgumentError(
                    f"aggregations {owners[column]!r} and {aggregator.name!r} both give {column!r}",
                    fix="give one of them another name",
                )
            owners[column] = aggregator.name
    return made


def layouts_from(
    aggregations: Sequence[Aggregation], aliases: Mapping[str, str] | None = None
) -> list[Layout]:
    """What the windows of each key hold and give, one per aggregation.

    Raises:
        InvalidTypeError: as `aggregators_from`.
        InvalidArgumentError: as `aggregators_from`.
    """
    return [aggregator.layout(aliases) for aggregator in aggregators_from(aggregations)]


def columns_from(aggregations: Sequence[Aggregation]) -> dict[str, str]:
    """The columns of all aggregations in their order, with their value types: "float" (MLRun's).

    >>> row = {"name": "n", "column": "x", "operations": ["sum", "count"], "windows": ["1h"]}
    >>> columns_from([row])
    {'n_sum_1h': 'float', 'n_count_1h': 'float'}
    """
    return {name: "float" for layout in layouts_from(aggregations) for name in layout.columns()}


def fields_from(aggregations: Sequence[Aggregation]) -> list[str]:
    """The columns that aggregations read, each once; those that are functions are left out."""
    fields = (aggregator.field for aggregator in aggregators_from(aggregations))
    return list(dict.fromkeys(field for field in fields if isinstance(field, str)))
