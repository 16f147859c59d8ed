"""Incidents: an alert that went off, from its first event over all that followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError, StateError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.activation import AlertActivation, AlertActivations, view
from mlrun_like.monitoring.alerts.times import iso, moment
from mlrun_like.tracking.alert_abilities import (
    Activation,
    ActivationFilter,
    AlertChange,
    AlertLine,
    AlertStore,
    Letter,
)
from mlrun_like.tracking.connect import open_store

__all__ = [
    "OPEN",
    "acknowledge",
    "add_note",
    "closed",
    "get_activation",
    "list_activations",
    "resolve_activation",
    "time_line",
]

OPEN = ("open", "acknowledged")
"""States of incidents that have not ended."""
_TRIES = 50
_FEW = 20


def list_activations(
    project: str = "",
    name: str = "",
    since: Any = None,
    until: Any = None,
    entity: str = "",
    severity: str | Sequence[str] = (),
    *,
    state: str | Sequence[str] = (),
    limit: int = 0,
) -> AlertActivations:
    """Incidents, newest first.

    Args:
        project: Whose; by default the default project's; `"*"`: all.
        name: Of this alert.
        since: That began then or later: a datetime, ISO text, or seconds since 1970.
        until: That began then or earlier.
        entity: About this entity.
        severity: Of one of these severities.
        state: In one of these states: `open`, `acknowledged`, `resolved`.
        limit: At most so many; 0: all.
    """
    chosen = ActivationFilter(
        name=name,
        states=(state,) if isinstance(state, str) and state else tuple(state),
        entity_id=entity,
        severities=(severity,) if isinstance(severity, str) and severity else tuple(severity),
        since=None if since is None else moment(since),
        until=None if until is None else moment(until),
        limit=limit,
    )
    store = open_store()
    found = store.list_activations(project or settings.default_project, chosen)
    letters: dict[tuple[str, int], list[Letter]] = {}
    if len(found) > _FEW:  # one query for all of a project, instead of one for each incident
        for place in {row.project for row in found}:
            for letter in store.alert_letters(place):
                letters.setdefault((place, letter.number), []).append(letter)
        of_each = [letters.get((row.project, row.number), ()) for row in found]
    else:
        of_each = [store.alert_letters(row.project, row.number) for row in found]
    return AlertActivations(
        _told(view(row), told) for row, told in zip(found, of_each, strict=True)
    )


def get_activation(number: int, project: str = "") -> AlertActivation:
    """An incident by its number.

    Raises:
        NotFoundError: if there is none.
    """
    store = open_store()
    row = _read(store, project or settings.default_project, number)
    return _told(view(row), store.alert_letters(row.project, number))


def time_line(number: int, project: str = "") -> list[dict[str, Any]]:
    """All that is known of an incident, oldest first: `time` (ISO), `kind`, and what was noted.

    Kinds: `event`, `opened`, `fired`, `suppressed`, `notification`, `action`, `acknowledged`,
    `note`, `recovered`, `resolved`.

    Raises:
        NotFoundError: if there is no such incident.
    """
    store, place = open_store(), project or settings.default_project
    _read(store, place, number)
    return [
        {**line.body, "time": iso(line.time), "kind": line.kind}
        for line in store.alert_lines(place, number)
    ]


def acknowledge(number: int, who: str, note: str = "", project: str = "") -> AlertActivation:
    """Take care of an incident: its repetitions are not told any more.

    Args:
        number: The incident.
        who: Who takes care.
        note: What there is to say.
        project: Its project; by default the default project.

    Raises:
        NotFoundError: if there is no such incident.
        StateError: if it has ended.
        InvalidArgumentError: if nobody is named.
    """
    if not who or not isinstance(who, str):
        raise InvalidArgumentError("who acknowledges it?", fix='acknowledge(7, who="ann")')

    def act(row: Activation) -> tuple[Activation, str, dict[str, Any]]:
        if row.state == "resolved":
            raise StateError(f"incident {number} ended already", where=f"alert {row.name!r}")
        body = {**row.body, "acknowledged_by": who}
        return replace(row, state="acknowledged", body=body), "acknowledged", _said(who, note)

    return _change(number, project, act)


def add_note(number: int, who: str, note: str, project: str = "") -> AlertActivation:
    """Note something on an incident's time line, also when it has ended.

    Raises:
        NotFoundError: if there is no such incident.
    """
    return _change(number, project, lambda row: (row, "note", _said(who, note)))


def resolve_activation(
    number: int, who: str = "", note: str = "", project: str = ""
) -> AlertActivation:
    """End an incident by hand; ended ones stay as they are.

    Raises:
        NotFoundError: if there is no such incident.
    """

    def act(row: Activation) -> tuple[Activation, str, dict[str, Any]]:
        if row.state == "resolved":
            return row, "note", _said(who, note)
        why = f"ended by {who}" if who else "ended by hand"
        return _ended(row, why), "resolved", {"reason": why, **_said(who, note)}

    return _change(number, project, act)


def closed(
    store: AlertStore, project: str, name: str, why: str
) -> tuple[list[Activation], list[AlertLine]]:
    """The open incidents of an alert as they are when they have ended, with a line for each."""
    rows = store.list_activations(project, ActivationFilter(name=name, states=OPEN))
    lines = [AlertLine(row.number, clock.now(), "resolved", {"reason": why}) for row in rows]
    return [_ended(row, why) for row in rows], lines


def _ended(row: Activation, why: str) -> Activation:
    now = clock.now()
    body = {**row.body, "resolution": why}
    return replace(row, state="resolved", resolved=now, updated=now, body=body)


def _said(who: str, note: str) -> dict[str, Any]:
    return {key: value for key, value in (("who", who), ("note", note)) if value}


def _read(store: AlertStore, project: str, number: int) -> Activation:
    found = store.list_activations(project, ActivationFilter(number=number)) if number else []
    if not found:
        raise NotFoundError(
            f"there is no incident {number}",
            where=f"project {project!r}",
            fix="mlrun-like alerts activations   shows those that exist",
        )
    return found[0]


def _change(
    number: int,
    project: str,
    act: Callable[[Activation], tuple[Activation, str, dict[str, Any]]],
) -> AlertActivation:
    store, place = open_store(), project or settings.default_project
    for _ in range(_TRIES):
        version = store.alert_cursor(place).version
        row, kind, body = act(_read(store, place, number))
        now = clock.now()
        change = AlertChange(
            expected=version,
            activations=[replace(row, updated=now)],
            lines=[AlertLine(number, now, kind, body)],
        )
        try:
            store.commit_alerts(place, change)
        except ConflictError:
            continue  # an evaluation was faster
        return get_activation(number, place)
    raise ConflictError(f"alerts of project {place!r} are changed all the time", fix="try again")


def _told(found: AlertActivation, letters: Sequence[Letter]) -> AlertActivation:
    for letter in letters:
        if letter.kind != "notification":
            continue
        note = letter.body.get("notification", {})
        found.notifications.append(
            {
                "kind": note.get("kind", ""),
                "name": note.get("name", ""),
                "status": letter.state,
                "attempts": letter.attempts,
                "err": letter.body.get("error", ""),
            }
        )
    return found
