"""Telling the platform what happened: events of programs, with MLRun's call."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.checking import check_word
from mlrun_like.monitoring.alerts.kinds import ENTITIES_OF, EventEntityKind, EventKind
from mlrun_like.monitoring.alerts.model import Event, EventEntities, read_part
from mlrun_like.monitoring.alerts.times import iso, moment
from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.tracking.connect import open_store

__all__ = ["generate_event", "list_events"]


def generate_event(
    name: EventKind | str,
    event_data: Event | Mapping[str, Any],
    project: str = "",
    *,
    id: str = "",
) -> str:
    """Record that something happened; alerts judge it at their next pass.

    Args:
        name: The kind of event.
        event_data: `{"kind", "entity": {"kind", "project", "ids": [one]}, "value_dict",
            "timestamp"}`, or an Event; `value_dict["value"]` is its number.
        project: Whose; by default the default project.
        id: Made from what happened: telling it again changes nothing. By default a new one.

    Returns:
        The event's id.

    Raises:
        InvalidArgumentError: if the kind is unknown, or does not happen to such an entity.
    """
    place = project or settings.default_project
    kind = check_word(EventKind, name, "event")
    data = event_data
    if isinstance(data, Mapping):
        data = {"kind": kind, **data}
    event: Event = read_part(Event, data, "event")
    if event is None or check_word(EventKind, event.kind, "event") != kind:
        raise InvalidArgumentError(f"an event {kind!r} cannot be of kind {event_data!r:.80}")
    entity: EventEntities = read_part(EventEntities, event.entity, "entity")
    about = check_word(EventEntityKind, entity.kind if entity else None, "entity kind")
    fitting = [str(item) for item in ENTITIES_OF[EventKind(kind)]]
    if about not in fitting:
        raise InvalidArgumentError(
            f"the event {kind!r} happens to {' or '.join(fitting)}, not to {about!r}"
        )
    ids = entity.ids
    if not isinstance(ids, (list, tuple)) or len(ids) != 1 or not _named(ids[0]):
        raise InvalidArgumentError(f"an event is about one entity, not {ids!r:.80}")
    if entity.project != place:
        raise InvalidArgumentError(
            f"its entity is of project {entity.project!r}, the event of {place!r}"
        )
    if not isinstance(event.value_dict or {}, Mapping):
        raise InvalidArgumentError(f"value_dict is a mapping, not {event.value_dict!r:.80}")
    values = dict(event.value_dict or {})
    number = values.get("value")
    known = isinstance(number, (int, float)) and not isinstance(number, bool)
    if known and number is not None and abs(number) > sys.float_info.max:
        raise InvalidArgumentError("the event's value is too large a number")
    time = clock.now() if event.timestamp is None else moment(event.timestamp)
    key = id or uuid.uuid4().hex
    value = float(number) if known and number is not None else None
    row = Happening(key, place, kind, about, ids[0], time, value, values)
    open_store().append_happenings([row])
    return key


def list_events(
    project: str = "",
    kind: str = "",
    entity: str = "",
    since: Any = None,
    until: Any = None,
    limit: int = 0,
) -> list[dict[str, Any]]:
    """What happened, oldest first: id, kind, entity_kind, entity_id, time (ISO), value, body.

    Args:
        project: Whose; by default the default project's.
        kind: Only this kind.
        entity: Only to this entity.
        since: Then or later: a datetime, ISO text, or seconds since 1970.
        until: Then or earlier.
        limit: The first so many; 0: all.
    """
    found = open_store().list_happenings(
        project or settings.default_project,
        limit=limit,
        kinds=[kind] if kind else (),
        entity_id=entity,
        start=None if since is None else moment(since),
        end=None if until is None else moment(until),
    )
    hidden = ("project", "seq", "time")
    return [
        {**{k: v for k, v in vars(item).items() if k not in hidden}, "time": iso(item.time)}
        for item in found
    ]


def _named(item: Any) -> bool:
    return isinstance(item, str) and bool(item)
