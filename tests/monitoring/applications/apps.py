"""Monitoring applications that tests register by file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
)


class Once(ModelMonitoringApplicationBase):
    """A number that is another one each time it is worked out, so that doing it twice shows."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        time.sleep(self.pause)
        token = int.from_bytes(os.urandom(6), "big")
        return [
            ModelMonitoringApplicationResult(
                "token",
                token,
                ResultKindApp.data_drift,
                ResultStatusApp.detected,
                {"pid": os.getpid()},
            ),
            ModelMonitoringApplicationMetric("rows", len(monitoring_context.sample_df)),
        ]


class Failing(ModelMonitoringApplicationBase):
    """Raises while a file exists."""

    def __init__(self, flag: str = "") -> None:
        self.flag = flag

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        if not self.flag or Path(self.flag).exists():
            raise ZeroDivisionError("the user's mistake")
        return {"fine": 1}


class Hanging(ModelMonitoringApplicationBase):
    """Does not come back while a file exists."""

    def __init__(self, flag: str) -> None:
        self.flag = flag

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        while Path(self.flag).exists():
            time.sleep(0.01)
        return {"fine": 1}


class Crashing(ModelMonitoringApplicationBase):
    """Ends the process in the window that begins at a time."""

    def __init__(self, at: float) -> None:
        self.at = at

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        if monitoring_context.window.start == self.at:
            os._exit(9)
        return ModelMonitoringApplicationMetric("rows", len(monitoring_context.sample_df))
