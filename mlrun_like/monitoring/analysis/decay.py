"""How fast a model loses its quality: the trend over past windows, and when a limit is crossed.

The trend is the Theil-Sen line with its interval, so that one bad window does not make it; "it
decays" is said if the whole interval of the slope is on the bad side. The half-life is that of an
exponential decay, ln 2 over the slope of the logarithms: how long until half of the metric is gone
(of errors: until they have doubled).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring.analysis.pages import decay_page
from mlrun_like.monitoring.analysis.report import Report, plain
from mlrun_like.monitoring.analysis.rows import Rows
from mlrun_like.promotion.scores import SCORES, lower_is_better
from mlrun_like.statistics.conditions import column_of
from mlrun_like.statistics.intervals import check_confidence
from mlrun_like.statistics.trend import Trend, theil_sen
from mlrun_like.tracking.connect import open_store

__all__ = ["DAY", "DecayReport", "analyse_decay", "decay_of_results", "window_quality"]

DAY = 86_400.0
_LEAST = 30


@dataclass(frozen=True)
class DecayReport(Report):
    """The trend of a metric.

    Args:
        metric: Its name.
        times: Ends of the windows, in seconds since 1970.
        values: The metric of each.
        trend: The line; its time is in days since the last window, its slope per day.
        lower: Whether less is better.
        limit: The value that must not be crossed; None: no limit.
        half_life: Days until half is gone (or an error has doubled); None: it does not decay.
        within: Days before which crossing the limit is a problem.
    """

    metric: str
    times: list[float]
    values: list[float]
    trend: Trend
    lower: bool
    limit: float | None = None
    half_life: float | None = None
    within: float = 0.0
    model: str = ""
    title = "decay"

    @property
    def verdict(self) -> str:
        """`decays`, `improves` or `no trend shown`."""
        low, high = self.trend.interval
        if low <= 0 <= high:
            return "no trend shown"
        return "decays" if (low > 0) == self.lower else "improves"

    def days_left(self) -> tuple[float | None, float | None, float | None]:
        """Days until the limit is crossed: by the slope, at the earliest, at the latest.

        None: never, with that slope. 0: it is crossed already.
        """
        if self.limit is None:
            return None, None, None
        slopes = self.trend.slope, *self.trend.interval
        worst, best = (slopes[2], slopes[1]) if self.lower else (slopes[1], slopes[2])
        left, soon, late = (self._days(slope) for slope in (slopes[0], worst, best))
        return left, soon, late

    def _days(self, slope: float) -> float | None:
        gap = (self.limit or 0.0) - self.trend.intercept
        if (gap <= 0) == self.lower or not gap:
            return 0.0
        return gap / slope if slope and (gap > 0) == (slope > 0) else None

    @property
    def problems(self) -> list[str]:
        left = self.days_left()[0]
        if left is None or left > self.within:
            return []
        when = "has been crossed" if not left else f"is crossed in {left:.3g} days"
        return [
            f"the limit {self.limit:g} of {self.metric} {when}: {self.trend.intercept:.4g} now, "
            f"{self.trend.slope:+.3g} a day"
        ]

    def summary(self) -> dict[str, Any]:
        low, high = self.trend.interval
        found: dict[str, Any] = {
            "verdict": self.verdict,
            "slope_per_day": self.trend.slope,
            "slope_low": low,
            "slope_high": high,
            "now": self.trend.intercept,
        }
        if self.half_life is not None:
            found["half_life_days"] = self.half_life
        left = self.days_left()[0]
        return found if left is None else {**found, "days_until_limit": left}

    def to_dict(self) -> dict[str, Any]:
        left, soon, late = self.days_left()
        found: dict[str, Any] = plain(
            {
                "model": self.model,
                "metric": self.metric,
                **self.summary(),
                "chance": self.trend.chance,
                "limit": self.limit,
                "days_until_limit": left,
                "days_until_limit_earliest": soon,
                "days_until_limit_latest": late,
                "half_life_days": self.half_life,
                "windows": [
                    {"time": time, "value": value}
                    for time, value in zip(self.times, self.values, strict=True)
                ],
                "problems": self.problems,
            }
        )
        return found

    def to_html(self) -> str:
        return decay_page(self.to_dict())


def analyse_decay(
    times: Any,
    values: Any,
    metric: str = "quality",
    *,
    limit: float | None = None,
    lower: bool | None = None,
    within: float = 0.0,
    confidence: float = 0.95,
    model: str = "",
) -> DecayReport:
    """The trend of a metric over windows.

    Args:
        times: When each window ended: datetimes, ISO texts, or seconds since 1970.
        values: The metric of each window; those that are NaN are left out.
        metric: Its name.
        limit: The value that must not be crossed.
        lower: Whether less is better; None: told by the metric's name.
        within: Days from the last window; crossing the limit before then is a problem.
        confidence: Of the slope's interval.
        model: The model's name, for the report.

    Raises:
        InvalidArgumentError: if fewer than 3 windows have a number.

    >>> days = [DAY * number for number in range(10)]
    >>> report = analyse_decay(days, [0.9 - 0.01 * n for n in range(10)], "auc", limit=0.75)
    >>> report.verdict, round(report.days_left()[0], 6)
    ('decays', 6.0)
    """
    check_confidence(confidence)
    moments, found = _seconds(times), pd.to_numeric(pd.Series(list(values)), errors="coerce")
    if len(moments) != len(found):
        raise InvalidArgumentError(f"{len(found)} values for {len(moments)} times")
    numbers = found.to_numpy(dtype=float)
    known = np.isfinite(moments) & np.isfinite(numbers)
    order = np.argsort(moments[known], kind="stable")
    moments, numbers = moments[known][order], numbers[known][order]
    days = (moments - moments[-1]) / DAY if len(moments) else moments
    trend = theil_sen(days, numbers, confidence)
    less = lower_is_better(metric) if lower is None else lower
    half = None
    if (numbers > 0).all():
        slope = theil_sen(days, np.log(numbers), confidence).slope * (-1 if less else 1)
        half = -math.log(2) / slope if slope < 0 else None
    return DecayReport(
        metric, moments.tolist(), numbers.tolist(), trend, less, limit, half, within, model
    )


def window_quality(
    rows: Rows, time_column: str, metric: str = "", window: str = "1D", least: int = _LEAST
) -> tuple[list[float], list[float]]:
    """A metric per window of a data set: ends of the windows, in seconds, and values.

    Args:
        rows: By `rows_of`.
        time_column: The column of the rows' times.
        metric: One of `promotion.scores.SCORES`; empty: the one that fits the label.
        window: Its length, as pandas has it: `1h`, `1D`, `7D`.
        least: Windows of fewer rows are left out.

    Raises:
        InvalidArgumentError: if the column has no times, the window is no length, or none has so
            many rows.
    """
    metric = metric or rows.default_metric
    said = rows.said(metric)
    moments = _seconds(column_of(rows.frame, time_column))
    try:
        length = pd.Timedelta(window).total_seconds()
    except ValueError as exc:
        raise InvalidArgumentError(f"window {window!r:.40} is no length", fix="'1D'") from exc
    if not length > 0:
        raise InvalidArgumentError(f"window {window!r:.40} must be more than 0", fix="'1D'")
    place = np.floor(moments / length)
    ends, values = [], []
    windows = np.unique(place[np.isfinite(place)])
    for one in windows:
        at = np.flatnonzero(place == one)
        if len(at) >= least:
            ends.append(float((one + 1) * length))
            values.append(SCORES[metric](rows.truth[at], said[at], rows.positive))
    if not ends:
        raise InvalidArgumentError(
            f"none of {len(windows)} windows of {window} has {least} rows",
            fix="longer windows, such as window='7D'",
        )
    return ends, values


def decay_of_results(
    project: str,
    endpoint: str,
    name: str,
    *,
    application: str = "",
    limit: float | None = None,
    lower: bool | None = None,
    within: float = 0.0,
    confidence: float = 0.95,
) -> DecayReport:
    """The trend of a number that monitoring has stored for an endpoint, window by window.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        name: Of the result or metric, such as `accuracy`.
        application: Its application; empty: any.
        limit: As for `analyse_decay`; so are the others.
        lower: Whether less is better.
        within: Days.
        confidence: Of the slope's interval.

    Raises:
        NotFoundError: if no such number is stored.
    """
    found = open_store().list_results(project, endpoint, application, name)
    if not found:
        raise NotFoundError(
            f"no result {name!r:.60} of endpoint {endpoint!r:.60} is stored",
            where=f"project {project!r}",
            fix="mlrun-like monitor status shows what was computed",
        )
    return analyse_decay(
        [row.end for row in found], [row.value for row in found], name,
        limit=limit, lower=lower, within=within, confidence=confidence, model=endpoint,
    )  # fmt: skip


def _seconds(times: Any) -> Any:
    values = pd.Series(list(times))
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=float)
    found = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
    if len(found) and found.isna().all():
        raise InvalidArgumentError(
            f"{values.iloc[0]!r:.60} is no time", fix="datetimes, ISO texts or seconds since 1970"
        )
    seconds = found.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype("int64") / 1e9
    return np.where(found.isna().to_numpy(), np.nan, seconds)
