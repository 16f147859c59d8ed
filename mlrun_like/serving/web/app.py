"""The ASGI application of a graph: one per plan, for any ASGI server."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.registry import resolve
from mlrun_like.serving.event import Response
from mlrun_like.serving.web.answer import json_headers
from mlrun_like.serving.web.answers import Answers
from mlrun_like.serving.web.body import begun, receive_body, too_large
from mlrun_like.serving.web.mounts import AsgiApp, Message, Mounts, Receive, Send
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.request import HttpEvent
from mlrun_like.serving.web.stream import is_stream
from mlrun_like.serving.web.target import server_of
from mlrun_like.serving.web.watch import until_client_leaves

__all__ = ["GraphApp"]


class GraphApp:
    """Answers HTTP requests with a graph.

    Every path belongs to the graph, except the health pages `/healthz` and `/v2/health/live` (the
    process lives), `/readyz` and `/v2/health/ready` (it takes requests), with the option `pages`
    `/metrics`, `/openapi.json`, `/docs` and (for browsers) `/`, and what is mounted. Bodies are
    decoded by content type (`codec.decode_body`), answers encoded by type: JSON, text, bytes,
    server-sent events or chunks of a generator. Failures are JSON with the step and event id.

    Args:
        graph: The graph, any step of it, a serving function, or a `GraphServer`.
        namespace: Where names of classes and functions are looked up; by default the calling
            module.
        options: How it is served; by default from the settings.

    Raises:
        GraphError: naming every mistake of the graph.

    >>> from mlrun_like.serving.definition.graph import flow
    >>> app = GraphApp(flow().to(abs).respond())
    >>> app.options.max_body
    16777216
    """

    def __init__(
        self,
        graph: Any,
        namespace: Any = None,
        *,
        options: WebOptions | None = None,
    ) -> None:
        found = sys._getframe(1).f_globals if namespace is None else namespace
        self.server = server_of(graph, found)
        self.options = WebOptions.of() if options is None else options
        self.answers = Answers(self.server, self.options)
        self.mounts = Mounts()
        self._has_mounts = False
        self.metrics_folder: Path | None = None
        """Shared by the processes of one server, so that each shows the numbers of all."""

    def mount(self, path: str, app: AsgiApp) -> None:
        """Give the requests below a path to another ASGI application, such as a FastAPI one.

        It gets them as they are: our token, limits and log do not apply to it.

        Raises:
            InvalidArgumentError: if the path cannot be used or is taken.
        """
        self.mounts.add(path, app)
        self._has_mounts = True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI servers call it."""
        if (self._has_mounts or scope["type"] != "http") and (
            await self._not_for_the_graph(scope, receive, send)
        ):
            return
        root = scope.get("root_path")
        path: str = _below(root, scope["path"]) if root else scope["path"]
        answers = self.answers
        started = time.perf_counter()
        event = HttpEvent.of(scope["method"], path, scope["query_string"], scope["headers"])
        answer: Response | bytes | None = answers.refuse(event)
        body: bytes | Response | None = b""
        if answer is None:
            message, coming = begun(receive)
            if message is not None:
                body = message.get("body", b"")
            elif coming is not None:
                body = await receive_body(event.raw_headers, coming, receive, self.options)
            if body is None:  # the client has gone
                return
            if isinstance(body, Response):
                answer = body
            elif len(body) > self.options.max_body:
                answer = too_large(self.options.max_body)
            else:
                answer = answers.now(event, body)
        if answers.plain and type(answer) is bytes:
            headers = json_headers(len(answer))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})
            return
        sent = await self._send(event, body, answer, receive, send)
        if answers.log is not None and sent is not None:
            answers.note(event, *sent, started, scope.get("client"))

    async def _not_for_the_graph(self, scope: Message, receive: Receive, send: Send) -> bool:
        """Whether somebody else answers: it is no request, or one to what is mounted."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return True
        root = scope.get("root_path") or ""
        found = self.mounts.find(_below(root, scope["path"]))
        if found is not None:
            await found[1]({**scope, "root_path": root + found[0]}, receive, send)
            return True
        if scope["type"] == "http":
            return False
        await send({"type": "websocket.close", "code": 1003})  # there is nobody to talk to
        return True

    async def _send(
        self, event: HttpEvent, body: Any, answer: Any, receive: Receive, send: Send
    ) -> tuple[int, int] | None:
        answers = self.answers
        admitted = answer is None
        if admitted:
            answer = await answers.respond(event, body)
        response = answer if isinstance(answer, Response) else answers.as_json(answer)
        if not is_stream(response.body):
            return await answers.send(response, event, send)
        # only streams are watched: servers tell it to those who ask, which costs two tasks
        work = answers.stream(response, event, send, admitted=admitted)
        return await until_client_leaves(work, receive)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except MLRunLikeError as exc:
                    await send({"type": "lifespan.startup.failed", "message": str(exc)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def start(self) -> None:
        """Use the running event loop, begin to count, and start what is mounted."""
        if self.options.metrics and not any(hasattr(x, "render") for x in self.server.observers):
            self.server.observe(
                resolve("mlrun_like.serving.observe.metrics:Metrics")(self.metrics_folder)
            )
        self.server.background.serve_on(asyncio.get_running_loop())
        await self.mounts.start()

    async def stop(self) -> None:
        """End the flow and everything that was started."""
        await self.mounts.stop()
        # in a thread: steps flush what they hold, which may wait for this loop
        await asyncio.get_running_loop().run_in_executor(None, self.server.close)
        self.server.background.serve_on(None)
        self.answers.close()


def _below(root: str, path: str) -> str:
    """The path below the place where we are mounted (ASGI servers give the whole of it)."""
    root = root.rstrip("/")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path
