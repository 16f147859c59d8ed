"""Applications that look at windows of an endpoint's requests, and the controller that runs them.

base.py          ModelMonitoringApplicationBase: a user's do_tracking
context.py       MonitoringApplicationContext: what do_tracking gets
results.py       results with kind and status, metrics, statistics
registering.py   register_application, enable, disable: which applications watch a project
definitions.py   those definitions, read and made ready to run
loading.py       from a class path, file or stored function to a class
controller.py    controller_pass: every due window, exactly once
task.py          one application on one endpoint in a pass; failures, retries
windows.py       which windows are due
frames.py        events in bulk, cut into windows
runner.py        user code in a thread, with a time limit
writing.py       from results to rows and happenings
revisiting.py    finished windows whose labels came late
report.py        what a pass did
view.py          an endpoint with what is made from it once
histograms.py    histograms of a window over training's bins
distances.py     MLRun's distances between histograms
evaluating.py    an application on data or past windows, at once
shipped/         applications that come with the platform
"""

from __future__ import annotations

from typing import Any

from mlrun_like.registry import resolve

_HERE = "mlrun_like.monitoring.applications"
_LAZY = {
    "HistogramDataDriftApplication": f"{_HERE}.shipped.histogram_data_drift",
    "ModelMonitoringApplicationBase": f"{_HERE}.base",
    "ModelMonitoringApplicationBaseV2": f"{_HERE}.base",
    "ModelMonitoringApplicationMetric": f"{_HERE}.results",
    "ModelMonitoringApplicationResult": f"{_HERE}.results",
    "MonitoringApplicationContext": f"{_HERE}.context",
    "ResultKindApp": f"{_HERE}.results",
    "ResultStatusApp": f"{_HERE}.results",
    "controller_pass": f"{_HERE}.controller",
    "register_application": f"{_HERE}.registering",
}
__all__ = [
    "HistogramDataDriftApplication",
    "ModelMonitoringApplicationBase",
    "ModelMonitoringApplicationBaseV2",
    "ModelMonitoringApplicationMetric",
    "ModelMonitoringApplicationResult",
    "MonitoringApplicationContext",
    "ResultKindApp",
    "ResultStatusApp",
    "controller_pass",
    "register_application",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return resolve(f"{_LAZY[name]}:{name}")
