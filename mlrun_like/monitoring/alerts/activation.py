"""An incident as users and programs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from mlrun_like.tracking.alert_abilities import Activation

__all__ = ["AlertActivation", "AlertActivations", "view"]


@dataclass
class AlertActivation:
    """An incident, with MLRun's fields first.

    Args:
        id: Its number in the project.
        name: The alert's.
        project: Whose.
        severity: The alert's.
        activation_time: When it went off.
        entity_id: What it is about; `*` for a group.
        entity_kind: The kind of that.
        criteria: The alert's.
        event_kind: What happened; empty if nothing did.
        number_of_events: How many events led to it so far.
        notifications: Who was told, and what became of that.
        reset_time: When it ended; None: not yet.
        state: `open`, `acknowledged` or `resolved`.
        summary: What was said.
        reason: Why it went off, in words.
        value: The number, if there is one.
        firings: How often it went off.
        entities: What it is about, if that is several.
        events: The last events, with id, kind, entity_kind, entity_id, time, value and body.
        acknowledged_by: Who takes care of it.
        resolution: Why it ended.
    """

    id: int
    name: str
    project: str
    severity: str
    activation_time: datetime
    entity_id: str
    entity_kind: str
    criteria: dict[str, Any]
    event_kind: str
    number_of_events: int
    notifications: list[dict[str, Any]]
    reset_time: datetime | None = None
    state: str = "open"
    summary: str = ""
    reason: str = ""
    value: float | None = None
    firings: int = 1
    entities: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    acknowledged_by: str = ""
    resolution: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `time` is when it went off, in seconds since 1970."""
        shown = dict(vars(self))
        shown["activation_time"] = self.activation_time.isoformat()
        shown["reset_time"] = self.reset_time.isoformat() if self.reset_time else None
        return {**shown, "time": self.activation_time.timestamp()}


class AlertActivations(list[AlertActivation]):
    """Incidents, with MLRun's ways to count them."""

    @property
    def activations(self) -> list[AlertActivation]:
        """They, as MLRun names them."""
        return self

    def group_by(self, *attributes: str) -> dict[Any, list[AlertActivation]]:
        """Incidents by the values of attributes: a value, or a tuple of several attributes.

        >>> AlertActivations().group_by("severity")
        {}
        """
        found: dict[Any, list[AlertActivation]] = {}
        for one in self:
            values = tuple(getattr(one, name) for name in attributes)
            found.setdefault(values[0] if len(values) == 1 else values, []).append(one)
        return found

    def aggregate_by(
        self, attributes: Sequence[str], summarise: Callable[[list[AlertActivation]], Any]
    ) -> dict[Any, Any]:
        """What a function says of each group.

        Args:
            attributes: What makes a group; see `group_by`.
            summarise: Gets the incidents of a group, such as `len`.
        """
        return {key: summarise(group) for key, group in self.group_by(*attributes).items()}


def view(row: Activation) -> AlertActivation:
    """An incident as users see it."""
    body = row.body
    return AlertActivation(
        id=row.number,
        name=row.name,
        project=row.project,
        severity=row.severity,
        activation_time=datetime.fromtimestamp(row.opened, timezone.utc),
        entity_id=row.entity_id,
        entity_kind=row.entity_kind,
        criteria=body.get("criteria", {}),
        event_kind=body.get("event_kind", ""),
        number_of_events=body.get("number_of_events", 0),
        notifications=[],
        reset_time=datetime.fromtimestamp(row.resolved, timezone.utc) if row.resolved else None,
        state=row.state,
        summary=body.get("summary", ""),
        reason=body.get("reason", ""),
        value=body.get("value"),
        firings=body.get("firings", 1),
        entities=list(body.get("entities", {})),
        events=body.get("events", []),
        acknowledged_by=body.get("acknowledged_by", ""),
        resolution=body.get("resolution", ""),
    )
