"""AlertConfig: an alert's definition, with MLRun's arguments and a few of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.monitoring.alerts.kinds import AlertActiveState, AlertSeverity, ResetPolicy
from mlrun_like.monitoring.alerts.model import (
    Absence,
    AlertCriteria,
    AlertNotification,
    AlertTemplate,
    AlertTrigger,
    EventEntities,
    StatusChange,
    Threshold,
    plain,
    read_part,
)
from mlrun_like.registry import resolve
from mlrun_like.specs.notification import Notification, read_notifications

__all__ = ["AlertConfig", "plain_action"]

_WRAPPER = ("notification", "cooldown_period")
_FIELDS = (
    *("project", "name", "description", "summary", "severity", "trigger", "criteria"),
    *("reset_policy", "cooldown_period", "notifications", "entities"),
    *("id", "state", "created", "count", "updated"),
    *("actions", "group", "deduplicate", "resolve_after", "notify_recovery"),
)


class AlertConfig:
    """An alert: what it watches, when it goes off, who is told, what is done.

    Args:
        project: Its project.
        name: Letters, digits and dashes.
        template: A template's name, or a template, which gives what is not given here.
        description: What it is for.
        summary: What is said; `{{project}}`, `{{name}}`, `{{entity}}`, `{{severity}}`,
            `{{value}}`, `{{reason}}` and `{{event.<key>}}` are filled.
        severity: `low`, `medium` or `high`.
        trigger: What sets it off.
        criteria: How many events it takes; by default one.
        reset_policy: `auto`: it can go off again at once; `manual`: after a reset.
        cooldown_period: How long those are not told again who have no such time of their own.
        notifications: Who is told; also plain Notification objects, or their fields.
        entities: What it watches; one id or `"*"`.
        id: Given by the store.
        state: Given by the store: `active` or `inactive`.
        created: Given by the store.
        count: Given by the store: how often it went off.
        updated: Given by the store.
        actions: What is done when it goes off: fields of actions, see monitoring.actions.
        group: Entities that join in within this time are told of in one notification, `"5m"`.
        deduplicate: Say nothing more about an entity while its incident is open.
        resolve_after: An incident of counted events ends when nothing was heard for so long, if
            no event tells of its end before; `"-1"`: never.
        notify_recovery: Also tell that an incident has ended.

    Raises:
        InvalidArgumentError: if a part cannot be read. What belongs together is checked when the
            alert is stored.

    >>> config = AlertConfig("fraud", "failed-runs", template="JobFailed",
    ...     entities={"kind": "job", "project": "fraud", "ids": ["train"]},
    ...     notifications=[Notification("console")])
    >>> str(config.severity), config.summary
    ('medium', 'A job has failed')
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        project: str | None = None,
        name: str | None = None,
        template: AlertTemplate | Mapping[str, Any] | str | None = None,
        description: str | None = None,
        summary: str | None = None,
        severity: AlertSeverity | str | None = None,
        trigger: AlertTrigger | Mapping[str, Any] | None = None,
        criteria: AlertCriteria | Mapping[str, Any] | None = None,
        reset_policy: ResetPolicy | str | None = None,
        cooldown_period: str | None = None,
        notifications: Sequence[Any] | None = None,
        entities: EventEntities | Mapping[str, Any] | None = None,
        id: int | None = None,
        state: AlertActiveState | str | None = None,
        created: str | None = None,
        count: int | None = None,
        updated: str | None = None,
        *,
        actions: Sequence[Mapping[str, Any]] = (),
        group: str | None = None,
        deduplicate: bool = False,
        resolve_after: str = "1d",
        notify_recovery: bool = False,
    ) -> None:
        self.project, self.name = project, name
        self.description, self.summary, self.severity = description, summary, severity
        self.trigger = _trigger(trigger)
        self.criteria: AlertCriteria | None = read_part(AlertCriteria, criteria, "criteria")
        self.reset_policy, self.cooldown_period = reset_policy, cooldown_period
        self.notifications = _notifications(notifications, cooldown_period)
        self.entities: EventEntities | None = read_part(EventEntities, entities, "entities")
        self.id, self.state, self.created, self.count = id, state, created, count
        self.updated = updated
        self.actions = [plain_action(item) for item in actions or ()]
        self.group, self.deduplicate = group, deduplicate
        self.resolve_after, self.notify_recovery = resolve_after, notify_recovery
        if template:
            self._apply_template(template)

    def __repr__(self) -> str:
        return f"AlertConfig(project={self.project!r}, name={self.name!r})"

    def with_notifications(self, notifications: list[Any]) -> AlertConfig:
        """Add to those who are told; this object.

        Raises:
            InvalidArgumentError: if it is no list of notifications.
        """
        if not isinstance(notifications, list):
            raise InvalidArgumentError(
                f"notifications must be a list, not {notifications!r:.80}",
                fix='with_notifications([Notification("slack")])',
            )
        self.notifications = _notifications(
            [*self.notifications, *notifications], self.cooldown_period
        )
        return self

    def with_entities(self, entities: EventEntities) -> AlertConfig:
        """Set what is watched; this object.

        Raises:
            InvalidArgumentError: if it is no EventEntities.
        """
        if not isinstance(entities, EventEntities):
            raise InvalidArgumentError(
                f"entities must be EventEntities(...), not {entities!r:.80}",
                fix='with_entities(EventEntities("job", "my-project", ["train"]))',
            )
        self.entities = entities
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without what is not set; secret values are masked."""
        found = {name: plain(getattr(self, name)) for name in _FIELDS}
        return {k: v for k, v in found.items() if v not in (None, (), [], {}, "")}

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any]) -> AlertConfig:
        """An alert from plain data.

        Raises:
            InvalidArgumentError: naming the field that cannot be used.
        """
        if not isinstance(struct, Mapping):
            raise InvalidArgumentError(f"an alert must be a mapping, not {struct!r:.80}")
        known = [*_FIELDS, "template"]
        for name in struct:
            if name not in known:
                raise InvalidArgumentError(
                    f"an alert has no field {name!r:.60}.{nearest(str(name), known)}",
                    fix=f"fields: {', '.join(known)}",
                )
        return cls(**struct)

    def _apply_template(self, template: Any) -> None:
        if isinstance(template, str):
            place = "mlrun_like.monitoring.alerts.templates:get_alert_template"
            template = resolve(place)(template, self.project or "")
        found: AlertTemplate = read_part(AlertTemplate, template, "template")
        trigger = self.trigger or _trigger(found.trigger)
        self.trigger = trigger
        self.description = self.description or found.template_description
        self.summary = self.summary or found.summary
        self.severity = self.severity or found.severity
        self.criteria = self.criteria or read_part(AlertCriteria, found.criteria, "criteria")
        self.reset_policy = self.reset_policy or found.reset_policy


def plain_action(value: Any) -> dict[str, Any]:
    """An action as plain data; what it means is known to monitoring.actions."""
    found = value.to_dict() if hasattr(value, "to_dict") else value
    if not isinstance(found, Mapping) or not isinstance(found.get("kind"), str):
        raise InvalidArgumentError(
            f"{value!r:.80} is no action", fix='{"kind": "pipeline", "workflow": "retrain"}'
        )
    return dict(found)


def _trigger(value: Any) -> AlertTrigger | None:
    found: AlertTrigger | None = read_part(AlertTrigger, value, "trigger")
    if found is None:
        return None
    return AlertTrigger(
        events=_events(found.events),
        prometheus_alert=found.prometheus_alert,
        threshold=read_part(Threshold, found.threshold, "threshold"),
        absence=read_part(Absence, found.absence, "absence"),
        change=read_part(StatusChange, found.change, "change"),
    )


def _notifications(given: Any, cooldown_period: str | None = None) -> list[AlertNotification]:
    if isinstance(given, (Notification, AlertNotification, Mapping)):
        given = [given]
    if isinstance(given, (str, bytes)) or not isinstance(given or (), Sequence):
        raise InvalidArgumentError(f"notifications must be a list, not {given!r:.80}")
    items = [_parts(item) for item in given or ()]
    names = [item[0].get("name") or item[0].get("kind") for item in items]
    for place, (fields, _) in enumerate(items):
        # two of one kind without names of their own get some
        if not fields.get("name") and names.count(names[place]) > 1:
            fields["name"] = f"{fields.get('kind')}-{place + 1}"
    notes = read_notifications([fields for fields, _ in items])
    return [
        AlertNotification(note, cooldown or cooldown_period)
        for note, (_, cooldown) in zip(notes, items, strict=True)
    ]


def _parts(item: Any) -> tuple[dict[str, Any], str | None]:
    """The fields of one notification, and its cooldown."""
    cooldown = None
    if isinstance(item, AlertNotification):
        item, cooldown = item.notification, item.cooldown_period
    elif isinstance(item, Mapping) and set(item) <= set(_WRAPPER) and "notification" in item:
        item, cooldown = item["notification"], item.get("cooldown_period")
    if isinstance(item, Notification):
        return {**vars(item)}, cooldown
    if not isinstance(item, Mapping):
        raise InvalidArgumentError(
            f"{item!r:.80} is not a notification", fix='Notification("slack", name="team")'
        )
    # MLRun says when=["now"]; an alert is told when it goes off
    return {k: v for k, v in item.items() if k != "when"}, cooldown


def _events(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    if given is not None and not isinstance(given, (list, tuple)):
        raise InvalidArgumentError(f"events of a trigger are a list, not {given!r:.80}")
    return list(given or ())
