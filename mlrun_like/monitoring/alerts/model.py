"""What an alert is: the definition with MLRun's fields, and the rules beyond counting events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.monitoring.alerts.kinds import (
    AlertSeverity,
    EventEntityKind,
    EventKind,
    ResetPolicy,
)
from mlrun_like.specs.notification import Notification

__all__ = [
    "Absence",
    "AlertCriteria",
    "AlertNotification",
    "AlertTemplate",
    "AlertTrigger",
    "Event",
    "EventEntities",
    "StatusChange",
    "Threshold",
    "plain",
    "read_part",
]


@dataclass
class EventEntities:
    """What an alert watches.

    Args:
        kind: The kind of entity.
        project: Its project.
        ids: One id: a name, a pattern with `*` and `?`, or `"*"` for all.
    """

    kind: EventEntityKind | str
    project: str
    ids: Sequence[str] = ("*",)

    def __post_init__(self) -> None:
        if isinstance(self.ids, (list, tuple)):
            # MLRun takes numbers, too
            self.ids = [str(one) if type(one) is int else one for one in self.ids]


@dataclass
class Threshold:
    """A number that must not be passed.

    Args:
        metric: The result or metric: `general_drift`, `<application>.<name>`, or the full name
            `<endpoint>.<application>.result.<name>`; `*` and `?` stand for anything.
        operator: `>`, `>=`, `<`, `<=`, `==` or `!=`.
        value: The limit.
        duration: How long it must be passed without a break, `"10m"`; measured in the times of
            the numbers, so catching up after a downtime judges as it would have been judged.
        recover: The alert ends only when the number is back beyond this; None: at the limit.
    """

    metric: str
    operator: str
    value: float
    duration: str | None = None
    recover: float | None = None


@dataclass
class Absence:
    """Something that should happen again and again, and does not.

    Args:
        events: Kinds, of which one must happen; `endpoint-requests`, `run-completed`, ...
        within: At the latest so long after the one before (or after the alert was stored).
    """

    events: Sequence[EventKind | str]
    within: str = "1h"


@dataclass
class StatusChange:
    """A status that becomes another.

    Args:
        to: Statuses that it must not become: of results `detected`, `potential_detection`,
            `no_detection`; of runs `error`, `completed`, `aborted`.
        before: Only if it was one of these; empty: any other.
        events: Kinds that carry the status; by default results, runs and pipelines.
    """

    to: Sequence[str]
    before: Sequence[str] = ()
    events: Sequence[EventKind | str] = ()


@dataclass
class AlertTrigger:
    """What sets an alert off: exactly one of these.

    Args:
        events: Kinds of events, of which any counts.
        prometheus_alert: MLRun's field, which MLRun does not use either; must be empty.
        threshold: A number passes a limit.
        absence: Something does not happen any more.
        change: A status becomes another.
    """

    events: Sequence[EventKind | str] = ()
    prometheus_alert: str | None = None
    threshold: Threshold | None = None
    absence: Absence | None = None
    change: StatusChange | None = None


@dataclass
class AlertCriteria:
    """How many events are needed.

    Args:
        count: So many; at most 100.
        period: Within so long, `"1d"`, `"3h"`, `"5m"`, `"15s"`; None: ever.
        per_entity: Count for each entity by itself; MLRun counts all that `"*"` matches together.
    """

    count: int = 1
    period: str | None = None
    per_entity: bool = False


@dataclass
class AlertNotification:
    """Who is told.

    Args:
        notification: The notification; its `when` does not matter.
        cooldown_period: How long this one is not sent again, `"10m"`; None: never held back.
    """

    notification: Notification
    cooldown_period: str | None = None


@dataclass
class AlertTemplate:
    """What alerts of one sort have in common.

    Args:
        template_name: Its name.
        template_description: What it is for.
        system_generated: It comes with the platform.
        summary: See AlertConfig.
        severity: See AlertConfig.
        trigger: See AlertConfig.
        criteria: See AlertConfig.
        reset_policy: See AlertConfig.
    """

    template_name: str
    template_description: str = ""
    system_generated: bool = False
    summary: str = ""
    severity: AlertSeverity | str = AlertSeverity.MEDIUM
    trigger: AlertTrigger = field(default_factory=AlertTrigger)
    criteria: AlertCriteria | None = None
    reset_policy: ResetPolicy | str = ResetPolicy.AUTO

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        found: dict[str, Any] = plain(self)
        return found


@dataclass
class Event:
    """An event as MLRun's programs send it.

    Args:
        kind: What happened.
        entity: To what; one id.
        value_dict: What else is known.
        timestamp: When (ISO text, datetime or seconds); None: now.
    """

    kind: EventKind | str
    entity: EventEntities
    value_dict: Mapping[str, Any] = field(default_factory=dict)
    timestamp: Any = None


def plain(value: Any) -> Any:
    """Plain data of these classes, without what is not set; secret values are masked.

    >>> plain(AlertTrigger(events=[EventKind.FAILED]))
    {'events': ['failed']}
    """
    if isinstance(value, AlertNotification):
        shown = {k: v for k, v in value.notification.public().items() if k != "when"}
        cooldown = {"cooldown_period": value.cooldown_period} if value.cooldown_period else {}
        return {"notification": shown, **cooldown}
    if hasattr(value, "__dataclass_fields__"):
        found = {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        return {k: v for k, v in found.items() if v not in (None, (), [], {}, "")}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def read_part(kind: type[Any], value: Any, what: str) -> Any:
    """One of these classes from plain data, an object of it as it is, None as None.

    Raises:
        InvalidArgumentError: if it has other fields, or lacks one.
    """
    if value is None or isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f"{what} must be {kind.__name__}(...), not {value!r:.80}")
    known = [each.name for each in fields(kind)]
    for name in value:
        if name not in known:
            raise InvalidArgumentError(
                f"{what} has no field {name!r:.60}.{nearest(str(name), known)}",
                fix=f"fields: {', '.join(known)}",
            )
    try:
        return kind(**value)
    except TypeError as exc:
        raise InvalidArgumentError(f"{what} {dict(value)!r:.120} lacks a field: {exc}") from None
