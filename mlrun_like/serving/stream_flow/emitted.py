"""Events made of what a program emits."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from mlrun_like.errors import InvalidTypeError
from mlrun_like.serving.event import Event

__all__ = ["EmittedEvent", "Ids", "KeyField", "event_maker", "key_reader"]

KeyField = str | int | Iterable[Any] | Callable[[Any], Any] | None
"""The field of a body that is its key, the fields, or a function of the body."""

_WRAPPED = "full_event_wrapper"  # storey's mark of an event that went through a stream
_IDS_PER_BASE = 1024


class Ids:
    """Makes ids as storey does: a random text that 1024 ids share, and a number.

    >>> ids = Ids()
    >>> ids.of(ids.next())[32:], ids.of(ids.next())[32:]
    ('-0000', '-0001')
    """

    def __init__(self) -> None:
        self.next = itertools.count().__next__
        self._seed = uuid.uuid4().bytes
        self._last = (-1, "")

    def of(self, number: int) -> str:
        """The id of the event with this number."""
        wanted, place = divmod(number, _IDS_PER_BASE)
        block, base = self._last
        if block != wanted:
            text = self._seed + wanted.to_bytes(8, "big")
            base = hashlib.blake2b(text, digest_size=16).hexdigest()
            self._last = (wanted, base)
        return f"{base}-{place:04}"


class _LateId:
    """The id of an emitted event: made when it is first read, for most never are."""

    def __get__(self, event: Any, owner: type | None = None) -> Any:
        if event is None:
            return self
        found = event.__dict__["id"] = event._ids.of(event._number)
        return found


class EmittedEvent(Event):
    """An event that a controller made of a body."""

    id: Any = _LateId()


def event_maker(key_field: KeyField) -> Callable[[Any, Any], Event]:
    """Makes events of what is emitted: bodies, events, and events of others.

    Args:
        key_field: The field, or fields, of the body that are the key, or a function of the body.

    >>> event_maker(lambda body: body["x"] % 2)({"x": 5}).key
    1

    Raises:
        InvalidTypeError: if `key_field` is none of these.
    """
    ids = Ids()
    number = ids.next
    read_key = key_reader(key_field)
    new = EmittedEvent.__new__

    def make(element: Any, key: Any = None) -> Event:
        if hasattr(element, "id") and hasattr(element, "body"):
            event = _copied(element)
            key = key or (read_key(event.body) if read_key is not None else None)
            if key:
                event.key = key
            return event
        event = new(EmittedEvent)
        event.body = element
        event._ids = ids  # type: ignore[attr-defined]
        event._number = number()  # type: ignore[attr-defined]
        if not key and read_key is not None:
            key = read_key(element)
        if key is not None:
            event.key = key
        return event

    return make


def key_reader(key_field: KeyField) -> Callable[[Any], Any] | None:
    """The function from a body to its key; None: bodies have none.

    Raises:
        InvalidTypeError: if `key_field` cannot be used.
    """
    if key_field is None or key_field == "":
        return None
    if isinstance(key_field, (str, int)):
        field: Any = key_field
        return lambda body: body[field] if isinstance(body, (dict, list)) else None
    if callable(key_field):
        return key_field
    if not isinstance(key_field, Iterable):
        raise InvalidTypeError(
            f"key_field={key_field!r:.80} is neither a field nor a list of fields nor a function",
            where="source",
            fix='key_field="user_id", or key_field=["user", "device"]',
        )
    fields = list(key_field)
    return lambda body: [body[f] for f in fields] if isinstance(body, (dict, list)) else None


def _copied(element: Any) -> Event:
    """An event of our own: what steps do to it does not change the caller's."""
    if isinstance(element, Event):
        event = element.with_body(element.body)
        if event.id is None:
            event.id = Event().id
    else:
        event = Event(element.body)
        event.__dict__.update(getattr(element, "__dict__", {}))
        if "time" not in event.__dict__:
            moment = getattr(element, "processing_time", getattr(element, "timestamp", None))
            event.time = moment or datetime.datetime.now(datetime.timezone.utc)
    body = event.body
    if isinstance(body, dict) and body.get(_WRAPPED):
        event.body = body.get("body")
        for name in ("key", "id"):
            if body.get(name) is not None:
                setattr(event, name, body[name])
    return event
