"""Templates of alerts: those that come with the platform, MLRun's names first, and one's own."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError, nearest
from mlrun_like.monitoring.alerts.checking import check_name, check_word
from mlrun_like.monitoring.alerts.kinds import AlertSeverity, ResetPolicy
from mlrun_like.monitoring.alerts.model import (
    Absence,
    AlertCriteria,
    AlertTemplate,
    AlertTrigger,
    StatusChange,
    Threshold,
    read_part,
)
from mlrun_like.tracking.alert_abilities import AlertChange
from mlrun_like.tracking.connect import open_store

__all__ = [
    "delete_alert_template",
    "get_alert_template",
    "list_alert_templates",
    "store_alert_template",
]

_PLACE = "_templates"
"""Where own templates are kept: no project can have this name."""


def _built_in(
    name: str, description: str, summary: str, severity: str, trigger: AlertTrigger
) -> AlertTemplate:
    return AlertTemplate(name, description, True, summary, severity, trigger)


_BUILT_IN = {
    item.template_name: item
    for item in (
        _built_in(
            "JobFailed", "A job has failed.", "A job has failed", "medium",
            AlertTrigger(events=["failed"]),
        ),
        _built_in(
            "DataDriftDetected", "Data drift was detected.", "Model data drift has been detected",
            "high", AlertTrigger(events=["data-drift-detected"]),
        ),
        _built_in(
            "DataDriftSuspected", "Data drift is suspected.", "Model data drift is suspected",
            "medium", AlertTrigger(events=["data-drift-suspected"]),
        ),
        _built_in(
            "ModelMonitoringApplicationFailed", "An application of model monitoring has failed.",
            "The monitoring application {{entity}} has failed: {{reason}}", "medium",
            AlertTrigger(events=["mm-app-failed"]),
        ),
        _built_in(
            "ConceptDriftDetected", "Concept drift was detected.",
            "Concept drift has been detected by {{entity}}", "high",
            AlertTrigger(events=["concept-drift-detected"]),
        ),
        _built_in(
            "ModelPerformanceDetected", "A model has become worse.",
            "The model's performance is bad: {{entity}}", "high",
            AlertTrigger(events=["model-performance-detected"]),
        ),
        _built_in(
            "SystemPerformanceDetected", "An endpoint is slow or fails.",
            "The endpoint's performance is bad: {{entity}}", "medium",
            AlertTrigger(events=["system-performance-detected"]),
        ),
        _built_in(
            "PipelineFailed", "A pipeline has failed.", "Pipeline {{entity}} has failed", "high",
            AlertTrigger(events=["pipeline-failed"]),
        ),
        _built_in(
            "JobStuck", "A job shows no sign of work.", "{{entity}} seems to be stuck: {{reason}}",
            "medium", AlertTrigger(events=["run-stuck", "run-too-long"]),
        ),
        _built_in(
            "FeaturesStale", "Features are older than they may be.",
            "The features of {{entity}} are stale", "medium",
            AlertTrigger(events=["feature-set-stale"]),
        ),
        _built_in(
            "NoRequests", "An endpoint gets no requests any more.", "{{entity}}: {{reason}}",
            "medium", AlertTrigger(absence=Absence(["endpoint-requests"], "1h")),
        ),
        _built_in(
            "ScheduleMissed", "A schedule's time was missed.",
            "The schedule {{entity}} missed its time", "medium",
            AlertTrigger(events=["schedule-missed"]),
        ),
    )
}  # fmt: skip


def list_alert_templates() -> list[AlertTemplate]:
    """All templates by name, those of the platform first."""
    own = open_store().alert_documents(_PLACE, "template")
    return [*copy.deepcopy(list(_BUILT_IN.values())), *(_read(body) for body in own.values())]


def get_alert_template(template_name: str, project: str = "") -> AlertTemplate:
    """A template by its name.

    Args:
        template_name: Its name.
        project: Templates are for all projects; MLRun's clients give none either.

    Raises:
        NotFoundError: if there is none.
    """
    del project
    if template_name in _BUILT_IN:
        return copy.deepcopy(_BUILT_IN[template_name])
    own = open_store().alert_documents(_PLACE, "template")
    if template_name in own:
        return _read(own[template_name])
    names = [*_BUILT_IN, *own]
    raise NotFoundError(
        f"there is no alert template {template_name!r:.80}.{nearest(str(template_name), names)}",
        fix=f"there are: {', '.join(names)}",
    )


def store_alert_template(template: AlertTemplate | Mapping[str, Any]) -> AlertTemplate:
    """Store a template of one's own.

    Raises:
        ConflictError: if the name is one of the platform's.
        InvalidArgumentError: if it cannot be used.
    """
    found = _read(template)
    check_name(found.template_name, "a template")
    _free(found.template_name)
    found.severity = check_word(AlertSeverity, found.severity, "severity")
    found.reset_policy = check_word(ResetPolicy, found.reset_policy, "reset_policy")
    found.system_generated = False
    change = AlertChange(documents={("template", found.template_name): found.to_dict()})
    open_store().commit_alerts(_PLACE, change)
    return found


def delete_alert_template(template_name: str) -> None:
    """Delete a template of one's own; alerts made from it stay.

    Raises:
        ConflictError: if it is one of the platform's.
        NotFoundError: if there is none.
    """
    _free(template_name)
    get_alert_template(template_name)
    change = AlertChange(documents={("template", template_name): None})
    open_store().commit_alerts(_PLACE, change)


def _free(name: str) -> None:
    if name in _BUILT_IN:
        raise ConflictError(
            f"the template {name!r} comes with the platform", fix="choose another name"
        )


def _read(value: Any) -> AlertTemplate:
    found: AlertTemplate = read_part(AlertTemplate, value, "template")
    if found is None or found.trigger is None:
        raise InvalidArgumentError("a template has a trigger", fix='"trigger": {"events": [...]}')
    trigger: AlertTrigger = read_part(AlertTrigger, found.trigger, "trigger")
    trigger.threshold = read_part(Threshold, trigger.threshold, "threshold")
    trigger.absence = read_part(Absence, trigger.absence, "absence")
    trigger.change = read_part(StatusChange, trigger.change, "change")
    found.trigger = trigger
    found.criteria = read_part(AlertCriteria, found.criteria, "criteria")
    return found
