"""NannyML's univariate drift as a monitoring application (extra: nannyml); against NannyML 0.13."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
)
from mlrun_like.registry import require

__all__ = ["NannyMLDriftApplication"]

_FEATURE = "the NannyML drift application"
_NAMED = 10


class NannyMLDriftApplication(ModelMonitoringApplicationBase):
    """Drift of each feature as NannyML computes it, against a table of reference data.

    Gives the result `nannyml_drift` (share of features with an alert) and the metric
    `nannyml_alerts`.

    Args:
        reference: URL or `store://` URI of the reference table, such as the training set.
        method: NannyML's method for numbers, such as `jensen_shannon` or `kolmogorov_smirnov`.
        potential: Share of features from which on it is worth a look.
        detected: Share of features from which on it is an incident.

    Raises:
        MissingDependencyError: if NannyML is not installed.
    """

    NAME = "nannyml-drift"

    def __init__(
        self, reference: str, method: str = "jensen_shannon", potential: float = 0.1,
        detected: float = 0.3,
    ) -> None:  # fmt: skip
        require("nannyml", extra="nannyml", feature=_FEATURE)
        self.reference = reference
        self.method = method
        self.potential, self.detected = potential, detected
        self._table: pd.DataFrame | None = None

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Compare the window with the reference."""
        context = monitoring_context
        if self._table is None:
            self._table = get_dataitem(self.reference).as_df()
        current = context.sample_df
        names = [
            name
            for name in self._table.columns
            if name in current.columns and self._table[name].dtype.kind in "fiu"
        ]
        if not names:
            raise InvalidArgumentError(
                f"the reference {self.reference!r} shares no numeric column with the window",
                where=f"monitoring application {context.application_name!r}",
            )
        if not len(current):
            return []
        alerts = self._alerts(self._table[names], current[names], names)
        share = len(alerts) / len(names)
        status = ResultStatusApp.no_detection
        if share >= self.detected:
            status = ResultStatusApp.detected
        elif share >= self.potential:
            status = ResultStatusApp.potential_detection
        extra = {"features": alerts[:_NAMED], "method": self.method}
        return [
            ModelMonitoringApplicationResult(
                "nannyml_drift", share, ResultKindApp.data_drift, status, extra
            ),
            ModelMonitoringApplicationMetric("nannyml_alerts", len(alerts)),
        ]

    def _alerts(
        self, reference: pd.DataFrame, current: pd.DataFrame, names: list[str]
    ) -> list[str]:
        """Features whose window is beyond NannyML's own threshold, the farthest first."""
        nannyml = require("nannyml", extra="nannyml", feature=_FEATURE)
        # chunks as long as the window, so that the threshold knows how much chance there is
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=names,
            continuous_methods=[self.method],
            chunk_size=max(2, min(len(current), len(reference) // 2)),
        )
        calculator.fit(reference.reset_index(drop=True))
        table = calculator.calculate(current.reset_index(drop=True)).to_df()
        found = {}
        for name in names:
            part = table[name][self.method]
            part = part[(table["chunk", "chunk", "period"] == "analysis").to_numpy()]
            if bool(part["alert"].any()):
                found[name] = float(part["value"].max())
        return sorted(found, key=lambda one: -found[one])
