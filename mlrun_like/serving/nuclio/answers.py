"""Between Nuclio's events and answers and a graph's."""

from __future__ import annotations

import inspect
import json
from typing import Any
from urllib.parse import urlencode

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import is_json
from mlrun_like.serving.event import Response
from mlrun_like.serving.web.answer import content_of
from mlrun_like.serving.web.chunks import as_line, media_type

__all__ = ["answer_of", "encoded", "query_of", "raw_body", "text_of"]


def text_of(value: Any) -> str:
    """Text; Nuclio gives bytes when it is told not to decode strings."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def query_of(event: Any) -> str:
    """The query of an event's URL, without the question mark."""
    url = text_of(getattr(event, "url", "") or "")
    if "?" in url:
        return url.partition("?")[2]
    fields = {
        text_of(name): text_of(value)
        for name, value in (getattr(event, "fields", None) or {}).items()
    }
    return urlencode(fields)


def raw_body(event: Any, content_type: str) -> Any:
    """The body as the graph's server decodes it; JSON that Nuclio decoded already stays decoded.

    A text that came as JSON may be either; the size of what came tells.
    """
    body = event.body
    if body == b"":
        return None
    if isinstance(body, str) and is_json(content_type):
        if getattr(event, "size", None) not in (None, 0, len(body.encode("utf-8", "replace"))):
            return json.dumps(body)
        return body
    return body


def encoded(body: Any) -> bytes:
    """A body as the bytes of a record."""
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body, default=str).encode()


def answer_of(context: Any, response: Response, event_id: Any) -> Any:
    """A graph's answer as Nuclio's: text for JSON, so that a list is no batch of answers."""
    body: Any
    headers = {str(name): str(value) for name, value in response.headers.items()}
    try:
        if response.is_stream:
            body, kind = _joined(response)
        else:
            raw, media = content_of(response)
            kind = media.decode("latin-1")
            body = (
                raw if isinstance(response.body, (bytes, bytearray, memoryview)) else raw.decode()
            )
    except (TypeError, InvalidArgumentError) as exc:  # something that JSON cannot carry
        body = json.dumps({"error": f"the answer cannot be sent: {exc}", "code": "step"})
        return _made(context, body, "application/json", 500, {}, event_id)
    for name in [name for name in headers if name.lower() == "content-type"]:
        kind = headers.pop(name)
    if kind == "text/plain; charset=utf-8" and not response.content_type:
        kind = "text/plain"  # what Nuclio says of text
    return _made(context, body, kind, response.status_code, headers, event_id)


def _made(
    context: Any, body: Any, kind: str, status: int, headers: dict[str, str], event_id: Any
) -> Any:
    more = {} if event_id is None else {"event_id": event_id}
    return context.Response(
        body=body, headers=headers, content_type=kind, status_code=status, **more
    )


def _joined(response: Response) -> tuple[Any, str]:
    """A stream of values as one body: Nuclio's wrapper of today waits for the end."""
    values: Any = response.body
    if inspect.isasyncgen(values):
        raise InvalidArgumentError("a stream cannot be read here")
    found = list(values)
    kind = media_type(response.content_type, found[0] if found else "", events=False)
    return b"".join(map(as_line, found)), kind
