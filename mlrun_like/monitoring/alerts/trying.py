"""Sending an alert's notifications to see whether they arrive."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.monitoring.alerts.configs import get_alert_config
from mlrun_like.monitoring.alerts.model import EventEntities
from mlrun_like.notifications.sending import Subject, deliver
from mlrun_like.registry import resolve

__all__ = ["try_notifications"]


def try_notifications(alert_name: str, project: str = "") -> list[dict[str, Any]]:
    """Send each notification of an alert once, marked as a test; no incident is opened.

    Args:
        alert_name: The alert.
        project: Its project; by default the default project.

    Returns:
        For each: its `name`, `kind`, `status` and, if it failed, the `reason`.

    Raises:
        NotFoundError: if there is no such alert.
    """
    place = project or settings.default_project
    found = get_alert_config(alert_name, place)
    entities = found.entities or EventEntities("job", place)
    secrets = resolve("mlrun_like.projects.secrets:provider_of")().read(place)
    values: dict[str, Any] = {
        "project": place, "name": alert_name, "entity": entities.ids[0],
        "severity": str(found.severity), "reason": "a test", "event": {},
    }  # fmt: skip
    facts = [("alert", alert_name), ("project", place), ("why", "somebody tests this alert")]
    subject = Subject(
        f"Test of alert {alert_name}", values, severity=str(found.severity), facts=facts
    )
    outcomes = []
    for item in found.notifications:
        outcome = deliver(item.notification, subject, secrets)
        outcomes.append({"name": item.notification.name, **outcome})
    return outcomes
