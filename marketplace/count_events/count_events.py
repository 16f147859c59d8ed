"""A monitoring application that counts the answered events of each window."""

from __future__ import annotations

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
)

__all__ = ["CountApp"]


class CountApp(ModelMonitoringApplicationBase):
    """Gives the metric `count`: how many events of the window were answered."""

    NAME = "count-events"
    empty_windows = True  # between others, a window without events is the finding

    def do_tracking(
        self, monitoring_context: MonitoringApplicationContext
    ) -> ModelMonitoringApplicationMetric:
        """Count the events of a window."""
        count = len(monitoring_context.sample_df)
        monitoring_context.logger.info(
            "counted the events of a window",
            endpoint=monitoring_context.endpoint_name,
            count=count,
            start=str(monitoring_context.start_infer_time),
            end=str(monitoring_context.end_infer_time),
        )
        return ModelMonitoringApplicationMetric("count", count)
