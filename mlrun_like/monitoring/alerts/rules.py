"""What sets an alert off: counted events, thresholds with hysteresis, absence, changes of status.

A rule keeps its memory in the alert's state, plain data that is stored with every decision, so any
process can go on where another one stopped. Times are those of what happened, not of the judging:
catching up after a downtime decides as it would have been decided then.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.monitoring.alerts.kinds import ENTITIES_OF, EventKind
from mlrun_like.monitoring.alerts.model import (
    Absence,
    AlertCriteria,
    AlertTrigger,
    EventEntities,
    StatusChange,
    Threshold,
)
from mlrun_like.monitoring.alerts.times import seconds, shown_span
from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.types import Document

__all__ = ["Rule", "Signal", "names_of", "rule_of", "status_of"]

_COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        ">": operator.gt,
        ">=": operator.ge,
        "<": operator.lt,
        "<=": operator.le,
        "==": operator.eq,
        "!=": operator.ne,
    }
)
_STATUSES = MappingProxyType(
    {-1: "irrelevant", 0: "no_detection", 1: "potential_detection", 2: "detected"}
)
_STATUS_KINDS = ("result", "failed", "run-completed", "run-aborted", "pipeline-failed",
                 "pipeline-completed", "pipeline-aborted")  # fmt: skip
_WILD = re.compile(r"[*?\[]")
_NO_EVENTS: Document = {}


@dataclass(frozen=True)
class Signal:
    """A rule's decision about an entity: it goes off, or it is over.

    Args:
        fires: Whether it goes off.
        entity_kind: What it is about.
        entity_id: Which one.
        time: When, in seconds since 1970.
        reason: Why, in words.
        value: The number, if there is one.
        cause: What happened; None: nothing did, which is the reason.
        events: How many events led to it.
    """

    fires: bool
    entity_kind: str
    entity_id: str
    time: float
    reason: str
    value: float | None = None
    cause: Happening | None = None
    events: int = 1


class Rule(ABC):
    """An alert's trigger, ready to judge.

    Args:
        config: The alert.
    """

    def __init__(self, config: AlertConfig) -> None:
        self.config = config
        self.name = str(config.name)
        entities: EventEntities = config.entities or EventEntities("job", "")
        self.entity_kind, self.entity = str(entities.kind), str(entities.ids[0])
        self.manual = config.reset_policy == "manual"
        self.kinds: tuple[str, ...] = ()
        """Kinds of happenings that it listens to."""
        wild = _WILD.search(self.entity) is not None
        self.exact = "" if wild else self.entity
        """The entity's name, if it is a single one."""
        self._all = self.entity == "*"
        self._match = re.compile(fnmatch.translate(self.entity)).match

    def concerns(self, names: tuple[str, ...]) -> bool:
        """Whether it watches an entity with these names."""
        return self._all or any(self._match(name) for name in names)

    @abstractmethod
    def take(self, state: Document, event: Happening) -> Signal | None:
        """Judge what happened, with the memory that `state` holds."""

    def tick(self, state: Document, now: float) -> Iterator[Signal]:
        """Judge that time has passed."""
        del state, now
        yield from ()


class _Counting(Rule):
    """So many events in a period."""

    def __init__(self, config: AlertConfig, trigger: AlertTrigger) -> None:
        super().__init__(config)
        criteria = config.criteria or AlertCriteria()
        self.kinds = tuple(map(str, trigger.events))
        self._count, self._each = criteria.count, criteria.per_entity
        self._period = seconds(criteria.period)

    def take(self, state: Document, event: Happening) -> Signal | None:
        times: list[float] = [event.time]
        if self._count > 1:
            kept = state.setdefault("events", {})
            key = event.entity_id if self._each else "*"
            times = [*kept.get(key, ()), event.time]
            if self._period:
                oldest = max(times) - self._period
                times = [time for time in times if time >= oldest]
            if len(times) < self._count:
                kept[key] = times
                return None
            kept.pop(key, None)
        reason = event.kind.replace("-", " ")
        if len(times) > 1:
            reason = f"{len(times)} x {reason} in {shown_span(max(times) - min(times))}"
        return _signal(True, event, reason, len(times))


class _Limit(Rule):
    """A number that passes a limit, for some time."""

    kinds = ("result", "metric")

    def __init__(self, config: AlertConfig, part: Threshold) -> None:
        super().__init__(config)
        self.kinds = ("result", "metric")
        self._part, self._wait = part, seconds(part.duration)
        self._named = re.compile(fnmatch.translate(part.metric)).match
        self._passes = _COMPARE[part.operator]

    def take(self, state: Document, event: Happening) -> Signal | None:
        if event.value is None or not any(map(self._named, _metric_names(event))):
            return None
        memory = state.setdefault("entities", {}).setdefault(event.entity_id, {})
        if event.time < memory.get("last", event.time):
            return None  # late: newer ones have been judged
        memory["last"] = event.time
        part, value = self._part, event.value
        if memory.get("firing"):
            if not self._over(value):
                return None
            del memory["firing"]
            memory.pop("since", None)
            return _signal(False, event, f"{value:.6g} is back within {part.operator} {part.value}")
        if not self._passes(value, part.value):
            memory.pop("since", None)
            return None
        since = memory.setdefault("since", event.time)
        if event.time - since < self._wait:
            return None
        memory["firing"] = True
        lasting = f" for {shown_span(event.time - since)}" if self._wait else ""
        name = event.body.get("name") or event.entity_id
        return _signal(
            True, event, f"{name} is {value:.6g}, {part.operator} {part.value:.6g}{lasting}"
        )

    def _over(self, value: float) -> bool:
        recover = self._part.recover
        if recover is None:
            return not self._passes(value, self._part.value)
        return value <= recover if self._part.operator in (">", ">=") else value >= recover


class _Silent(Rule):
    """Something that does not happen any more."""

    def __init__(self, config: AlertConfig, part: Absence) -> None:
        super().__init__(config)
        self.kinds = tuple(map(str, part.events))
        self._within = seconds(part.within)

    def take(self, state: Document, event: Happening) -> Signal | None:
        memory = state.setdefault("entities", {}).setdefault(event.entity_id, {})
        memory["last"] = max(event.time, memory.get("last", event.time))
        if memory.pop("firing", None):
            return _signal(False, event, f"{event.kind.replace('-', ' ')} again")
        return None

    def tick(self, state: Document, now: float) -> Iterator[Signal]:
        entities: dict[str, Document] = state.setdefault("entities", {})
        if self.exact and not entities and "since" in state:
            entities[self.exact] = {"last": state["since"]}
        for entity, memory in entities.items():
            end = memory["last"] + self._within
            if now <= end or memory.get("firing"):
                continue
            memory["firing"] = True
            kinds = " or ".join(kind.replace("-", " ") for kind in self.kinds)
            reason = f"no {kinds} for {shown_span(self._within)}"
            yield Signal(True, self.entity_kind, entity, end, reason, events=0)


class _Changing(Rule):
    """A status that becomes another."""

    def __init__(self, config: AlertConfig, part: StatusChange) -> None:
        super().__init__(config)
        fitting = [str(kind) for kind in EventKind
                   if self.entity_kind in map(str, ENTITIES_OF[kind])]  # fmt: skip
        kinds = tuple(map(str, part.events)) or tuple(k for k in _STATUS_KINDS if k in fitting)
        self.kinds = kinds or tuple(fitting)
        self._to, self._before = frozenset(part.to), frozenset(part.before)

    def take(self, state: Document, event: Happening) -> Signal | None:
        memory = state.setdefault("entities", {}).setdefault(event.entity_id, {})
        if event.time < memory.get("last", event.time):
            return None
        before, status = memory.get("status"), status_of(event)
        memory.update(last=event.time, status=status)
        if before == status:
            return None
        said = f"{before or 'unknown'} became {status}"
        moved = before in self._before if self._before else before not in self._to
        if status in self._to and moved:
            memory["firing"] = True
            return _signal(True, event, said)
        if status not in self._to and memory.pop("firing", None):
            return _signal(False, event, said)
        return None


def rule_of(config: AlertConfig) -> Rule:
    """The rule of an alert that was checked."""
    trigger = config.trigger or AlertTrigger()
    if trigger.threshold is not None:
        return _Limit(config, trigger.threshold)
    if trigger.absence is not None:
        return _Silent(config, trigger.absence)
    if trigger.change is not None:
        return _Changing(config, trigger.change)
    return _Counting(config, trigger)


def names_of(event: Happening) -> tuple[str, ...]:
    """What an entity is called: its id, and names that its event tells of."""
    body = event.body or _NO_EVENTS
    names = [event.entity_id]
    for key in ("uid", "endpoint", "endpoint_name"):
        value = body.get(key)
        if isinstance(value, str) and value and value != event.entity_id:
            names.append(value)
    return tuple(names)


def status_of(event: Happening) -> str:
    """The status that an event tells of; without one, its kind."""
    status: Any = event.body.get("status")
    if isinstance(status, (int, float)) and not isinstance(status, bool):
        return _STATUSES.get(int(status), str(status))
    return str(status) if status else event.kind


def _metric_names(event: Happening) -> list[str]:
    name, application = event.body.get("name"), event.body.get("application")
    names = [event.entity_id]
    if name:
        names += [str(name), f"{application}.{name}"]
    return names


def _signal(fires: bool, event: Happening, reason: str, events: int = 1) -> Signal:
    return Signal(
        fires, event.entity_kind, event.entity_id, event.time, reason, event.value, event, events
    )
