"""The words of alerts, MLRun's first: kinds of events and entities, severities, policies."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

__all__ = [
    "ENTITIES_OF",
    "RECOVERY",
    "AlertActiveState",
    "AlertSeverity",
    "EventEntityKind",
    "EventKind",
    "ResetPolicy",
]


class _Word(str, Enum):
    """A text that is one of a few."""

    def __str__(self) -> str:
        return str(self.value)


class EventEntityKind(_Word):
    """What something can happen to; the first three are MLRun's."""

    MODEL_ENDPOINT_RESULT = "model-endpoint-result"
    MODEL_MONITORING_APPLICATION = "model-monitoring-application"
    JOB = "job"
    ENDPOINT = "endpoint"
    PIPELINE = "pipeline"
    FEATURE_SET = "feature-set"
    SCHEDULE = "schedule"


class EventKind(_Word):
    """What can happen; the kinds up to FAILED are MLRun's."""

    DATA_DRIFT_DETECTED = "data-drift-detected"
    DATA_DRIFT_SUSPECTED = "data-drift-suspected"
    CONCEPT_DRIFT_DETECTED = "concept-drift-detected"
    CONCEPT_DRIFT_SUSPECTED = "concept-drift-suspected"
    MODEL_PERFORMANCE_DETECTED = "model-performance-detected"
    MODEL_PERFORMANCE_SUSPECTED = "model-performance-suspected"
    SYSTEM_PERFORMANCE_DETECTED = "system-performance-detected"
    SYSTEM_PERFORMANCE_SUSPECTED = "system-performance-suspected"
    MM_APP_ANOMALY_DETECTED = "mm-app-anomaly-detected"
    MM_APP_ANOMALY_SUSPECTED = "mm-app-anomaly-suspected"
    MM_APP_FAILED = "mm-app-failed"
    FAILED = "failed"
    RUN_COMPLETED = "run-completed"
    RUN_ABORTED = "run-aborted"
    RUN_TOO_LONG = "run-too-long"
    RUN_STUCK = "run-stuck"
    PIPELINE_FAILED = "pipeline-failed"
    PIPELINE_COMPLETED = "pipeline-completed"
    PIPELINE_ABORTED = "pipeline-aborted"
    FEATURE_SET_STALE = "feature-set-stale"
    FEATURE_SET_FRESH = "feature-set-fresh"
    ENDPOINT_REQUESTS = "endpoint-requests"
    ENDPOINT_ERRORS = "endpoint-errors"
    SCHEDULE_MISSED = "schedule-missed"
    SCHEDULE_FIRED = "schedule-fired"
    RESULT = "result"
    METRIC = "metric"


class AlertSeverity(_Word):
    """How serious an alert is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class AlertActiveState(_Word):
    """`active`: it went off and waits for its reset (policy manual)."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class ResetPolicy(_Word):
    """`auto`: an alert can go off again at once; `manual`: only after reset_alert_config."""

    MANUAL = "manual"
    AUTO = "auto"


_RESULT = (EventEntityKind.MODEL_ENDPOINT_RESULT,)
_JOB = (EventEntityKind.JOB,)
_PIPELINE = (EventEntityKind.PIPELINE,)
_ENDPOINT = (EventEntityKind.ENDPOINT,)
_SET = (EventEntityKind.FEATURE_SET,)
_SCHEDULE = (EventEntityKind.SCHEDULE,)

ENTITIES_OF: Mapping[EventKind, tuple[EventEntityKind, ...]] = MappingProxyType(
    {
        EventKind.DATA_DRIFT_DETECTED: _RESULT,
        EventKind.DATA_DRIFT_SUSPECTED: _RESULT,
        EventKind.CONCEPT_DRIFT_DETECTED: _RESULT,
        EventKind.CONCEPT_DRIFT_SUSPECTED: _RESULT,
        EventKind.MODEL_PERFORMANCE_DETECTED: _RESULT,
        EventKind.MODEL_PERFORMANCE_SUSPECTED: _RESULT,
        EventKind.SYSTEM_PERFORMANCE_DETECTED: _RESULT,
        EventKind.SYSTEM_PERFORMANCE_SUSPECTED: _RESULT,
        EventKind.MM_APP_ANOMALY_DETECTED: _RESULT,
        EventKind.MM_APP_ANOMALY_SUSPECTED: _RESULT,
        EventKind.MM_APP_FAILED: (EventEntityKind.MODEL_MONITORING_APPLICATION,),
        EventKind.FAILED: _JOB,
        EventKind.RUN_COMPLETED: _JOB,
        EventKind.RUN_ABORTED: _JOB,
        EventKind.RUN_TOO_LONG: (EventEntityKind.JOB, EventEntityKind.PIPELINE),
        EventKind.RUN_STUCK: (EventEntityKind.JOB, EventEntityKind.PIPELINE),
        EventKind.PIPELINE_FAILED: _PIPELINE,
        EventKind.PIPELINE_COMPLETED: _PIPELINE,
        EventKind.PIPELINE_ABORTED: _PIPELINE,
        EventKind.FEATURE_SET_STALE: _SET,
        EventKind.FEATURE_SET_FRESH: _SET,
        EventKind.ENDPOINT_REQUESTS: _ENDPOINT,
        EventKind.ENDPOINT_ERRORS: _ENDPOINT,
        EventKind.SCHEDULE_MISSED: _SCHEDULE,
        EventKind.SCHEDULE_FIRED: _SCHEDULE,
        EventKind.RESULT: _RESULT,
        EventKind.METRIC: _RESULT,
    }
)
"""Which entities an event of a kind is about."""

_ENDED = ("run-completed", "run-aborted", "failed", "pipeline-completed", "pipeline-failed")

RECOVERY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "failed": ("run-completed",),
        "run-aborted": ("run-completed",),
        "run-too-long": _ENDED,
        "run-stuck": _ENDED,
        "pipeline-failed": ("pipeline-completed",),
        "pipeline-aborted": ("pipeline-completed",),
        "feature-set-stale": ("feature-set-fresh",),
        "schedule-missed": ("schedule-fired",),
    }
)
"""Kind -> kinds that end what it began, on the same entity. What results tell of (drift, ...) ends
with a result of the status 0 (no detection)."""
