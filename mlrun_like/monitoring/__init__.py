"""Keeping served models alive: what they see and answer is watched, judged, told and acted on.

    import mlrun_like.monitoring as mm

    fn.set_tracking()                                # requests and answers go to the store
    mm.log_ground_truth("clinic", uid, {answer["id"]: 1})        # what was true, when it is known
    mm.list_model_endpoints("clinic")
    mm.validate("new.parquet", reference="train.parquet").to_html()

endpoints/     which model answers where
recording/     from the serving worker to data frames; ground truth, live quality
applications/  what looks at windows of requests, and the controller that runs it, once
alerts/        what happened -> rules -> incidents, notifications
actions/       what an alert does: retrain, roll back, call
validation/    schemas, anomalies, drift and skew, personal data
description/   what a table holds, for people: numbers, oddities, charts
analysis/      before release: slices, fairness, comparison, decay
dashboards/    Prometheus numbers, Grafana dashboards made by a program
pages/         the same as web pages, without either
service.py     the loop that does all of it; beside.py: started beside a server
api.py         MLRun's functions for batches; offline.py, datasets.py: how they record
clock.py       the time, or a simulated one
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.monitoring.alerts.definition import AlertConfig
    from mlrun_like.monitoring.alerts.events import generate_event
    from mlrun_like.monitoring.alerts.incidents import acknowledge, list_activations, time_line
    from mlrun_like.monitoring.alerts.kinds import (
        AlertSeverity,
        EventEntityKind,
        EventKind,
        ResetPolicy,
    )
    from mlrun_like.monitoring.alerts.model import (
        Absence,
        AlertCriteria,
        AlertNotification,
        AlertTrigger,
        EventEntities,
        StatusChange,
        Threshold,
    )
    from mlrun_like.monitoring.alerts.silences import silence
    from mlrun_like.monitoring.analysis.comparison import compare_models
    from mlrun_like.monitoring.analysis.decay import analyse_decay
    from mlrun_like.monitoring.analysis.fairness import analyse_fairness
    from mlrun_like.monitoring.analysis.slices import analyse_slices
    from mlrun_like.monitoring.api import record_results
    from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
    from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
    from mlrun_like.monitoring.applications.controller import controller_pass
    from mlrun_like.monitoring.applications.registering import register_application
    from mlrun_like.monitoring.applications.results import (
        ModelMonitoringApplicationMetric,
        ModelMonitoringApplicationResult,
        ResultKindApp,
        ResultStatusApp,
    )
    from mlrun_like.monitoring.applications.shipped.business import BusinessMetric
    from mlrun_like.monitoring.applications.shipped.categories import Categories
    from mlrun_like.monitoring.applications.shipped.data_drift import DataDrift
    from mlrun_like.monitoring.applications.shipped.evidently import (
        EvidentlyModelMonitoringApplicationBase,
    )
    from mlrun_like.monitoring.applications.shipped.histogram_data_drift import (
        DataDriftClassifier,
        HistogramDataDriftApplication,
    )
    from mlrun_like.monitoring.applications.shipped.llm import LLMAnswers
    from mlrun_like.monitoring.applications.shipped.nannyml import NannyMLDriftApplication
    from mlrun_like.monitoring.applications.shipped.outliers import Outliers
    from mlrun_like.monitoring.applications.shipped.performance import ServicePerformance
    from mlrun_like.monitoring.applications.shipped.prediction_drift import PredictionDrift
    from mlrun_like.monitoring.applications.shipped.quality import ModelQuality
    from mlrun_like.monitoring.clock import simulated
    from mlrun_like.monitoring.endpoints.document import ModelEndpoint
    from mlrun_like.monitoring.endpoints.records import (
        get_model_endpoint,
        list_model_endpoints,
        set_monitoring_mode,
    )
    from mlrun_like.monitoring.recording.ground_truth import join_ground_truth, log_ground_truth
    from mlrun_like.monitoring.recording.quality import window_quality
    from mlrun_like.monitoring.recording.reading import count_events, read_events, read_stats
    from mlrun_like.monitoring.recording.recorder import flush_recorders
    from mlrun_like.monitoring.recording.stream import consume_stream
    from mlrun_like.monitoring.validation import Policy, Schema, infer_schema, validate
    from mlrun_like.statistics.compare import Comparison, compare
    from mlrun_like.statistics.verdict import CompareOptions

_HERE = "mlrun_like.monitoring"
_LAZY = {
    "Absence": f"{_HERE}.alerts.model",
    "AlertConfig": f"{_HERE}.alerts.definition",
    "AlertCriteria": f"{_HERE}.alerts.model",
    "AlertNotification": f"{_HERE}.alerts.model",
    "AlertSeverity": f"{_HERE}.alerts.kinds",
    "AlertTrigger": f"{_HERE}.alerts.model",
    "BusinessMetric": f"{_HERE}.applications.shipped.business",
    "Categories": f"{_HERE}.applications.shipped.categories",
    "CompareOptions": "mlrun_like.statistics.verdict",
    "Comparison": "mlrun_like.statistics.compare",
    "DataDrift": f"{_HERE}.applications.shipped.data_drift",
    "DataDriftClassifier": f"{_HERE}.applications.shipped.histogram_data_drift",
    "EventEntities": f"{_HERE}.alerts.model",
    "EventEntityKind": f"{_HERE}.alerts.kinds",
    "EventKind": f"{_HERE}.alerts.kinds",
    "EvidentlyModelMonitoringApplicationBase": f"{_HERE}.applications.shipped.evidently",
    "HistogramDataDriftApplication": f"{_HERE}.applications.shipped.histogram_data_drift",
    "LLMAnswers": f"{_HERE}.applications.shipped.llm",
    "ModelEndpoint": f"{_HERE}.endpoints.document",
    "ModelMonitoringApplicationBase": f"{_HERE}.applications.base",
    "ModelMonitoringApplicationMetric": f"{_HERE}.applications.results",
    "ModelMonitoringApplicationResult": f"{_HERE}.applications.results",
    "ModelQuality": f"{_HERE}.applications.shipped.quality",
    "MonitoringApplicationContext": f"{_HERE}.applications.context",
    "NannyMLDriftApplication": f"{_HERE}.applications.shipped.nannyml",
    "Outliers": f"{_HERE}.applications.shipped.outliers",
    "Policy": f"{_HERE}.validation",
    "PredictionDrift": f"{_HERE}.applications.shipped.prediction_drift",
    "ResetPolicy": f"{_HERE}.alerts.kinds",
    "ResultKindApp": f"{_HERE}.applications.results",
    "ResultStatusApp": f"{_HERE}.applications.results",
    "Schema": f"{_HERE}.validation",
    "ServicePerformance": f"{_HERE}.applications.shipped.performance",
    "StatusChange": f"{_HERE}.alerts.model",
    "Threshold": f"{_HERE}.alerts.model",
    "acknowledge": f"{_HERE}.alerts.incidents",
    "analyse_decay": f"{_HERE}.analysis.decay",
    "analyse_fairness": f"{_HERE}.analysis.fairness",
    "analyse_slices": f"{_HERE}.analysis.slices",
    "compare": "mlrun_like.statistics.compare",
    "compare_models": f"{_HERE}.analysis.comparison",
    "consume_stream": f"{_HERE}.recording.stream",
    "controller_pass": f"{_HERE}.applications.controller",
    "count_events": f"{_HERE}.recording.reading",
    "flush_recorders": f"{_HERE}.recording.recorder",
    "generate_event": f"{_HERE}.alerts.events",
    "get_model_endpoint": f"{_HERE}.endpoints.records",
    "infer_schema": f"{_HERE}.validation",
    "join_ground_truth": f"{_HERE}.recording.ground_truth",
    "list_activations": f"{_HERE}.alerts.incidents",
    "list_model_endpoints": f"{_HERE}.endpoints.records",
    "log_ground_truth": f"{_HERE}.recording.ground_truth",
    "read_events": f"{_HERE}.recording.reading",
    "read_stats": f"{_HERE}.recording.reading",
    "record_results": f"{_HERE}.api",
    "register_application": f"{_HERE}.applications.registering",
    "set_monitoring_mode": f"{_HERE}.endpoints.records",
    "silence": f"{_HERE}.alerts.silences",
    "simulated": f"{_HERE}.clock",
    "time_line": f"{_HERE}.alerts.incidents",
    "validate": f"{_HERE}.validation",
    "window_quality": f"{_HERE}.recording.quality",
}
__all__ = [
    "Absence",
    "AlertConfig",
    "AlertCriteria",
    "AlertNotification",
    "AlertSeverity",
    "AlertTrigger",
    "BusinessMetric",
    "Categories",
    "CompareOptions",
    "Comparison",
    "DataDrift",
    "DataDriftClassifier",
    "EventEntities",
    "EventEntityKind",
    "EventKind",
    "EvidentlyModelMonitoringApplicationBase",
    "HistogramDataDriftApplication",
    "LLMAnswers",
    "ModelEndpoint",
    "ModelMonitoringApplicationBase",
    "ModelMonitoringApplicationMetric",
    "ModelMonitoringApplicationResult",
    "ModelQuality",
    "MonitoringApplicationContext",
    "NannyMLDriftApplication",
    "Outliers",
    "Policy",
    "PredictionDrift",
    "ResetPolicy",
    "ResultKindApp",
    "ResultStatusApp",
    "Schema",
    "ServicePerformance",
    "StatusChange",
    "Threshold",
    "acknowledge",
    "analyse_decay",
    "analyse_fairness",
    "analyse_slices",
    "compare",
    "compare_models",
    "consume_stream",
    "controller_pass",
    "count_events",
    "flush_recorders",
    "generate_event",
    "get_model_endpoint",
    "infer_schema",
    "join_ground_truth",
    "list_activations",
    "list_model_endpoints",
    "log_ground_truth",
    "read_events",
    "read_stats",
    "record_results",
    "register_application",
    "set_monitoring_mode",
    "silence",
    "simulated",
    "time_line",
    "validate",
    "window_quality",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
