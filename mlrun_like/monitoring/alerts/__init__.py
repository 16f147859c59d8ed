"""Alerts: who is told, and what is done, when something happens; what MLRun has, and more.

    what happened -> rules -> incidents and outbox (one transaction) -> notifications, actions

kinds, model, definition   the words of alerts, their parts, AlertConfig
templates, checking        JobFailed, DataDriftDetected, ...; what is wrong with a definition
configs                    store, get, list, delete, reset
events, sources            what programs tell of; what is found: runs, schedules, features, ...
rules                      counted events, thresholds, absence, changes of status
evaluate, book, limits     judging: once; incidents; silences, cooldowns, the most in an hour
activation, incidents      an incident; time lines, acknowledgements
silences, letters          times of quiet; keys of deliveries
deliver, passing, trying   the outbox, with retries; one pass of everything; tests
times                      seconds, ISO texts
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.monitoring.alerts.activation import AlertActivation, AlertActivations
    from mlrun_like.monitoring.alerts.configs import (
        delete_alert_config,
        get_alert_config,
        list_alerts_configs,
        reset_alert_config,
        store_alert_config,
    )
    from mlrun_like.monitoring.alerts.definition import AlertConfig
    from mlrun_like.monitoring.alerts.events import generate_event, list_events
    from mlrun_like.monitoring.alerts.incidents import (
        acknowledge,
        add_note,
        get_activation,
        list_activations,
        resolve_activation,
        time_line,
    )
    from mlrun_like.monitoring.alerts.kinds import (
        AlertActiveState,
        AlertSeverity,
        EventEntityKind,
        EventKind,
        ResetPolicy,
    )
    from mlrun_like.monitoring.alerts.model import (
        Absence,
        AlertCriteria,
        AlertNotification,
        AlertTemplate,
        AlertTrigger,
        Event,
        EventEntities,
        StatusChange,
        Threshold,
    )
    from mlrun_like.monitoring.alerts.passing import alert_pass
    from mlrun_like.monitoring.alerts.silences import end_silence, list_silences, silence
    from mlrun_like.monitoring.alerts.sources import look
    from mlrun_like.monitoring.alerts.templates import (
        delete_alert_template,
        get_alert_template,
        list_alert_templates,
        store_alert_template,
    )
    from mlrun_like.specs.notification import Notification

__all__ = [
    "Absence",
    "AlertActivation",
    "AlertActivations",
    "AlertActiveState",
    "AlertConfig",
    "AlertCriteria",
    "AlertNotification",
    "AlertSeverity",
    "AlertTemplate",
    "AlertTrigger",
    "Event",
    "EventEntities",
    "EventEntityKind",
    "EventKind",
    "Notification",
    "ResetPolicy",
    "StatusChange",
    "Threshold",
    "acknowledge",
    "add_note",
    "alert_pass",
    "delete_alert_config",
    "delete_alert_template",
    "end_silence",
    "generate_event",
    "get_activation",
    "get_alert_config",
    "get_alert_template",
    "list_activations",
    "list_alert_templates",
    "list_alerts_configs",
    "list_events",
    "list_silences",
    "look",
    "reset_alert_config",
    "resolve_activation",
    "silence",
    "store_alert_config",
    "store_alert_template",
    "time_line",
]

_MODULES: Mapping[str, str] = MappingProxyType(
    {
        "configs": "delete_alert_config get_alert_config list_alerts_configs reset_alert_config "
        "store_alert_config",
        "definition": "AlertConfig",
        "events": "generate_event list_events",
        "activation": "AlertActivation AlertActivations",
        "incidents": "acknowledge add_note get_activation list_activations "
        "resolve_activation time_line",
        "kinds": "AlertActiveState AlertSeverity EventEntityKind EventKind ResetPolicy",
        "model": "Absence AlertCriteria AlertNotification AlertTemplate AlertTrigger Event "
        "EventEntities StatusChange Threshold",
        "passing": "alert_pass",
        "silences": "end_silence list_silences silence",
        "sources": "look",
        "templates": "delete_alert_template get_alert_template list_alert_templates "
        "store_alert_template",
    }
)
_LAZY = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name == "Notification":
        return import_module("mlrun_like.specs.notification").Notification
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value
