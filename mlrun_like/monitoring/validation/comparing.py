"""Drift between two spans and skew between training and serving, as anomalies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.validation.anomalies import Anomaly, shown
from mlrun_like.monitoring.validation.columns import open_data
from mlrun_like.monitoring.validation.describing import Statistics
from mlrun_like.monitoring.validation.schema import Schema
from mlrun_like.statistics.column_profile import DataProfile
from mlrun_like.statistics.compare import compare

__all__ = ["COMPARISONS", "compare_with", "thinned"]

COMPARISONS = ("drift", "skew")
_MOST = 200_000
_SCALARS = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string,
    pa.types.is_large_string, pa.types.is_timestamp, pa.types.is_date, pa.types.is_decimal,
)  # fmt: skip


def compare_with(
    reference: Any, data: Any, stats: Statistics, schema: Schema | None, comparison: str
) -> tuple[Any, list[Anomaly]]:
    """The comparison of data with a reference, and what of it is an anomaly.

    Args:
        reference: Data, a `DataProfile`, or `feature_stats` by column.
        data: The data.
        stats: The pass over it.
        schema: Whose thresholds count; None: statistical tests decide.
        comparison: "drift" or "skew".
    """
    if comparison not in COMPARISONS:
        raise InvalidArgumentError(
            f"comparison={comparison!r:.40} is not one of: {', '.join(COMPARISONS)}"
        )
    before = _reference(reference)
    profile = isinstance(before, (DataProfile, Mapping))
    now = stats.profile if profile and isinstance(data, os.PathLike) else _comparable(data)
    known = _names(before) & _names(now)
    if not known or not stats.rows:
        return None, []
    found = compare(before, now, columns=[name for name in stats.columns if name in known])
    ranked = sorted(found.features.items(), key=lambda pair: -pair[1].score)
    judged = [_judged(name, column, schema, comparison) for name, column in ranked]
    order = {"error": 0, "warning": 1}
    return found, sorted((one for one in judged if one), key=lambda one: order[one.severity])


def _reference(reference: Any) -> Any:
    if isinstance(reference, Statistics):
        return reference.profile
    if isinstance(reference, (DataProfile, Mapping)):
        return reference
    return _comparable(reference)


def _names(data: Any) -> set[str]:
    if isinstance(data, DataProfile):
        return set(data.columns)
    return set(data.schema.names) if isinstance(data, pa.Table) else set(map(str, data))


def _comparable(data: Any) -> Any:
    """What the comparison takes: frames as they are, files thinned out to what fits in memory."""
    if isinstance(data, pd.DataFrame) and data.columns.is_unique:
        return data[[name for name in data.columns if _is_plain(data[name])]]
    return thinned(data)


def _is_plain(values: Any) -> bool:
    first = next((value for value in values.head(100) if value is not None), None)
    return not isinstance(first, (list, dict, set, tuple, bytes))


def thinned(data: Any, most: int = _MOST) -> pa.Table:
    """Evenly chosen rows of data, between half of `most` and `most` if there are more.

    >>> thinned(pa.table({"a": list(range(10))}), most=4)["a"].to_pylist()
    [0, 4, 8]
    """
    opened = open_data(data)
    kept: list[pa.Table] = []
    step, seen, size = 1, 0, 0
    for chunk in opened.chunks():
        first = -seen % step
        seen += chunk.rows
        places = pa.array(range(first, chunk.rows, step), pa.int64())
        part = pa.table(
            {k: v for k, v in chunk.columns.items() if any(f(v.type) for f in _SCALARS)}
        )
        kept.append(part.take(places))
        size += len(places)
        while size > most:
            whole = pa.concat_tables(kept, promote_options="permissive")
            kept = [whole.take(pa.array(range(0, whole.num_rows, 2), pa.int64()))]
            size, step = kept[0].num_rows, step * 2
    return pa.concat_tables(kept, promote_options="permissive") if kept else pa.table({})


def _judged(name: str, column: Any, schema: Schema | None, comparison: str) -> Anomaly | None:
    rules = None if schema is None else schema.columns.get(name)
    limit = None if rules is None else getattr(rules, comparison)
    place = comparison if schema is None else schema.line_of(name, comparison)
    if limit is not None:
        if not column.js > limit:
            return None
        what = f"the Jensen-Shannon divergence is {column.js:.3f}, {comparison} is {limit:g}"
        severity = "error" if rules is None else rules.severity
    elif column.status == "no drift":
        return None
    else:
        what = str(column.reason)
        severity = "error" if column.status == "drift detected" else "warning"
        if rules is not None and rules.severity == "warning":
            severity = "warning"
    new = [str(value) for value in list(getattr(column, "new_categories", None) or ())[:3]]
    return Anomaly(
        name, comparison, what, 0, 0.0, shown(new), severity,
        f"{comparison}: {min(1.0, round(float(column.js) + 0.01, 2))} in {place}, or train again",
    )  # fmt: skip
