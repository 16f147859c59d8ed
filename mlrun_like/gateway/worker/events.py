"""Requests as Nuclio's events; each part is made when a handler reads it."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import new_uid
from mlrun_like.runtimes.nuclio.events import Event

__all__ = ["BATCH", "RequestEvent", "batch_events", "encoded_strings"]

BATCH = b"application/x-mlrun-like-batch"
_JSON = "application/json"
_decode = json.JSONDecoder().decode
_PREFIX = "x-mlrun-like-"
_HTTP = SimpleNamespace(kind="http", name="default-http", klass="sync")


class _Made:
    """A field that is made when it is first read."""

    def __init__(self, make: Callable[[RequestEvent], Any]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, event: Any, owner: type | None = None) -> Any:
        if event is None:
            return self
        value = event.__dict__[self._name] = self._make(event)
        return value


@lru_cache(maxsize=1024)
def _canonical(name: bytes) -> str:
    return "-".join(part.capitalize() for part in name.decode("latin-1").split("-"))


def _headers(event: RequestEvent) -> dict[str, Any]:
    found = {}
    for line in event.head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        if not name.startswith(b"x-mlrun-like-"):
            found[_canonical(name)] = value.decode("latin-1")
    return found


def _told(event: RequestEvent) -> dict[str, str]:
    """What the gateway's triggers say about the event."""
    found = {}
    for line in event.head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        if name.startswith(b"x-mlrun-like-"):
            key = name.decode("latin-1").removeprefix(_PREFIX).removeprefix("event-")
            found[key] = value.decode("utf-8", "replace")
    return found


def _content_type(event: RequestEvent) -> str:
    _, found, rest = event.head.partition(b"\r\ncontent-type: ")
    return rest.partition(b"\r\n")[0].decode("latin-1") if found else ""


def _body(event: RequestEvent) -> Any:
    raw = event.raw
    if event.content_type == _JSON:  # the exact name only, as Nuclio has it
        try:
            return _decode(raw.decode())
        except (ValueError, RecursionError):
            return raw
    return raw


def _fields(event: RequestEvent) -> dict[str, str]:
    query = event.target.partition("?")[2]
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=1000))
    except ValueError:
        return {}


def _path(event: RequestEvent) -> str:
    path = event.target.partition("?")[0]
    return unquote(path) if "%" in path else path


def _now(event: RequestEvent) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


class RequestEvent(Event):
    """An event that the gateway sent.

    Args:
        content: The content of a REQUEST frame.

    >>> event = RequestEvent(b'POST /a%20b?n=1\\r\\n\\r\\nhello')
    >>> event.method, event.path, event.fields, event.body
    ('POST', '/a b', {'n': '1'}, b'hello')
    """

    body: Any = _Made(_body)
    headers: Any = _Made(_headers)
    fields: Any = _Made(_fields)
    content_type: Any = _Made(_content_type)
    timestamp: Any = _Made(_now)
    path: Any = _Made(_path)
    id: Any = _Made(lambda event: event.headers.get("X-Request-Id") or new_uid())
    size: Any = _Made(lambda event: len(event.raw))
    url: Any = _Made(lambda event: event.target)
    trigger: Any = _HTTP
    head: bytes
    raw: bytes
    target: str
    shard_id: Any = 0
    num_shards: Any = 0
    type: str = ""
    type_version: str = ""
    version: str = ""
    last_in_batch: bool = False
    offset: Any = 0
    topic: Any = None

    def __init__(self, content: bytes) -> None:
        self.head, _, self.raw = content.partition(b"\r\n\r\n")
        line = self.head.partition(b"\r\n")[0]
        method, _, target = line.partition(b" ")
        self.raw_method = method
        self.method = method.decode("latin-1")
        self.target = target.decode("latin-1")
        if b"\r\nx-mlrun-like-" in self.head:
            self._from_trigger(_told(self))

    def _from_trigger(self, told: Mapping[str, Any]) -> None:
        if told.get("trigger-name") or told.get("trigger-kind"):
            self.trigger = SimpleNamespace(
                kind=told.get("trigger-kind", ""),
                name=told.get("trigger-name", ""),
                klass=told.get("trigger-class", ""),
            )
        for name, field in (("id", "id"), ("topic", "topic")):
            if told.get(name):
                setattr(self, field, told[name])
        for name, field in (("offset", "offset"), ("shard", "shard_id"), ("shards", "num_shards")):
            if told.get(name) is not None:
                setattr(self, field, _whole(told[name]))
        if told.get("time"):
            self.timestamp = _time(told["time"], self)

    def to_json(self) -> str:
        """The event as JSON, bytes in base64."""
        names = ("content_type", "fields", "headers", "id", "method", "path", "size", "url",
                 "shard_id", "num_shards", "type", "type_version", "version", "last_in_batch",
                 "offset", "topic")  # fmt: skip
        found = {name: getattr(self, name) for name in names}
        body = self.body
        found["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
        found["trigger"] = {"kind": self.trigger.kind, "name": self.trigger.name}
        found["timestamp"] = str(self.timestamp)
        return json.dumps(found, default=str)

    __repr__ = to_json


def _whole(value: Any) -> Any:
    text = str(value)
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 19 else value


def _time(value: Any, event: RequestEvent) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return _now(event)
    return found.astimezone(datetime.timezone.utc).replace(tzinfo=None) if found.tzinfo else found


def batch_events(request: RequestEvent) -> list[RequestEvent]:
    """The events of a batch that a trigger sent.

    Raises:
        InvalidArgumentError: if the body is no batch.
    """
    try:
        rows = json.loads(request.raw)["events"]
        events = [_one_of_batch(row, request) for row in rows]
    except (ValueError, LookupError, TypeError, AttributeError, binascii.Error) as exc:
        raise InvalidArgumentError(
            f"the body is no batch of events: {type(exc).__name__}: {exc}",
            fix='{"events": [{"id": "1", "body64": "..."}]}',
        ) from exc
    if events:
        events[-1].last_in_batch = True
    return events


def _one_of_batch(row: Mapping[str, Any], request: RequestEvent) -> RequestEvent:
    method = str(row.get("method") or "POST")
    path = str(row.get("path") or "/")
    event = RequestEvent(f"{method} {path}".encode("latin-1", "replace"))
    event.raw = base64.b64decode(row.get("body64") or "")
    event.headers = {
        _canonical(str(name).encode("latin-1", "replace")): str(value)
        for name, value in (row.get("headers") or {}).items()
    }
    event.content_type = str(row.get("content_type") or event.headers.get("Content-Type", ""))
    event.trigger = request.trigger
    told = {name: row.get(name) for name in ("id", "topic", "offset", "shard", "shards", "time")}
    event._from_trigger({key: value for key, value in told.items() if value is not None})
    return event


def encoded_strings(event: RequestEvent) -> None:
    """Make texts of an event bytes: what NUCLIO_PYTHON_DECODE_EVENT_STRINGS=false asks for."""
    event.body = event.body  # decoded by the type before that becomes bytes
    for name in ("content_type", "method", "path", "url", "id", "type", "type_version", "version"):
        setattr(event, name, str(getattr(event, name)).encode())
    for name in ("headers", "fields"):
        mapping = getattr(event, name)
        setattr(event, name, {str(k).encode(): str(v).encode() for k, v in mapping.items()})
    trigger = event.trigger
    event.trigger = SimpleNamespace(
        kind=str(trigger.kind).encode(), name=str(trigger.name).encode(), klass=trigger.klass
    )
