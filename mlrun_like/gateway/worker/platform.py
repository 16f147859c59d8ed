"""`context.platform`: what a handler may tell the gateway, and what the gateway tells it."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from mlrun_like.errors import EngineError
from mlrun_like.gateway import wire
from mlrun_like.gateway.worker.order import Order
from mlrun_like.runtimes.nuclio.events import Response

__all__ = ["WorkerPlatform"]

_MOST = 10_000
_OWN = frozenset({"content-length", "content-type", "connection", "host", "transfer-encoding"})
"""Headers of an event that say how it came."""


class WorkerPlatform:
    """Nuclio's platform.

    Args:
        send: Sends a frame to the gateway.
        order: Says the gateway's URL and the project; None: no other functions can be called.
    """

    kind = "local"
    namespace = "default"

    def __init__(self, send: Callable[[int, int, bytes], None], order: Order | None = None) -> None:
        self._send = send
        self._gateway = order.gateway if order is not None else ""
        self._project = order.project if order is not None else ""
        self._triggers: dict[tuple[str, str], str] = {}
        self.callbacks: dict[str, Callable[[], Any]] = {}

    def seen(self, topic: Any, shard: Any, trigger: str) -> None:
        """Remember which trigger a shard's events come from: its acknowledgements go there."""
        if len(self._triggers) > _MOST:
            self._triggers.clear()
        self._triggers[str(topic), str(shard)] = trigger

    async def explicit_ack(self, qualified_offset: Any) -> None:
        """Acknowledge an event of a stream and all before it in its shard."""
        message = dict(qualified_offset.compile_explicit_ack_message())
        place = message.get("attributes") or {}
        key = str(place.get("topic")), str(place.get("partition"))
        message["trigger"] = self._triggers.get(key, "")
        self._send(0, wire.ACKED, json.dumps(message, default=str).encode())

    def call_function(
        self,
        function_name: str,
        event: Any,
        node: Any = None,
        timeout: float | None = None,
        service_name_override: str | None = None,
    ) -> Response:
        """Send an event to another deployed function and wait for its answer.

        Args:
            function_name: Its name in this project, `<project>-<name>` as Nuclio has it, or
                `<project>/<name>`.
            event: Its `body`, `headers`, `method`, `path` and `content_type` are sent; a dict as
                JSON.
            node: Nuclio's; not used.
            timeout: Seconds; None: as long as it takes.
            service_name_override: Used in place of the name.

        Returns:
            The answer: headers with names in lower case; a body of type JSON as plain data.

        Raises:
            EngineError: if this worker has no gateway.
            OSError: if it cannot be reached, or not in time.
        """
        name = str(service_name_override or function_name)
        if not self._gateway:
            raise EngineError(
                f"function {name!r:.100} cannot be called: this worker has no gateway",
                fix="deploy both functions to one gateway: mlrun-like deploy",
            )
        names = [name if "/" in name else f"{self._project}/{name}"]
        if name.startswith(f"{self._project}-"):
            names.append(f"{self._project}/{name.removeprefix(f'{self._project}-')}")
        for key in names:
            found = self._called(key, event, timeout)
            if found.status_code != 404 or _code(found.body) != "route":
                break
        return found

    def _called(self, key: str, event: Any, timeout: float | None) -> Response:
        body, kind = event.body, getattr(event, "content_type", None) or "text/plain"
        if isinstance(body, dict):
            body, kind = json.dumps(body), "application/json"
        data = body.encode() if isinstance(body, str) else bytes(body or b"")
        given = dict(getattr(event, "headers", None) or {})
        headers = {
            str(name): str(value) for name, value in given.items() if str(name).lower() not in _OWN
        }
        headers |= {"Content-Type": str(kind), "Content-Length": str(len(data))}
        method = str(getattr(event, "method", None) or ("POST" if data else "GET"))
        path = str(getattr(event, "path", None) or "/")
        target = quote(f"/{key}/{path.lstrip('/')}", safe="/?&=%:@!$'()*+,;~-._")
        place = urlsplit(self._gateway)
        connection = http.client.HTTPConnection(place.netloc, timeout=timeout)
        if place.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(place.netloc, timeout=timeout, context=context)
        try:
            connection.request(method, place.path.rstrip("/") + target, data, headers)
            answer = connection.getresponse()
            content: Any = answer.read()
        finally:
            connection.close()
        lines = {name.lower(): value for name, value in answer.getheaders()}
        kind = lines.get("content-type", "text/plain")
        if kind == "application/json":
            content = json.loads(content or b"null")
        return Response(lines, content, kind, answer.status)

    def set_termination_callback(self, callback: Callable[[], Any]) -> None:
        """What to call when the worker ends."""
        self.callbacks["termination"] = callback

    def set_drain_callback(self, callback: Callable[[], Any]) -> None:
        """What to call when the worker's shards go to another one."""
        self.callbacks["drain"] = callback


def _code(body: Any) -> str:
    return str(body.get("code")) if isinstance(body, dict) else ""
