"""A metric per slice of a data set, and the worst slices found automatically."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.analysis.pages import slices_page
from mlrun_like.monitoring.analysis.report import Report, plain
from mlrun_like.monitoring.analysis.rows import Rows
from mlrun_like.promotion.scores import lower_is_better
from mlrun_like.promotion.slice_metrics import evaluator_of
from mlrun_like.promotion.worst_slice import slice_row
from mlrun_like.statistics.conditions import Condition, encode
from mlrun_like.statistics.evaluators import Evaluator
from mlrun_like.statistics.slice_search import Found, Search, SearchOptions, search_slices

__all__ = ["SliceLimits", "SliceReport", "SliceRow", "analyse_slices"]

_MOST = 1000


@dataclass(frozen=True)
class SliceLimits:
    """What slices must keep.

    Args:
        least: The least value of each given slice.
        most: The largest value of each, for metrics of which less is better.
        gap: By how much a slice that was found may be worse than the rest; None: no limit.
        rows: Given slices of fewer rows are shown, and not judged.
    """

    least: float | None = None
    most: float | None = None
    gap: float | None = None
    rows: int = 30


class SliceRow(NamedTuple):
    """One given slice: its metric with its interval; `passed` None: not judged."""

    by: str
    slice: str
    rows: int
    value: float
    low: float
    high: float
    passed: bool | None


@dataclass(frozen=True)
class SliceReport(Report):
    """The metric of all rows, of the given slices, and the worst slices that were found."""

    metric: str
    overall: float
    rows: int
    dropped: int
    given: list[SliceRow]
    found: Search
    limits: SliceLimits = field(default_factory=SliceLimits)
    model: str = ""
    title = "slices"

    @property
    def worst(self) -> list[Found]:
        """The slices that were found, the surest and largest difference first."""
        return self.found.slices

    @property
    def problems(self) -> list[str]:
        limit = self.limits.least if self.limits.least is not None else self.limits.most
        told = [
            f"{self.metric} is {row.value:.4g} where {row.slice} ({row.rows} rows), limit {limit:g}"
            for row in self.given
            if row.passed is False and limit is not None
        ]
        if self.limits.gap is not None:
            told += [
                f"{self.metric} is {one.value:.4g} where {one.name} ({one.rows} rows), "
                f"{one.gap:.4g} worse than elsewhere, limit {self.limits.gap:g}"
                for one in self.worst
                if one.gap > self.limits.gap
            ]
        return told

    def frame(self) -> pd.DataFrame:
        """The found slices as a table."""
        columns = list(slice_row(self.worst[0])) if self.worst else ["slice", "rows", "value"]
        return pd.DataFrame([slice_row(one) for one in self.worst], columns=columns)

    def summary(self) -> dict[str, Any]:
        worst = self.worst[0] if self.worst else None
        return {
            self.metric: self.overall,
            "slices_tested": self.found.tested,
            "slices_found": len(self.worst),
            "worst_slice": worst.name if worst else "",
            "worst_gap": worst.gap if worst else 0.0,
        }

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = plain(
            {
                "model": self.model,
                "metric": self.metric,
                "overall": self.overall,
                "rows": self.rows,
                "rows_without_prediction": self.dropped,
                "slices": [row._asdict() for row in self.given],
                "tested": self.found.tested,
                "worst": [slice_row(one) for one in self.worst],
                "problems": self.problems,
            }
        )
        return found

    def to_html(self) -> str:
        return slices_page(self.to_dict())


def analyse_slices(
    rows: Rows,
    metric: str | Callable[[Any, Any], float] = "",
    *,
    by: Sequence[Any] | Mapping[str, Any] = (),
    columns: Sequence[str] | None = None,
    bins: int = 4,
    limits: SliceLimits | None = None,
    search: SearchOptions | None = None,
    lower: bool | None = None,
) -> SliceReport:
    """Measure slices.

    Args:
        rows: By `rows_of`.
        metric: One of `promotion.scores.SCORES`, or a function of truth and prediction; empty:
            `accuracy` of classes, `mae` of numbers.
        by: Slices that are measured always: names of columns, tuples of them for intersections,
            `Condition` objects, or a mapping of names to masks or functions of the frame.
        columns: Columns in which the worst slices are looked for; None: all; empty: none.
        bins: Of columns of numbers and times, by quantiles.
        limits: What slices must keep.
        search: Depth, sizes and levels of the search.
        lower: Whether less of the metric is better; None: told by its name.

    Raises:
        InvalidArgumentError: if a column or metric is not there, or the metric does not fit.

    >>> from mlrun_like.monitoring.analysis.rows import rows_of
    >>> data = pd.DataFrame({"c": ["a", "b"] * 200, "y": [0, 1] * 200, "p": [0] * 400})
    >>> report = analyse_slices(rows_of(data, "y", "p"), by=["c"])
    >>> [(row.slice, row.value) for row in report.given], report.worst[0].name
    ([('c = a', 1.0), ('c = b', 0.0)], 'c = b')
    """
    chosen, bound = search or SearchOptions(), limits or SliceLimits()
    if callable(metric):
        name = getattr(metric, "__name__", "metric")
        said = rows.predicted if rows.predicted is not None else rows.scores
        overall = float(metric(rows.truth, said))
    else:
        metric = metric or rows.default_metric
        name, said, overall = metric, rows.said(metric), rows.measured(metric)
    evaluator = evaluator_of(metric, rows.truth, said, rows.positive)
    less = lower_is_better(name) if lower is None else lower
    given = [
        _measured(evaluator, parts, bound, chosen.confidence)
        for parts in _given(rows.frame, by, bins)
    ]
    names = list(rows.frame.columns) if columns is None else list(columns)
    coded = encode(rows.frame, names, bins=bins)
    coded = [one for one in coded if len(one.conditions) > 1]
    found = search_slices(coded, evaluator, less, chosen)
    return SliceReport(
        name, overall, len(rows.truth), rows.dropped, given, found, bound, rows.model
    )


def _measured(
    evaluator: Evaluator, given: tuple[str, str, Any], limits: SliceLimits, confidence: float
) -> SliceRow:
    by, name, mask = given
    found = evaluator.one(mask)
    value = float(evaluator.shown(found.value[0]))
    low, high = evaluator.interval(found, 0, confidence)
    count = int(found.rows[0])
    passed: bool | None = None
    if count >= limits.rows and not math.isnan(value):
        if limits.least is not None:
            passed = value >= limits.least
        elif limits.most is not None:
            passed = value <= limits.most
    return SliceRow(by, name, count, value, low, high, passed)


def _given(
    frame: pd.DataFrame, by: Sequence[Any] | Mapping[str, Any], bins: int
) -> list[tuple[str, str, Any]]:
    """(what it is by, name, mask) of each given slice."""
    found: list[tuple[str, str, Any]] = []
    if isinstance(by, Mapping):
        return [("given", str(name), _mask(frame, name, mask)) for name, mask in by.items()]
    for one in [by] if isinstance(by, (str, Condition)) else by:
        if isinstance(one, Condition):
            found.append((str(one.column), str(one), one.rows(frame)))
            continue
        coded = encode(frame, one if isinstance(one, (tuple, list)) else [one], bins=bins)
        keys = np.column_stack([part.codes for part in coded])
        for key in np.unique(keys, axis=0):
            conditions = [part.conditions[code] for part, code in zip(coded, key, strict=True)]
            found.append(
                (
                    ", ".join(str(part.column) for part in coded),
                    " and ".join(map(str, conditions)),
                    (keys == key).all(axis=1),
                )
            )
        if len(found) > _MOST:
            raise InvalidArgumentError(
                f"there are more than {_MOST} slices by {one!r:.80}", fix="fewer bins or columns"
            )
    return found


def _mask(frame: pd.DataFrame, name: Any, mask: Any) -> Any:
    found = np.asarray(mask(frame) if callable(mask) else mask)
    if found.dtype != bool or found.shape != (len(frame),):
        raise InvalidArgumentError(
            f"slice {name!r:.60} is no mask of {len(frame)} rows: {found.dtype}, {found.shape}",
            fix='by={"old": frame["age"] > 60}',
        )
    return found
