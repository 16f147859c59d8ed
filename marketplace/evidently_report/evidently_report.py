"""A monitoring application that makes an Evidently report of each window and judges its drift."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
)
from mlrun_like.monitoring.applications.shipped.evidently import (
    EvidentlyModelMonitoringApplicationBase,
)
from mlrun_like.registry import require

__all__ = ["EvidentlyReport"]

_COLUMN = re.compile(r"column=([^,)]+)")
_OWN = ("timestamp", "event_id", "latency_us", "status", "error", "error_kind", "operation", "row")


class EvidentlyReport(EvidentlyModelMonitoringApplicationBase):
    """Reports each window with Evidently, compared with a reference if there is one.

    Gives the result `drifted_share` (the share of the columns that drifted), the metrics
    `drifted_columns`, `missing_share` and `rows`, and logs the report as `evidently_report`.
    Without a reference there is a summary only, and no result about drift.

    Args:
        reference: The table that windows are compared with: a file, URL or artifact.
        columns: Which columns; empty: those that window and reference share.
        method: Evidently's test of drift, such as `psi` or `wasserstein`; empty: its own choice by
            type and number of values.
        potential: From which share of drifted columns on drift is possible.
        detected: From which on it is detected.
        log_report: Whether the report is logged as a page (of some megabytes).
        evidently_workspace_path: Folder of an Evidently workspace that gets each report; empty:
            none.
        evidently_project_id: A project of it; empty: made on first use.

    Raises:
        MissingDependencyError: if Evidently is not installed.
        InvalidArgumentError: unless 0 < potential <= detected <= 1.
    """

    NAME = "evidently-report"

    def __init__(
        self,
        reference: str = "",
        columns: Sequence[str] = (),
        method: str = "",
        potential: float = 0.25,
        detected: float = 0.5,
        log_report: bool = True,
        evidently_workspace_path: str = "",
        evidently_project_id: str = "",
    ) -> None:
        if not 0 < potential <= detected <= 1:
            raise InvalidArgumentError(
                f"thresholds {potential!r} and {detected!r} do not fit together",
                fix="choose 0 < potential <= detected <= 1",
            )
        super().__init__(evidently_workspace_path, evidently_project_id)
        self.reference, self.columns, self.method = reference, list(columns), method
        self.potential, self.detected, self.log_report = potential, detected, log_report
        self._reference: pd.DataFrame | None = None

    def do_tracking(
        self, monitoring_context: MonitoringApplicationContext
    ) -> list[ModelMonitoringApplicationMetric | ModelMonitoringApplicationResult]:
        """Report a window."""
        window = monitoring_context.sample_df
        before = self._read_reference()
        names = self._names(window, before)
        now = window[names]
        metrics = [ModelMonitoringApplicationMetric("rows", len(now))]
        if not len(now):
            return [*metrics]
        missing = float(now.isna().to_numpy().mean())
        metrics.append(ModelMonitoringApplicationMetric("missing_share", missing))
        presets = require("evidently.presets", extra="evidently", feature=type(self).__name__)
        parts = [presets.DataSummaryPreset()]
        if before is not None:
            chosen = {"method": self.method} if self.method else {}
            parts.append(presets.DataDriftPreset(**chosen))
        made = self.run_report(parts, now, None if before is None else before[names])
        if self.log_report:
            self.log_evidently_object(monitoring_context, made, "evidently_report")
        if self.evidently_workspace_path:
            self.add_run(made)
        if before is None:
            return [*metrics]
        count, share, scores = _drift_of(made)
        metrics.append(ModelMonitoringApplicationMetric("drifted_columns", count))
        return [*metrics, self._result(share, scores)]

    def _result(self, share: float, scores: dict[str, float]) -> ModelMonitoringApplicationResult:
        status = ResultStatusApp.no_detection
        if share >= self.detected:
            status = ResultStatusApp.detected
        elif share >= self.potential:
            status = ResultStatusApp.potential_detection
        return ModelMonitoringApplicationResult(
            "drifted_share", share, ResultKindApp.data_drift, status, {"scores": scores}
        )

    def _read_reference(self) -> pd.DataFrame | None:
        if self.reference and self._reference is None:
            self._reference = ml.get_dataitem(self.reference).as_df()
        return self._reference

    def _names(self, window: pd.DataFrame, before: pd.DataFrame | None) -> list[str]:
        known = window.columns if before is None else before.columns
        wanted = self.columns or [one for one in known if one not in _OWN]
        names = [one for one in wanted if one in window.columns and one in known]
        lacking = sorted(set(self.columns) - set(names))
        if lacking or not names:
            raise InvalidArgumentError(
                f"window and reference do not share {', '.join(lacking) or 'any column'}",
                where=f"monitoring application {self.NAME!r}",
                fix=f"the window has {', '.join(map(str, window.columns))}"[:500],
            )
        return names


def _drift_of(report: Any) -> tuple[int, float, dict[str, float]]:
    """How many columns drifted, their share, and each column's score."""
    count, share, scores = 0, 0.0, {}
    for metric in report.dict()["metrics"]:
        name = str(metric.get("metric_name") or metric.get("metric_id") or "")
        value = metric.get("value")
        if name.startswith("DriftedColumnsCount"):
            count, share = int(value["count"]), float(value["share"])
        elif name.startswith("ValueDrift") and (found := _COLUMN.search(name)):
            scores[found[1]] = round(float(value), 6)
    return count, share, scores
