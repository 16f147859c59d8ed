"""What is wrong with an alert's definition, before it is stored."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import Enum
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.monitoring.alerts.kinds import (
    ENTITIES_OF,
    AlertSeverity,
    EventEntityKind,
    EventKind,
    ResetPolicy,
)
from mlrun_like.monitoring.alerts.model import AlertCriteria, AlertTrigger, Threshold
from mlrun_like.notifications.template import fill
from mlrun_like.registry import known, resolve
from mlrun_like.specs.durations import parse_duration

__all__ = ["OPERATORS", "check_config", "check_name", "check_word"]

OPERATORS = (">", ">=", "<", "<=", "==", "!=")
_NAME = re.compile(r"[a-zA-Z0-9-]{1,250}\Z")
_FILLED = {
    "project": "p", "name": "n", "entity": "e", "severity": "low", "value": 1.0, "reason": "",
    "event": {}, "number": 1, "count": 1,
}  # fmt: skip


def check_config(config: AlertConfig) -> None:
    """Check a definition, and put in what is left out.

    Raises:
        InvalidArgumentError: naming the field, its value and what may stand there.
    """
    if not config.project or not config.name:
        raise InvalidArgumentError(
            "an alert needs a project and a name", fix='AlertConfig("my-project", "my-alert", ...)'
        )
    check_name(config.name, "an alert")
    where = f"alert {config.name!r}"
    try:
        _check(config)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(exc.what, where=exc.where or where, fix=exc.fix) from exc


def check_name(name: Any, what: str) -> None:
    """Check a name of an alert or template."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidArgumentError(
            f"the name {name!r:.80} of {what} cannot be used",
            fix="use letters, digits and dashes, at most 250",
        )


def check_word(kind: type[Enum], value: Any, what: str) -> str:
    """A word of one of the few lists; underscores are dashes."""
    text = str(value).replace("_", "-") if isinstance(value, str) else ""
    words = [str(item.value) for item in kind]
    if text not in words:
        raise InvalidArgumentError(
            f"{what} {value!r:.60} is unknown.{nearest(str(value), words)}",
            fix=f"use one of: {', '.join(words)}",
        )
    return text


def _check(config: AlertConfig) -> None:
    if not config.summary or not isinstance(config.summary, str):
        raise InvalidArgumentError(
            "it has no summary", fix='summary="Model {{project}}/{{entity}} is drifting."'
        )
    fill(config.summary, _FILLED)
    config.severity = check_word(AlertSeverity, config.severity, "severity")
    config.reset_policy = check_word(ResetPolicy, config.reset_policy or "auto", "reset_policy")
    if config.trigger is None:
        raise InvalidArgumentError("it has no trigger", fix='AlertTrigger(events=["failed"])')
    if config.entities is None:
        raise InvalidArgumentError(
            "it has no entities", fix='EventEntities("job", "my-project", ["*"])'
        )
    entities = config.entities
    kind = check_word(EventEntityKind, entities.kind, "entity kind")
    if entities.project != config.project:
        raise InvalidArgumentError(
            f"its entities are of project {entities.project!r}, itself of {config.project!r}"
        )
    ids = entities.ids
    listed = isinstance(ids, (list, tuple)) and len(ids) == 1
    if not listed or not isinstance(ids[0], str) or not ids[0]:
        raise InvalidArgumentError(
            f"entities.ids must be a list of one id, not {ids!r:.80}",
            fix='ids=["*"] watches all; patterns such as ["train-*"] watch some',
        )
    entities.kind = kind
    _check_trigger(config.trigger, kind)
    config.criteria = config.criteria or AlertCriteria()
    _check_criteria(config.criteria)
    for text, what in ((config.group, "group"), (config.resolve_after, "resolve_after")):
        _check_time(text, what)
    _check_receivers(config)


def _check_trigger(trigger: AlertTrigger, entity: str) -> None:
    if trigger.prometheus_alert:
        raise InvalidArgumentError(
            "prometheus_alert cannot be evaluated here",
            fix="trigger=AlertTrigger(threshold=Threshold(...)) watches a number",
        )
    parts = ("events", "threshold", "absence", "change")
    given = [name for name in parts if getattr(trigger, name)]
    if len(given) != 1:
        raise InvalidArgumentError(
            f"a trigger has exactly one of {', '.join(parts)}, not {given or 'none'}",
            fix='AlertTrigger(events=["data-drift-detected"])',
        )
    if trigger.events:
        trigger.events = _events(trigger.events, entity)
    if trigger.threshold is not None:
        _events(["result"], entity)
        _check_threshold(trigger.threshold)
    if trigger.absence is not None:
        trigger.absence.events = _events(trigger.absence.events, entity)
        if not trigger.absence.events:
            raise InvalidArgumentError("absence has no events", fix='events=["endpoint-requests"]')
        if _check_time(trigger.absence.within, "within") <= 0:
            raise InvalidArgumentError("absence.within must be longer than 0", fix='within="1h"')
    if trigger.change is not None:
        change = trigger.change
        change.events = _events(change.events, entity)
        for name in ("to", "before"):
            value = getattr(change, name)
            setattr(change, name, [value] if isinstance(value, str) else [str(v) for v in value])
        if not change.to:
            raise InvalidArgumentError("change has no status", fix='StatusChange(to=["detected"])')


def _events(given: Any, entity: str) -> list[str]:
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, Sequence):
        raise InvalidArgumentError(f"events must be a list, not {given!r:.80}")
    found = []
    for item in given:
        kind = check_word(EventKind, item, "event")
        fitting = [str(each) for each in ENTITIES_OF[EventKind(kind)]]
        if entity not in fitting:
            raise InvalidArgumentError(
                f"the event {kind!r} happens to {' or '.join(fitting)}, not to {entity!r}",
                fix=f'EventEntities("{fitting[0]}", ...)',
            )
        found.append(kind)
    return found


def _check_threshold(rule: Threshold) -> None:
    if not isinstance(rule.metric, str) or not rule.metric:
        raise InvalidArgumentError("threshold.metric is empty", fix='metric="general_drift"')
    if rule.operator not in OPERATORS:
        raise InvalidArgumentError(
            f"the operator {rule.operator!r:.20} is unknown",
            fix=f"use one of: {' '.join(OPERATORS)}",
        )
    for name in ("value", "recover"):
        value = getattr(rule, name)
        if value is None and name == "recover":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InvalidArgumentError(f"threshold.{name} must be a number, not {value!r:.40}")
        if not math.isfinite(value):
            raise InvalidArgumentError(f"threshold.{name} must be finite, not {value!r}")
    if rule.recover is not None:
        above = rule.operator in (">", ">=")
        if rule.operator in ("==", "!="):
            raise InvalidArgumentError(f"recover= has no meaning for {rule.operator!r}")
        if (rule.recover > rule.value) if above else (rule.recover < rule.value):
            raise InvalidArgumentError(
                f"recover={rule.recover} lies beyond the limit {rule.operator} {rule.value}: "
                "the alert would end while it goes off"
            )
    _check_time(rule.duration, "duration")


def _check_criteria(criteria: AlertCriteria) -> None:
    most = settings.alerts_max_criteria_count
    count = criteria.count
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
        raise InvalidArgumentError(
            f"criteria.count must be a number from 1 to {most}, not {count!r:.40}"
        )
    _check_time(criteria.period, "criteria.period")


def _check_receivers(config: AlertConfig) -> None:
    if not config.notifications and not config.actions:
        raise InvalidArgumentError(
            "nobody is told and nothing is done", fix='notifications=[Notification("slack")]'
        )
    for action in config.actions:
        resolve("mlrun_like.monitoring.actions.action:Action").of(action)
    kinds = known("notifications")
    for item in config.notifications:
        if item.notification.kind not in kinds:
            raise InvalidArgumentError(
                f"unknown notification kind {item.notification.kind!r}."
                f"{nearest(item.notification.kind, kinds)}",
                fix=f"use one of: {', '.join(kinds)}",
            )
        _check_time(item.cooldown_period, "cooldown_period")


def _check_time(text: Any, what: str) -> float:
    if text is None or text == "":
        return 0.0
    try:
        return parse_duration(text)
    except (InvalidArgumentError, OverflowError):
        raise InvalidArgumentError(
            f"{what} {text!r:.60} is not a time", fix='write "15s", "5m", "3h" or "1d"'
        ) from None
