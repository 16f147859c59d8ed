"""Alerts and incidents as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.monitoring.alerts.configs import list_alerts_configs
from mlrun_like.monitoring.alerts.silences import list_silences
from mlrun_like.monitoring.pages.incidents import incident_data, incident_rows
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["alert_document", "alert_rows", "incident_list", "incident_one", "silence_rows"]

_HIDDEN = "***"


def alert_rows(store: SqlStore, project: str) -> list[Document]:
    """The alerts of a project with their state and how often they went off; no secret values.

    Args:
        store: The store.
        project: The project; `"*"`: all.
    """
    open_: dict[tuple[str, str], int] = {}
    for row in incident_rows(store, "" if project == "*" else project, limit=5000):
        key = (row["project"], row["name"])
        open_[key] = open_.get(key, 0) + 1
    found = []
    for config in list_alerts_configs(project):
        document = alert_document(config)
        document["open_incidents"] = open_.get((str(config.project), str(config.name)), 0)
        found.append(document)
    return found


def alert_document(config: Any) -> Document:
    """An alert as plain data; secret values of its notifications are hidden, names of secrets
    stay."""
    document: Document = config.to_dict()
    for item in document.get("notifications") or []:
        inner = item.get("notification") if isinstance(item, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("secret_params"), Mapping):
            inner["secret_params"] = {
                key: value if isinstance(value, Mapping) else _HIDDEN
                for key, value in inner["secret_params"].items()
            }
    return document


def incident_list(
    store: SqlStore,
    project: str,
    *,
    states: Sequence[str] = (),
    severities: Sequence[str] = (),
    entity: str = "",
    name: str = "",
    limit: int = 1000,
) -> list[Document]:
    """Incidents, newest first; no states: all.

    Args:
        store: The store.
        project: The project; empty: all.
        states: In these states.
        severities: Of these severities.
        entity: About this endpoint's uid, or any of its results.
        name: Of this alert.
        limit: At most so many.
    """
    rows = incident_rows(
        store, project, states=states, severities=severities, entity=entity, limit=limit
    )
    return [row for row in rows if not name or row["name"] == name]


def incident_one(store: SqlStore, project: str, number: int) -> Document:
    """One incident with its time line and what its actions began.

    Raises:
        NotFoundError: if there is none.
    """
    return incident_data(store, project, number)


def silence_rows(project: str, *, ended: bool = False) -> list[Document]:
    """Silences of a project.

    Args:
        project: The project.
        ended: Also those that have ended.
    """
    return list_silences(project, ended=ended)
