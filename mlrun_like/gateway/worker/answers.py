"""What handlers return, as the content of frames: Nuclio's rules, see `events.answer_of`."""

from __future__ import annotations

import base64
import inspect
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.gateway.worker.streaming import status_of
from mlrun_like.runtimes.nuclio.events import text_of

__all__ = [
    "Parts",
    "answer_content",
    "batch_content",
    "content_of",
    "head_of",
    "is_generator",
    "is_response",
    "parts_of",
    "raw_of",
]

Parts = tuple[int, str, Mapping[str, Any], bytes]
"""Status, content type, further headers, body."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "content-type"})
_NONE: dict[str, Any] = {}
_BODILESS = frozenset({204, 304})
_FIELDS = ("body", "headers", "status_code", "content_type")
_JSON = "application/json"
_TEXT = "text/plain"
_TEXT_200 = status_of(200) + b"content-type: text/plain\r\ncontent-length: %d\r\n\r\n%b"
_JSON_200 = status_of(200) + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


def content_of(found: Any) -> bytes:
    """The content of an ANSWER.

    >>> content_of("hi")
    b'\\x00\\xc8content-type: text/plain\\r\\ncontent-length: 2\\r\\n\\r\\nhi'

    Raises:
        ValueError: if a header cannot be sent.
    """
    kind = type(found)
    if kind is str:
        data = found.encode("utf-8", "replace")
        return _TEXT_200 % (len(data), data)
    if kind is dict or kind is list:
        data = text_of(found).encode("utf-8", "replace")
        return _JSON_200 % (len(data), data)
    return answer_content(parts_of(found))


def answer_content(parts: Parts, method: str = "") -> bytes:
    """The same of parts; an answer to HEAD has the length, but not the body."""
    status, kind, headers, body = parts
    length = b"" if status in _BODILESS else b"content-length: %d\r\n" % len(body)
    sent = b"" if status in _BODILESS or method == "HEAD" else body
    return b"%b%b\r\n%b" % (head_of(status, kind, headers), length, sent)


def head_of(status: int, kind: str, headers: Mapping[str, Any]) -> bytes:
    """The content of a START.

    Raises:
        ValueError: if a header cannot be sent, such as one with a line end.
    """
    lines = [("content-type", kind)] if kind else []
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        key = name.decode("latin-1") if isinstance(name, bytes) else str(name)
        if key.lower() == "content-type":
            lines[:1] = [("content-type", text)]
        elif key.lower() not in _OURS:  # the length and the connection are the gateway's affair
            lines.append((key, text))
    for key, text in lines:
        if not _NAME.fullmatch(key) or any(char in text for char in "\r\n\0"):
            raise ValueError(f"the answer's header {key!r:.60} cannot be sent: {text!r:.80}")
    joined = "".join(f"{key}: {text}\r\n" for key, text in lines)
    return status_of(status) + joined.encode("latin-1", "replace")


def parts_of(found: Any) -> Parts:
    """What is sent for something that a handler returned.

    Raises:
        ValueError: if its status is none.
    """
    if isinstance(found, (str, bytes)):
        return 200, _TEXT, _NONE, raw_of(found)
    if isinstance(found, tuple) and len(found) == 2:
        status, body = found
        if isinstance(body, str):
            return _status(status), _TEXT, _NONE, raw_of(body)
        return _status(status), _JSON, _NONE, text_of(body).encode("utf-8", "replace")
    if isinstance(found, (dict, list)):
        return 200, _JSON, _NONE, text_of(found).encode("utf-8", "replace")
    if is_response(found):
        body, kind = found.body, str(found.content_type or _TEXT)
        if isinstance(body, dict):
            body, kind = json.dumps(body, default=repr), _JSON
        return _status(found.status_code), kind, found.headers or _NONE, raw_of(body)
    return 200, _TEXT, _NONE, raw_of(found)


def is_response(found: Any) -> bool:
    """Whether it has the fields of Nuclio's Response."""
    return all(hasattr(found, name) for name in _FIELDS)


def raw_of(value: Any) -> bytes:
    """A body, or a part of one, as bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return str(value).encode("utf-8", "replace")


def is_generator(value: Any) -> bool:
    """Whether a body comes in parts."""
    return inspect.isgenerator(value) or inspect.isasyncgen(value)


def _status(value: Any) -> int:
    status = int(value)
    if not 100 <= status < 600:
        raise ValueError(f"{value!r} is no status of HTTP")
    return status


def batch_content(ids: Iterable[str], found: Any) -> bytes:
    """The ANSWER to a batch: one entry for each event, by the `event_id` of the responses."""
    if not isinstance(found, list):
        raise TypeError(
            f"a handler of batches returns a list of responses, not {type(found).__name__}"
        )
    given: dict[str, Parts] = {}
    for response in found:
        event_id = getattr(response, "event_id", None)
        if event_id is not None:
            text = event_id.decode() if isinstance(event_id, bytes) else str(event_id)
            given[text] = parts_of(response)
    rows = []
    for event_id in ids:
        lost = (500, _TEXT, _NONE, b"the handler gave no response with this event_id")
        status, kind, headers, body = given.get(event_id, lost)
        rows.append(
            {
                "id": event_id,
                "status": status,
                "body64": base64.b64encode(body).decode(),
                "headers": {str(name): str(value) for name, value in headers.items()},
                "content_type": kind,
            }
        )
    return answer_content(
        (200, "application/x-mlrun-like-batch", _NONE, json.dumps({"answers": rows}).encode())
    )
