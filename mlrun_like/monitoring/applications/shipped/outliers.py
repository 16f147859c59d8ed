"""Values that training hardly had: outside of its range, or far from its middle."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.histograms import numbers_of
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ResultKindApp,
)
from mlrun_like.monitoring.applications.shipped.judging import Thresholds, judged

__all__ = ["Outliers"]

_NAMED = 10


class Outliers(ModelMonitoringApplicationBase):
    """Rows with a numeric value outside of training's range, widened by a part of its width.

    Training's range is from its least to its greatest value; without these, its mean and `spread`
    standard deviations on each side. Gives the result `outlier_rows` (share of rows), whose extra
    data name features and their shares, and the metric `outlier_values`.

    Args:
        margin: Part of the range's width that is allowed on each side.
        spread: Standard deviations, where the range is not known.
        potential: Share of rows that is worth a look.
        detected: Share of rows that is an incident.
    """

    NAME = "outliers"

    def __init__(
        self, margin: float = 0.05, spread: float = 4.0, potential: float = 0.02,
        detected: float = 0.05,
    ) -> None:  # fmt: skip
        self.margin = margin
        self.spread = spread
        self.limits = Thresholds(potential, detected)

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Count the rows."""
        context, frame = monitoring_context, monitoring_context.sample_df
        rows = np.zeros(len(frame), dtype=bool)
        shares: dict[str, float] = {}
        values = 0
        for name, stats in context.feature_stats.items():
            limits = self._range(stats)
            if limits is None or name not in frame.columns or name in context.label_names:
                continue
            numbers = numbers_of(frame[name])
            with np.errstate(invalid="ignore"):
                far = (numbers < limits[0]) | (numbers > limits[1])
            rows |= far
            count = int(far.sum())
            values += count
            if count:
                shares[name] = count / len(frame)
        share = float(rows.mean()) if len(rows) else 0.0
        order = sorted(shares, key=lambda one: -shares[one])[:_NAMED]
        features = {name: round(shares[name], 6) for name in order}
        return [
            judged("outlier_rows", share, ResultKindApp.data_drift, self.limits, features=features),
            ModelMonitoringApplicationMetric("outlier_values", values),
        ]

    def _range(self, stats: dict[str, Any]) -> tuple[float, float] | None:
        low, high = _number(stats.get("min")), _number(stats.get("max"))
        if low is not None and high is not None:
            width = self.margin * (high - low)
            return low - width, high + width
        mean, std = _number(stats.get("mean")), _number(stats.get("std"))
        if mean is not None and std is not None:
            return mean - self.spread * std, mean + self.spread * std
        return None


def _number(value: Any) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    return float(value) if usable else None
