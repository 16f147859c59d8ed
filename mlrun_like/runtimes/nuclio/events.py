"""What a handler gets and returns, as Nuclio's Python wrapper and its SDK see it.

Source: the package nuclio-sdk (event.py, response.py, context.py, json_encoder.py). These classes
have its attributes, so that handlers run here without it.
"""

from __future__ import annotations

import datetime
import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from mlrun_like.names import new_uid

__all__ = ["Answer", "Context", "Event", "Response", "answer_of", "text_of"]


class Response:
    """An answer with its status; `event_id` names the event of a batch that it is for."""

    def __init__(
        self,
        headers: dict[str, Any] | None = None,
        body: Any = None,
        content_type: str | None = None,
        status_code: int = 200,
        event_id: str | None = None,
    ) -> None:
        self.headers = headers or {}
        self.body = body
        self.content_type = content_type or "text/plain"
        self.status_code = status_code
        self.event_id = event_id

    def ensure_no_ack(self) -> None:
        """Keep a stream's event unacknowledged."""
        self.headers["x-nuclio-stream-no-ack"] = True


class Event:
    """One request or message."""

    def __init__(self, body: Any = b"", **values: Any) -> None:
        self.body = body
        self.content_type: str = ""
        self.trigger: Any = SimpleNamespace(kind="http", name="default-http")
        self.fields: dict[str, Any] = {}
        self.headers: dict[str, Any] = {}
        self.id: str = new_uid()
        self.method: str = "GET"
        self.path: str = "/"
        self.size: int = 0
        self.timestamp: Any = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        self.url: str = "/"
        self.shard_id: Any = 0
        self.num_shards: Any = 0
        self.type: str = ""
        self.type_version: str = ""
        self.version: str = ""
        self.last_in_batch: bool = False
        self.offset: Any = 0
        self.topic: Any = None
        for name, value in values.items():
            setattr(self, name, value)

    def get_header(self, header_key: str) -> Any:
        """A header's value, whatever the case of its name."""
        wanted = header_key.lower()
        return next((v for k, v in self.headers.items() if k.lower() == wanted), None)


class _Logger:
    """Nuclio's logger on top of Python's."""

    def __init__(self) -> None:
        self._log = logging.getLogger("mlrun_like.nuclio")

    def __getattr__(self, name: str) -> Callable[..., None]:
        level, _, extra = name.partition("_")
        method: Any = getattr(self._log, {"warn": "warning"}.get(level, level), None)
        if method is None or extra not in ("", "with"):
            raise AttributeError(name)

        def write(message: str, *args: Any, **values: Any) -> None:
            shown = " ".join(f"{key}={value!r}" for key, value in values.items())
            method(f"{message} {shown}".rstrip(), *args)

        return write


class _Platform:
    """What a handler may tell the processor; here it is only kept."""

    kind = "local"

    def __init__(self) -> None:
        self.acknowledged: list[Any] = []
        self.callbacks: dict[str, Callable[[], Any]] = {}

    async def explicit_ack(self, qualified_offset: Any) -> None:
        """Acknowledge an event of a stream."""
        self.acknowledged.append(qualified_offset)

    def set_termination_callback(self, callback: Callable[[], Any]) -> None:
        """What to call when the worker ends."""
        self.callbacks["termination"] = callback

    def set_drain_callback(self, callback: Callable[[], Any]) -> None:
        """What to call when the worker's shards go to another one."""
        self.callbacks["drain"] = callback


class Context:
    """What `init_context` fills and every call gets: state goes into `user_data`."""

    def __init__(self, trigger_kind: str = "http", trigger_name: str = "default-http") -> None:
        self.logger = _Logger()
        self.platform = _Platform()
        self.user_data = SimpleNamespace()
        self.Response = Response
        self.worker_id = 0
        self.trigger = SimpleNamespace(kind=trigger_kind, name=trigger_name)
        self.trigger_name = trigger_name


@dataclass
class Answer:
    """What a caller gets: JSON bodies as plain data, others as text or bytes."""

    body: Any = ""
    status_code: int = 200
    headers: Mapping[str, Any] = field(default_factory=dict)
    content_type: str = "text/plain"
    event_id: str = ""


def answer_of(found: Any) -> Answer:
    """What Nuclio makes of what a handler returned.

    | returned | answer |
    |---|---|
    | text, bytes | 200, `text/plain`, as it is |
    | dict, list | 200, `application/json` |
    | (status, text) or (status, data) | that status, `text/plain` or `application/json` |
    | a Response | what it says; a dict as its body is JSON |
    | anything else | 200, `text/plain`, `str()` of it |

    >>> answer_of((201, {"id": 1})).content_type
    'application/json'
    >>> answer_of(None).body
    'None'
    """
    if isinstance(found, (str, bytes)):
        return Answer(found)
    if isinstance(found, tuple) and len(found) == 2:
        status, body = found
        if isinstance(body, str):
            return Answer(body, status)
        return Answer(_as_json(body), status, content_type="application/json")
    if isinstance(found, (dict, list)):
        return Answer(_as_json(found), content_type="application/json")
    if isinstance(found, Answer):
        return found
    if _is_response(found):
        body, kind = found.body, found.content_type
        if isinstance(body, dict):
            body, kind = json.loads(json.dumps(body)), "application/json"
        elif not isinstance(body, (str, bytes)):
            body = str(body)
        if kind == "application/json" and isinstance(body, (str, bytes)):
            body = _parsed(body)
        event_id = getattr(found, "event_id", None) or ""
        return Answer(body, found.status_code, dict(found.headers or {}), kind, str(event_id))
    return Answer(str(found))


def _is_response(found: Any) -> bool:
    names = ("body", "headers", "status_code", "content_type")
    return all(hasattr(found, name) for name in names)


def _as_json(value: Any) -> Any:
    return json.loads(text_of(value))


def _parsed(body: str | bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def text_of(value: Any) -> str:
    """JSON as the SDK writes it: what is not finite as text, and unknown objects by `repr`.

    >>> text_of({"x": float("nan"), "y": {1}})
    '{"x": "NaN", "y": "{1}"}'
    """
    try:
        return _encoder.encode(value)
    except ValueError:
        return json.dumps(_finite(value), default=_shown)


def _shown(value: Any) -> Any:
    log = getattr(value, "__log__", None)
    return log() if callable(log) else repr(value)


_encoder = json.JSONEncoder(allow_nan=False, default=_shown)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
