"""Drift of what a model answers: the first thing to see when labels are not known yet."""

from __future__ import annotations

from typing import Any

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import ResultKindApp
from mlrun_like.monitoring.applications.shipped.data_drift import drift_results

__all__ = ["PredictionDrift"]


class PredictionDrift(ModelMonitoringApplicationBase):
    """Drift of predictions from the labels of training.

    Gives the result `prediction_drift` of kind concept drift; see `DataDrift` for its numbers.

    Args:
        report: When a page is logged as `prediction_drift_report`: `drift`, `always`, `never`.
        least_rows: Windows with fewer rows give nothing.
    """

    NAME = "prediction-drift"

    def __init__(self, report: str = "never", least_rows: int = 20) -> None:
        self.report = report
        self.least_rows = least_rows

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Compare the window's predictions with training's labels."""
        return drift_results(
            monitoring_context, monitoring_context.label_names, "prediction_drift",
            ResultKindApp.concept_drift, self.report, self.least_rows,
        )  # fmt: skip
