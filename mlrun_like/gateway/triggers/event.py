"""One event, and how it is said to the gateway in HTTP."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import orjson

from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.names import new_uid

__all__ = ["BATCH", "Event", "batch_body", "headers_of", "read_answers"]

BATCH = "application/x-mlrun-like-batch"
"""Content type of a list of events, and of the list of answers."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = ("x-mlrun-like-", "content-length", "transfer-encoding", "connection", "host", "expect")


class Event:
    """One event.

    Args:
        body: Its content.
        headers: Short texts that came with it.
        topic: What it was published to.
        key: Events with one key keep their order, if the trigger's order is `key`.
        offset: Its place in its shard.
        shard: Its shard.
        time: When it was stored, in seconds since 1970.
        id: Its id; the same each time it is handed out, where its source has such a thing.
    """

    __slots__ = (
        "alone", "body", "content_type", "error", "headers", "id", "key", "lane", "offset",
        "path", "raw", "shard", "shards", "time", "topic", "tries",
    )  # fmt: skip

    def __init__(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        topic: str = "",
        key: str = "",
        offset: str = "",
        shard: int = 0,
        time: float = 0.0,
        id: str = "",
    ) -> None:
        self.body, self.headers = body, dict(headers or {})
        self.topic, self.key, self.offset, self.shard = topic, key, offset, shard
        self.shards = 1
        self.time = time or _now()
        self.id = id or new_uid()
        self.content_type = self.headers.pop("content-type", "")
        self.path = "/"
        self.tries = 0
        self.error = ""
        """Why the last try failed."""
        self.alone = False
        """Whether it must not be in a batch any more: one that it was in failed as a whole."""
        self.lane: Any = None
        """Where it waits."""
        self.raw: Any = None
        """What its source needs to acknowledge it."""


def _now() -> float:
    return time.time()


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when, tz=timezone.utc).isoformat()


def headers_of(config: TriggerConfig, event: Event) -> list[tuple[str, str]]:
    """Header lines of the request for an event.

    Names that are none in HTTP, and what only gateways may say, are left out of its own headers.

    >>> config = TriggerConfig("p/f", "t", "nats")
    >>> dict(headers_of(config, Event(b"", {"a b": "1", "x": "2"})))["x"]
    '2'
    """
    found = [
        (name, _line(value))
        for name, value in event.headers.items()
        if _TOKEN.fullmatch(name) and not name.lower().startswith(_OURS)
    ]
    found += [
        ("content-type", _line(event.content_type) or _guessed(event.body)),
        *_trigger_headers(config),
        ("x-mlrun-like-event-id", _line(event.id)),
        ("x-mlrun-like-event-time", _iso(event.time)),
        ("x-mlrun-like-event-shard", str(event.shard)),
        ("x-mlrun-like-event-shards", str(event.shards)),
    ]
    if event.offset:
        found.append(("x-mlrun-like-event-offset", _line(event.offset)))
    if event.topic:
        found.append(("x-mlrun-like-event-topic", _line(event.topic)))
    return found


def _trigger_headers(config: TriggerConfig) -> list[tuple[str, str]]:
    return [
        ("x-mlrun-like-trigger-name", _line(config.name)),
        ("x-mlrun-like-trigger-kind", _line(config.kind)),
        ("x-mlrun-like-trigger-class", "async"),
    ]


def batch_body(
    config: TriggerConfig, events: Sequence[Event]
) -> tuple[list[tuple[str, str]], bytes]:
    """Header lines and body of the request for several events."""
    rows = [
        {
            "id": event.id,
            "body64": base64.b64encode(event.body).decode(),
            "headers": event.headers,
            "content_type": event.content_type or _guessed(event.body),
            "path": event.path,
            "offset": event.offset,
            "shard": event.shard,
            "shards": event.shards,
            "topic": event.topic,
            "time": _iso(event.time),
            "method": "POST",
        }
        for event in events
    ]
    headers = [("content-type", BATCH), *_trigger_headers(config)]
    return headers, orjson.dumps({"events": rows})


def read_answers(body: bytes) -> dict[str, dict[str, Any]]:
    """The answers of a batch by the id of their event; empty: it is not a list of answers."""
    try:
        rows = orjson.loads(body)["answers"]
        return {str(row["id"]): row for row in rows if isinstance(row, dict)}
    except (ValueError, KeyError, TypeError):
        return {}


def _guessed(body: bytes) -> str:
    """What handlers of streams expect: JSON is parsed for them, other content is not."""
    if body[:1] in (b"{", b"["):
        try:
            orjson.loads(body)
        except ValueError:
            return "application/octet-stream"
        return "application/json"
    return "application/octet-stream"


def _line(value: object) -> str:
    """A text as the value of a header: one line, no control characters."""
    text = "".join(c if c.isprintable() else " " for c in str(value)).strip()
    return text.encode().decode("latin-1")
