"""How alerts and incidents are shown in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.cli.output import print_table
from mlrun_like.monitoring.alerts.activation import AlertActivation
from mlrun_like.monitoring.alerts.definition import AlertConfig

__all__ = ["print_incidents", "said_in", "told", "watched"]


def watched(found: AlertConfig) -> str:
    """What an alert watches, in a line."""
    trigger, entities = found.trigger, found.entities
    if trigger is None or entities is None:
        return ""
    what = ", ".join(map(str, trigger.events))
    if trigger.threshold:
        part = trigger.threshold
        what = f"{part.metric} {part.operator} {part.value}"
    elif trigger.absence:
        what = f"no {', '.join(map(str, trigger.absence.events))} for {trigger.absence.within}"
    elif trigger.change:
        what = f"becomes {' or '.join(trigger.change.to)}"
    return f"{entities.kind} {entities.ids[0]}: {what}"


def told(found: AlertConfig) -> str:
    """Whom it tells and what it starts."""
    names = [item.notification.name for item in found.notifications]
    return ", ".join([*names, *(f"action {item['kind']}" for item in found.actions)])


def print_incidents(found: Sequence[AlertActivation]) -> None:
    """A table of incidents."""
    rows = [
        [f.id, f.name, f.state, f.severity, f.entity_id, f.activation_time.isoformat()[:19],
         f.firings, f.reason] for f in found
    ]  # fmt: skip
    print_table(["id", "alert", "state", "severity", "entity", "since", "times", "why"], rows)


def said_in(line: dict[str, Any]) -> str:
    """What a line of a time line says."""
    found = line.get("event")
    if isinstance(found, dict):
        return f"{found['kind']} of {found['entity_id']} {found['body'] or ''}"
    hidden = ("time", "kind")
    return ", ".join(f"{k}: {v}" for k, v in line.items() if k not in hidden and v != "")
