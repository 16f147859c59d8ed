"""The handler of applications: passes every request on to the container beside it.

This file itself travels as the function's code, so it needs nothing but the standard library.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

__all__ = ["PLACE", "handler", "init_context"]

PLACE = ("localhost", 8050)  # exporting writes the application's own port here
_TIMEOUT = 60.0  # seconds

_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "content-length", "host"),
    }
)  # RFC 9110, 7.6.1, and what the connection to the container sets itself


def init_context(context: Any) -> None:
    """Note where the container listens."""
    context.user_data.place = PLACE


def handler(context: Any, event: Any) -> Any:
    """Answer one request with the container's answer."""
    host, port = context.user_data.place
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    sent = {
        _text(name): _text(value)
        for name, value in (event.headers or {}).items()
        if _text(name).lower() not in _HOP_BY_HOP
    }
    try:
        connection.request(_text(event.method or "GET"), _target(event), _bytes(event), sent)
        reply = connection.getresponse()
        body = reply.read()
    except (OSError, http.client.HTTPException) as exc:
        text = f"the application at {host}:{port} does not answer: {exc or type(exc).__name__}"
        return context.Response(body=text, content_type="text/plain", status_code=502)
    finally:
        connection.close()
    found = {name: value for name, value in reply.getheaders() if name.lower() not in _HOP_BY_HOP}
    kind = next((found.pop(name) for name in list(found) if name.lower() == "content-type"), "")
    return context.Response(
        body=body, headers=found, content_type=kind or "text/plain", status_code=reply.status
    )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _target(event: Any) -> str:
    url = _text(event.url or "")
    query = url.partition("?")[2]
    path = _text(event.path or "/")
    return f"{path}?{query}" if query else path


def _bytes(event: Any) -> bytes | None:
    """The body as it came: Nuclio decodes JSON, so that is written again."""
    body = event.body
    if body is None or body == b"":
        return None
    if isinstance(body, bytes):
        return body
    if isinstance(body, str) and event.size in (None, 0, len(body.encode())):
        return body.encode()
    return json.dumps(body).encode()
