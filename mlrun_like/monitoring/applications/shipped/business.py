"""A number of the business from a window's columns."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ResultKindApp,
)
from mlrun_like.monitoring.applications.shipped.formula import Formula
from mlrun_like.monitoring.applications.shipped.judging import Thresholds, judged

__all__ = ["BusinessMetric"]


class BusinessMetric(ModelMonitoringApplicationBase):
    """An expression over the columns of a window; see `formula.py` for what it may hold.

    Args:
        expression: Such as `"sum(price * (prediction == 1)) / count()"`.
        name: The number's name.
        potential: From here on it is worth a look; None: never.
        detected: From here on it is an incident; below `potential`: it gets worse downwards.
        low: With one limit: it gets worse downwards.
        kind: What it is about, if it is judged.

    Without limits it is a metric, with them a result.

    Raises:
        InvalidArgumentError: if the expression or a limit cannot be used.
    """

    NAME = "business-metric"

    def __init__(
        self,
        expression: str,
        name: str = "business_metric",
        potential: float | None = None,
        detected: float | None = None,
        low: bool = False,
        kind: str = "model_performance",
    ) -> None:
        self.formula = Formula(expression)
        self.metric = ModelMonitoringApplicationMetric(name, 0).name
        self.limits = Thresholds(potential, detected, low=low)
        if kind not in ResultKindApp.__members__:
            raise InvalidArgumentError(
                f"{kind!r} is no kind of result", fix=f"use {', '.join(ResultKindApp.__members__)}"
            )
        self.about = ResultKindApp[kind]

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        """Work out the number."""
        value = self.formula.value(monitoring_context.sample_df)
        if self.limits.potential is None and self.limits.detected is None:
            return ModelMonitoringApplicationMetric(self.metric, value)
        columns = sorted(self.formula.columns)
        return judged(
            self.metric, value, self.about, self.limits,
            expression=self.formula.text, features=columns,
        )  # fmt: skip
