"""MLRun's default data drift application: distances of histograms, averaged over the features.

general_drift = mean of the mean Hellinger distance and the mean total variance distance
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.distances import (
    HellingerDistance,
    HistogramDistanceMetric,
    KullbackLeiblerDivergence,
    TotalVarianceDistance,
)
from mlrun_like.monitoring.applications.histograms import stack
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationResult,
    ModelMonitoringApplicationStats,
    ResultKindApp,
    ResultStatusApp,
)
from mlrun_like.monitoring.applications.shipped.drift_table import drift_table

__all__ = [
    "DataDriftClassifier",
    "HistogramDataDriftApplication",
    "InvalidMetricValueError",
    "InvalidThresholdValueError",
    "ValueClassifier",
]

_AS_MATRIX = frozenset({TotalVarianceDistance, HellingerDistance, KullbackLeiblerDivergence})
_NAMED = 10  # features that the result's extra data name


InvalidMetricValueError = InvalidThresholdValueError = InvalidArgumentError  # MLRun's names


class ValueClassifier(Protocol):
    """Decides what a distance means."""

    def value_to_status(self, value: float) -> ResultStatusApp:
        """The status of a distance."""


@dataclass
class DataDriftClassifier:
    """Two thresholds.

    Args:
        potential: From here on drift is possible.
        detected: From here on it is detected.

    Raises:
        InvalidThresholdValueError: unless 0 < potential < detected < 1.

    >>> DataDriftClassifier().value_to_status(0.6).name
    'potential_detection'
    """

    potential: float = 0.5
    detected: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.potential < self.detected < 1:
            raise InvalidThresholdValueError(
                f"thresholds {self.potential!r} and {self.detected!r} do not fit together",
                fix="choose 0 < potential < detected < 1",
            )

    def value_to_status(self, value: float) -> ResultStatusApp:
        """The status of a distance in [0, 1].

        Raises:
            InvalidMetricValueError: if it is not in that range.
        """
        if not 0 <= value <= 1:
            raise InvalidMetricValueError(f"the distance {value!r} is not in [0, 1]")
        if value >= self.detected:
            return ResultStatusApp.detected
        if value >= self.potential:
            return ResultStatusApp.potential_detection
        return ResultStatusApp.no_detection


class HistogramDataDriftApplication(ModelMonitoringApplicationBase):
    """Data drift of numeric features against training, as MLRun computes it.

    Gives the metrics `hellinger_mean`, `kld_mean`, `tvd_mean` and the result `general_drift`, whose
    extra data name the features that moved most. Without training statistics it logs a warning and
    gives nothing. Features that the window does not have are named in the extra data.

    Args:
        value_classifier: Decides the status; None: 0.5 potential, 0.7 detected.
        produce_json_artifact: Log `features_drift_results`, the drift of each feature.
        produce_plotly_artifact: Log `drift_table_plot`, a page with numbers and histograms. It is
            drawn without plotly, so it opens offline.
    """

    NAME = "histogram-data-drift"
    metrics: list[type[HistogramDistanceMetric]] = [  # noqa: RUF012 - MLRun's attribute
        HellingerDistance,
        KullbackLeiblerDivergence,
        TotalVarianceDistance,
    ]

    def __init__(
        self,
        value_classifier: ValueClassifier | None = None,
        produce_json_artifact: bool = False,
        produce_plotly_artifact: bool = False,
    ) -> None:
        if not {HellingerDistance, TotalVarianceDistance} <= set(self.metrics):
            raise InvalidArgumentError(
                "the result needs the Hellinger and the total variance distance",
                where=f"{type(self).__name__}.metrics",
            )
        self._value_classifier = value_classifier or DataDriftClassifier()
        self._produce_json_artifact = produce_json_artifact
        self._produce_plotly_artifact = produce_plotly_artifact

    def do_tracking(
        self, monitoring_context: MonitoringApplicationContext
    ) -> list[
        ModelMonitoringApplicationResult
        | ModelMonitoringApplicationMetric
        | ModelMonitoringApplicationStats
    ]:
        """Distances of the window from training."""
        if not monitoring_context.feature_stats:
            monitoring_context.logger.warning(
                "no feature statistics: log the model with its training set",
                endpoint=str(monitoring_context.endpoint_id),
            )
            return []
        names, table, missing = self._distances(monitoring_context)
        if not names:
            return []
        per_feature = self._per_feature(names, table)
        self._log_drift_artifacts(monitoring_context, names, table, per_feature)
        means = table.mean(axis=0)
        metrics = [
            ModelMonitoringApplicationMetric(f"{metric.NAME}_mean", mean)
            for metric, mean in zip(self.metrics, means, strict=True)
        ]
        value = float(per_feature.mean())
        worst = np.argsort(-per_feature)[:_NAMED]
        extra: dict[str, Any] = {
            "features": {names[i]: round(float(per_feature[i]), 6) for i in worst}
        }
        if missing:
            extra["missing_features"] = missing[:_NAMED]
        result = ModelMonitoringApplicationResult(
            "general_drift",
            value,
            ResultKindApp.data_drift,
            self._value_classifier.value_to_status(value),
            extra,
        )
        return [*metrics, result, *self._stats(monitoring_context, names, table, metrics)]

    def _distances(self, context: MonitoringApplicationContext) -> tuple[list[str], Any, list[str]]:
        """Features, a row of distances for each, and those that the window does not have."""
        if type(context) is MonitoringApplicationContext:
            sample, reference = context.sample_counts, context.reference_shares
        else:
            sample = _columns(context, context.sample_df_stats)
            reference = _columns(context, context.feature_stats)
        names = [
            name
            for name, shares in reference.items()
            if name in sample and len(sample[name]) == len(shares)
        ]
        table = np.full((len(names), len(self.metrics)), np.nan)
        if type(context) is MonitoringApplicationContext:
            before = context.view.histograms.stacks(tuple(names))
        else:
            before = stack({name: reference[name] for name in names})
        now = stack({name: sample[name] for name in names})
        for (rows, u), (_, t) in zip(before, now, strict=True):
            totals = t.sum(axis=1, keepdims=True)
            present = totals[:, 0] > 0
            chosen = np.asarray(rows)[present]
            self._measure(table, chosen, t[present] / totals[present], u[present])
        kept = ~np.isnan(table[:, 0]) if len(names) else np.zeros(0, bool)
        usable = [name for name, keep in zip(names, kept, strict=True) if keep]
        return usable, table[kept], [name for name in reference if name not in set(usable)]

    def _measure(self, table: Any, rows: Any, t: Any, u: Any) -> None:
        """Fill in the distances between the rows of two matrices of shares."""
        for column, metric in enumerate(self.metrics):
            if metric in _AS_MATRIX:
                table[rows, column] = metric(distrib_t=t, distrib_u=u).compute()
                continue
            for k, row in enumerate(rows):
                table[row, column] = metric(distrib_t=t[k], distrib_u=u[k]).compute()

    def _compute_metrics_per_feature(
        self, monitoring_context: MonitoringApplicationContext
    ) -> pd.DataFrame:
        """The distances as a table: a row a feature."""
        names, table, _ = self._distances(monitoring_context)
        return pd.DataFrame(table, index=names, columns=[one.NAME for one in self.metrics])

    def _per_feature(self, names: list[str], table: Any) -> Any:
        """The drift of each feature: the mean of its two bounded distances."""
        columns = [self.metrics.index(one) for one in (HellingerDistance, TotalVarianceDistance)]
        return np.clip(table[:, columns].mean(axis=1), 0.0, 1.0)

    def _stats(
        self, context: MonitoringApplicationContext, names: list[str], table: Any,
        metrics: list[ModelMonitoringApplicationMetric],
    ) -> list[ModelMonitoringApplicationStats]:  # fmt: skip
        """What MLRun shows beside an endpoint: the window's statistics and its distances."""
        columns = [one.NAME for one in self.metrics]

        def measures() -> dict[str, Any]:
            rows = {
                name: dict(zip(columns, row.tolist(), strict=True))
                for name, row in zip(names, table, strict=True)
            }
            return rows | {one.name: one.value for one in metrics}

        when = context.end_infer_time.isoformat(sep=" ", timespec="microseconds")
        return [
            ModelMonitoringApplicationStats("current_stats", lambda: context.sample_df_stats, when),
            ModelMonitoringApplicationStats("drift_measures", measures, when),
        ]

    def _log_drift_artifacts(
        self, context: MonitoringApplicationContext, names: list[str], table: Any, drift: Any
    ) -> None:
        if self._produce_json_artifact:
            values = {name: float(value) for name, value in zip(names, drift, strict=True)}
            context.log_artifact("features_drift_results", json.dumps(values), format="json")
        if self._produce_plotly_artifact:
            statuses = [self._value_classifier.value_to_status(float(one)) for one in drift]
            page = drift_table(
                context, names, table, [one.NAME for one in self.metrics], (drift, statuses)
            )
            context.log_artifact("drift_table_plot", page, format="html")


def _columns(context: MonitoringApplicationContext, stats: Any) -> dict[str, Any]:
    table = context.dict_to_histogram(stats)
    return {str(name): np.asarray(table[name], dtype="float64") for name in table}
