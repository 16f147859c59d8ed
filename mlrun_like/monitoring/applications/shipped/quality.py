"""How good the predictions were, as far as the truth is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ResultKindApp,
)
from mlrun_like.monitoring.applications.shipped.judging import Thresholds, judged
from mlrun_like.monitoring.recording.quality import window_quality

__all__ = ["ModelQuality"]

_DEFAULTS = {"classification": {"accuracy": [0.9, 0.8]}}


class ModelQuality(ModelMonitoringApplicationBase):
    """Accuracy, precision, recall, F1, errors and calibration of a window, by ground truth.

    Every number that has thresholds is a result of kind model performance, the others are metrics,
    as are `labelled` (rows whose label is known) and `labelled_share`. The last 24 windows are
    computed anew when labels for them come late. Windows without any label give no numbers; it is
    not called for endpoints that have none at all.

    Args:
        thresholds: Number -> two limits: worth a look, an incident; `{"accuracy": [0.9, 0.8]}`
            gets worse downwards, `{"rmse": [2, 4]}` upwards. None: accuracy as in this example
            for classification, nothing for regression.
        least_rows: Labelled rows that a judgement needs.
    """

    NAME = "model-quality"
    needs_labels = True
    revisit = 24

    def __init__(self, thresholds: Mapping[str, Any] | None = None, least_rows: int = 30) -> None:
        self.limits = None if thresholds is None else _limits(thresholds)
        self.least_rows = least_rows

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Work out the numbers."""
        context = monitoring_context
        found = window_quality(
            context.project_name, context.endpoint_id, context.window.start, context.window.end
        )
        labelled = int(found.get("labelled") or 0)
        events = int(found.get("events") or 0)
        results: list[Any] = [
            ModelMonitoringApplicationMetric("labelled", labelled),
            ModelMonitoringApplicationMetric("labelled_share", labelled / events if events else 0),
        ]
        if not labelled:
            return results
        limits = self.limits
        if limits is None:
            limits = _limits(_DEFAULTS.get(str(found.get("kind")), {}))
        numbers = dict(found)
        for output, more in (found.get("outputs") or {}).items():
            numbers |= {f"{_word(output)}_{name}": value for name, value in more.items()}
        for name, value in numbers.items():
            if name in ("labelled", "events") or not isinstance(value, (int, float)):
                continue
            if name in limits and labelled >= self.least_rows:
                results.append(
                    judged(name, value, ResultKindApp.model_performance, limits[name],
                           labelled=labelled, events=events)
                )  # fmt: skip
            else:
                results.append(ModelMonitoringApplicationMetric(name, value))
        return results


def _word(name: str) -> str:
    return re.sub(r"\W", "_", f"_{name}" if name[:1].isdigit() else name, flags=re.ASCII)


def _limits(thresholds: Mapping[str, Any]) -> dict[str, Thresholds]:
    return {
        name: Thresholds(*(one if isinstance(one, (list, tuple)) else (one,)))
        for name, one in thresholds.items()
    }
