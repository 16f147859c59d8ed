"""Definitions of alerts in the store, with MLRun's calls: store, get, list, delete, reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError, nearest
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.checking import check_config
from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.monitoring.alerts.incidents import closed
from mlrun_like.monitoring.alerts.model import AlertNotification
from mlrun_like.monitoring.alerts.sources import begin
from mlrun_like.monitoring.alerts.times import iso
from mlrun_like.registry import resolve
from mlrun_like.specs.notification import is_reference
from mlrun_like.tracking.alert_abilities import AlertChange, AlertStore
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = [
    "delete_alert_config",
    "get_alert_config",
    "list_alerts_configs",
    "reset_alert_config",
    "store_alert_config",
]

_TRIES = 50
_CONDITIONS = ("entities", "trigger", "criteria", "group")


def store_alert_config(
    alert_name: str,
    alert_data: AlertConfig | Mapping[str, Any],
    project: str = "",
    force_reset: bool = False,
) -> AlertConfig:
    """Store an alert, or change the one of this name.

    A change keeps its id, when it was created and how often it went off. If it changes what sets
    the alert off (entities, trigger, criteria, group) or its reset from manual to automatic, events
    counted so far are forgotten, and an alert that waits for its reset is reset. Secret values in
    notifications go to the project's secrets.

    Args:
        alert_name: Its name.
        alert_data: The definition, or its fields.
        project: Its project; by default the definition's.
        force_reset: Reset it whatever has changed.

    Returns:
        The alert as it was stored.

    Raises:
        InvalidArgumentError: if the definition cannot be used.
        ConflictError: if there are too many alerts.
    """
    given = alert_data if isinstance(alert_data, AlertConfig) else AlertConfig.from_dict(alert_data)
    given.project = given.project or project or settings.default_project
    given.name = given.name or alert_name
    given.with_notifications([])  # they may have been put in as plain data
    if given.name != alert_name:
        raise InvalidArgumentError(f"the alert {alert_name!r} is named {given.name!r} inside")
    if project and given.project != project:
        raise InvalidArgumentError(
            f"alert {alert_name!r} is of project {given.project!r}, not of {project!r}"
        )
    check_config(given)
    _keep_secrets(given)
    store, place, moment = open_store(), given.project, iso(clock.now())
    begin(place, store)  # what happened before sets off nothing
    for _ in range(_TRIES):
        cursor = store.alert_cursor(place)
        before = store.alert_documents(place, "config")
        old, body = before.get(alert_name), dict(cursor.body)
        if old is None and len(before) >= settings.alerts_max_allowed:
            raise ConflictError(
                f"project {place!r} has {len(before)} alerts, which is the most",
                fix="delete some, or raise the setting alerts_max_allowed",
            )
        if old is None:
            body["alerts"] = int(body.get("alerts", 0)) + 1
        given.id = old["id"] if old else body["alerts"]
        given.created = old["created"] if old else moment
        given.updated, given.state, given.count = moment, None, None
        state = store.alert_documents(place, "state", alert_name).get(alert_name, {})
        if old is None or force_reset or _resets(old, given.to_dict()):
            state = {**_reset(store, place, alert_name), "since": clock.now()}
        documents = {("config", alert_name): given.to_dict(), ("state", alert_name): state}
        change = AlertChange(expected=cursor.version, body=body, documents=documents)
        if _committed(store, place, change):
            return get_alert_config(alert_name, place)
    raise _busy(place)


def get_alert_config(alert_name: str, project: str = "") -> AlertConfig:
    """An alert with its state and how often it went off.

    Args:
        alert_name: Its name.
        project: Its project; by default the default project.

    Raises:
        NotFoundError: if there is none.
    """
    place = project or settings.default_project
    store = open_store()
    found = store.alert_documents(place, "config", alert_name).get(alert_name)
    if found is None:
        raise _missing(store, place, alert_name)
    state = store.alert_documents(place, "state", alert_name).get(alert_name, {})
    return _enriched(found, state)


def list_alerts_configs(project: str = "") -> list[AlertConfig]:
    """The alerts of a project by name; `"*"`: of all.

    Args:
        project: The project; by default the default project.
    """
    place = project or settings.default_project
    store = open_store()
    states = store.alert_documents(place, "state")
    found = store.alert_documents(place, "config")
    return [_enriched(item, states.get(name, {})) for name, item in found.items()]


def delete_alert_config(alert_name: str, project: str = "") -> bool:
    """Delete an alert; its incidents end, and their history stays.

    Args:
        alert_name: Its name.
        project: Its project; by default the default project.

    Returns:
        False if there is none: MLRun does not mind either.
    """
    place, store = project or settings.default_project, open_store()
    for _ in range(_TRIES):
        version = store.alert_cursor(place).version
        found = store.alert_documents(place, "config", alert_name).get(alert_name)
        if found is None:
            return False
        ended, lines = closed(store, place, alert_name, "the alert was deleted")
        documents = {("config", alert_name): None, ("state", alert_name): None}
        change = AlertChange(expected=version, documents=documents, activations=ended, lines=lines)
        if _committed(store, place, change):
            _forget_secrets(AlertConfig.from_dict(found))
            return True
    raise _busy(place)


def reset_alert_config(alert_name: str, project: str = "") -> None:
    """Let an alert go off again: events counted so far are forgotten, its incidents end.

    Args:
        alert_name: Its name.
        project: Its project; by default the default project.

    Raises:
        NotFoundError: if there is none.
    """
    place, store = project or settings.default_project, open_store()
    for _ in range(_TRIES):
        version = store.alert_cursor(place).version
        if alert_name not in store.alert_documents(place, "config", alert_name):
            raise _missing(store, place, alert_name)
        ended, lines = closed(store, place, alert_name, "the alert was reset")
        change = AlertChange(
            expected=version,
            documents={("state", alert_name): _reset(store, place, alert_name)},
            activations=ended,
            lines=lines,
        )
        if _committed(store, place, change):
            return
    raise _busy(place)


def _resets(old: Document, new: Document) -> bool:
    """Whether a change is one of when the alert goes off, and not only of who is told what."""
    if (old.get("reset_policy"), new.get("reset_policy")) == ("manual", "auto"):
        return True
    return any(old.get(key) != new.get(key) for key in _CONDITIONS)


def _reset(store: AlertStore, project: str, name: str) -> Document:
    """The state after a reset: only the count stays, and what keeps notifications apart."""
    state = store.alert_documents(project, "state", name).get(name, {})
    return {key: state[key] for key in ("count", "sent", "rate", "since") if key in state}


def _enriched(found: Document, state: Document) -> AlertConfig:
    alert = AlertConfig.from_dict(found)
    alert.state = "active" if state.get("active") else "inactive"
    alert.count = int(state.get("count", 0))
    return alert


def _committed(store: AlertStore, project: str, change: AlertChange) -> bool:
    try:
        store.commit_alerts(project, change)
    except ConflictError:
        return False  # somebody was faster: read again
    return True


def _busy(project: str) -> ConflictError:
    return ConflictError(
        f"alerts of project {project!r} are changed all the time", fix="try again later"
    )


def _missing(store: AlertStore, project: str, name: str) -> NotFoundError:
    names = sorted(store.alert_documents(project, "config"))
    return NotFoundError(
        f"there is no alert {name!r}.{nearest(name, names)}",
        where=f"project {project!r}",
        fix=f"there are: {', '.join(names[:20])}" if names else "mlrun-like alerts list",
    )


def _secret_name(alert: AlertConfig, item: AlertNotification, param: str) -> str:
    return f"mlrun-like.alerts.{alert.name}.{item.notification.name}.{param}"


def _keep_secrets(alert: AlertConfig) -> None:
    """Move secret values to the project's secrets; the definition names them from then on."""
    values: dict[str, str] = {}
    for item in alert.notifications:
        params: dict[str, Any] = {}
        for key, value in item.notification.secret_params.items():
            if is_reference(value):
                params[key] = value
                continue
            name = _secret_name(alert, item, key)
            values[name], params[key] = str(value), {"secret": name}
        item.notification = replace(item.notification, secret_params=params)
    if values:
        resolve("mlrun_like.projects.secrets:provider_of")().write(alert.project, values)


def _forget_secrets(alert: AlertConfig) -> None:
    names = {
        str(value["secret"])
        for item in alert.notifications
        for key, value in item.notification.secret_params.items()
        if is_reference(value) and value["secret"] == _secret_name(alert, item, key)
    }
    if names:
        provider = resolve("mlrun_like.projects.secrets:provider_of")()
        provider.write(alert.project, dict.fromkeys(names))
