"""Requests to an app without a client: as fast as it gets, and streams end at their first byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

__all__ = ["Answer", "ask"]


class Answer(NamedTuple):
    """What an app answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> Any:
        """The part of an error that says what is wrong."""
        try:
            return json.loads(self.body)["detail"]
        except (ValueError, KeyError, TypeError):
            return {}


async def ask(
    app: Any, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"{}"
) -> Answer:
    """Ask an app once."""
    given = {"host": "127.0.0.1:8080", "content-type": "application/json", **(headers or {})}
    if method in ("GET", "HEAD"):
        body = b""
    given.setdefault("content-length", str(len(body)))
    target, _, query = path.partition("?")
    plain = unquote_to_bytes(target).decode("utf-8", "replace")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in given.items()
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        "app": app,
    }
    status, found, read = 0, {}, bytearray()
    over = asyncio.Event()
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await over.wait()
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            found.update({k.decode(): v.decode("latin-1") for k, v in message["headers"]})
            if "event-stream" in found.get("content-type", ""):
                over.set()
        else:
            read.extend(message.get("body", b""))
            if not message.get("more_body"):
                over.set()

    task = asyncio.ensure_future(app(scope, receive, send))
    waiting = asyncio.ensure_future(over.wait())
    await asyncio.wait({task, waiting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    for one in (task, waiting):
        if not one.done():
            one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await one
    return Answer(status, found, bytes(read))
