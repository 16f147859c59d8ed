"""An event as a record of a stream, and back.

Between functions an event travels as MLRun wraps it: `{"full_event_wrapper": true, "body": …,
"key": …, "id": …}`, with headers, path and time where it has them. A body of bytes stays bytes;
then id, key, path and time travel as headers of the record. A record that is not wrapped (pushed
by anybody) becomes an event with a body of its own and an id that names its place, so that it has
the same id whenever it is read again.
"""

from __future__ import annotations

import datetime
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode, encode
from mlrun_like.serving.event import Event, to_time
from mlrun_like.streams.base import Record

__all__ = ["MARK", "StreamEvent", "to_event", "to_record"]

MARK = "full_event_wrapper"
_ID, _KEY, _PATH, _TIME = (
    "mlrun-event-id",
    "mlrun-event-key",
    "mlrun-event-path",
    "mlrun-event-time",
)
_OURS = frozenset({_ID, _KEY, _PATH, _TIME})


class _StoredTime:
    """When the event happened, made from what was stored when it is first read."""

    def __get__(self, event: Any, owner: type | None = None) -> Any:
        if event is None:
            return self
        try:
            found = to_time(event.__dict__.get("stored_time"))
        except InvalidArgumentError:  # somebody else's wrapper
            found = datetime.datetime.now(datetime.timezone.utc)
        event.__dict__["time"] = found
        return found


class StreamEvent(Event):
    """An event that came from a stream.

    Attributes:
        stream_path: The stream's URL.
    """

    time: Any = _StoredTime()
    trigger: Any = "stream"
    stream_path: str = ""


def to_record(event: Event, full: bool) -> Record:
    """The record of an event; its key decides the shard.

    Args:
        event: The event.
        full: Whether the next reader gets the event; False: only its body.

    >>> to_record(Event({"x": 1}, id="a", key="k"), full=True).body
    b'{"full_event_wrapper":true,"body":{"x":1},"id":"a","key":"k"}'

    Raises:
        InvalidArgumentError: if the body cannot be written as JSON.
    """
    own, body, key = event.__dict__, event.body, event.key
    shown = "" if key is None else key if isinstance(key, str) else str(key)
    if isinstance(body, (bytes, bytearray)):
        headers = {str(name): str(value) for name, value in event.headers.items()}
        if full:
            headers[_ID] = str(event.id)
            if shown:
                headers[_KEY] = shown
            if "path" in own:
                headers[_PATH] = event.path
            if "time" in own or "stored_time" in own:
                headers[_TIME] = event.time.isoformat()
        return Record(bytes(body), shown, headers)
    if not full:
        if isinstance(body, str):
            return Record(body.encode(), shown)
        return Record(_encoded(body, event), shown)
    wrapped: dict[str, Any] = {MARK: True, "body": body, "id": event.id}
    if key is not None:
        wrapped["key"] = key
    if "path" in own and event.path != "/":
        wrapped["path"] = event.path
    if "time" in own:
        wrapped["time"] = event.time
    elif "stored_time" in own:
        wrapped["time"] = own["stored_time"]
    if event.headers:
        wrapped["headers"] = dict(event.headers)
    return Record(_encoded(wrapped, event), shown)


def _encoded(value: Any, event: Event) -> bytes:
    try:
        return encode(value)
    except TypeError as exc:
        error = InvalidArgumentError(
            f"an event cannot be pushed to a stream: {exc}",
            where=f"event {event.id}",
            fix="let the step before the queue give what JSON can carry, or bytes",
        )
        error.status = 500  # a mistake of the graph, not of its caller
        raise error from exc


def to_event(record: Record, stream: str, url: str = "") -> StreamEvent:
    """The event that a record carries; the stream's attributes are `trigger` and `offset`.

    Args:
        record: The record.
        stream: The stream's name, for events without an id of their own.
        url: The stream's URL, which steps find in `event.stream_path`.

    >>> event = to_event(Record(b'{"x": 1}', key="k", id="7-0"), "orders")
    >>> event.body, event.key, event.id
    ({'x': 1}, 'k', 'orders/0/7-0')
    """
    raw, headers = record.body, record.headers
    try:
        body: Any = decode(raw) if raw else None
    except InvalidArgumentError:
        body = raw
    event = StreamEvent.__new__(StreamEvent)
    own = event.__dict__
    own["offset"], own["stream_path"] = record.id, url
    if record.key:
        own["key"] = record.key
    time: Any = record.time
    if type(body) is dict and body.get(MARK) is True:
        found = body.get("id")
        own["id"] = f"{stream}/{record.shard}/{record.id}" if found is None else found
        if "key" in body:
            own["key"] = body["key"]
        if "path" in body:
            own["path"] = str(body["path"])
        headers = body.get("headers") or headers
        time = body.get("time") or time
        body = body.get("body")
    elif headers and _ID in headers:
        own["id"] = headers[_ID]
        own["key"] = headers.get(_KEY) or None
        if _PATH in headers:
            own["path"] = headers[_PATH]
        time = headers.get(_TIME) or time
        headers = {name: value for name, value in headers.items() if name not in _OURS}
        body = raw
    else:
        own["id"] = f"{stream}/{record.shard}/{record.id}"
    own["body"] = body
    if headers:
        own["headers"] = headers
    own["stored_time"] = time or record.time
    return event
