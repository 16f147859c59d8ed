"""Functions of kind `serving`: answers byte for byte as those of `mlrun-like serve`.

Access, CORS and the access log are the gateway's affair; health pages, `/docs` and the rest are
the graph's as ever. Events of streams go through the graph as its own stream steps would take them.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from mlrun_like.configuration import environment
from mlrun_like.gateway import wire
from mlrun_like.gateway.worker.answers import answer_content
from mlrun_like.gateway.worker.events import BATCH, RequestEvent, batch_events
from mlrun_like.gateway.worker.order import Order
from mlrun_like.gateway.worker.streaming import AsyncSink, BlockingSink, status_of
from mlrun_like.serving.event import Response
from mlrun_like.serving.function import ServingFunction
from mlrun_like.serving.observe.metrics import Metrics
from mlrun_like.serving.queues.wrapping import to_event
from mlrun_like.serving.server import GraphServer
from mlrun_like.serving.web.answers import Answers
from mlrun_like.serving.web.mounts import Message
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.request import HttpEvent, RawHeaders
from mlrun_like.serving.web.stream import is_stream
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.streams.base import Record

__all__ = ["GraphProgram", "graph_program"]

_JSON_HEAD = status_of(200) + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_TRIGGER = b"\r\nx-mlrun-like-trigger-"
_IS_BATCH = b"\r\ncontent-type: " + BATCH
_NOT_STREAMS = frozenset({"", "http", "cron"})


def graph_program(doc: FunctionDoc, order: Order) -> GraphProgram:
    """The program of a serving function.

    Raises:
        GraphError: naming every mistake of the graph.
    """
    current = environment("SERVING_CURRENT_FUNCTION", "*")  # a part of a graph, if it is said
    server = ServingFunction(None, None, doc).server(current_function=str(current))
    server.context.worker_id = order.replica
    if not any(hasattr(one, "render") for one in server.observers):
        server.observe(Metrics())  # a few microseconds; its pages tell how long each step takes
    most = int(order.number("max_body")) or 64 << 20
    options = WebOptions.of(max_body=most, token="", cors_origins=(), access_log="")
    return GraphProgram(server, options)


class GraphProgram:
    """Answers requests with a graph.

    Args:
        server: The graph's.
        options: How it answers.
    """

    needs_loop = True

    def __init__(self, server: GraphServer, options: WebOptions) -> None:
        self.server = server
        self.answers = Answers(server, options)
        nodes = server.plan.nodes.values()
        waits = any(node.bound.acall or (node.answers and node.children) for node in nodes)
        streams = any(node.bound.streams for node in nodes)
        self.blocking = not (waits or streams or server.plan.is_async)
        self._most = options.max_body

    def init(self) -> None:
        """Nothing: the steps were made with the graph."""

    async def begin(self) -> None:
        """Let the graph use the running loop."""
        self.server.background.serve_on(asyncio.get_running_loop())

    def numbers(self) -> dict[str, Any]:
        """Requests that are being worked on."""
        return {"in_flight": self.answers.in_flight}

    def respond(self, content: bytes, sink: BlockingSink) -> None:
        """Not used: graphs run on a loop."""
        raise NotImplementedError

    async def drained(self, shards: Any) -> None:
        """Nothing: what steps hold goes on."""

    async def end(self) -> None:
        """End the flow: steps give away what they hold."""
        # in a thread: steps flush, which may wait for this loop
        await asyncio.get_running_loop().run_in_executor(None, self.server.close)
        self.server.background.serve_on(None)
        self.answers.close()

    # Requests --------------------------------------------------------------------------------

    def now(self, content: bytes) -> bytes | Callable[[AsyncSink], Awaitable[None]]:
        """The answer, if it is there without waiting; else what is to be awaited for it."""
        method, target, headers, body = wire.split(content)
        if _TRIGGER in content[: len(content) - len(body)]:
            event = RequestEvent(content)
            if event.trigger.kind not in _NOT_STREAMS or _IS_BATCH in event.head:
                return functools.partial(self._from_stream, event)
        url, _, query = target.partition(b"?")
        path = url.partition(b"#")[0].decode("latin-1")
        path = unquote(path) if "%" in path else path
        request = HttpEvent.of(method.decode("latin-1"), path, query, headers)
        answers = self.answers
        found: Response | bytes | None = answers.refuse(request)
        if found is None:
            # a context of its own: what a step leaves in context variables is not for the next
            found = contextvars.copy_context().run(answers.now, request, body)
            if found is None:
                return functools.partial(self._respond, request, body)
        if type(found) is bytes:
            return _JSON_HEAD % (len(found), found)
        response: Any = found
        if is_stream(response.body):
            return functools.partial(self._stream, response, request, admitted=False)
        return self._content(response, request)

    async def respond_async(self, content: bytes, sink: AsyncSink) -> None:
        """Answer a request."""
        found = self.now(content)
        if isinstance(found, bytes):
            sink.answer(found)
        else:
            await found(sink)

    async def _respond(self, request: HttpEvent, body: bytes, sink: AsyncSink) -> None:
        found: Any = await self.answers.respond(request, body)
        if type(found) is bytes:
            sink.answer(_JSON_HEAD % (len(found), found))
        elif is_stream(found.body):
            await self._stream(found, request, sink, admitted=True)
        else:
            sink.answer(self._content(found, request))

    async def _stream(
        self, response: Response, request: HttpEvent, sink: AsyncSink, *, admitted: bool
    ) -> None:
        head: list[Any] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head[:] = [message["status"], message["headers"]]
                return
            body, more = message["body"], message.get("more_body", False)
            if not sink.started:
                status, headers = head
                if not more:  # short enough to have a length
                    sink.answer(_bytes(status, _with_length(headers, body), body))
                    return
                sink.start(_bytes(status, headers, b"", end=b""))
            if body:
                await sink.chunk(body)
            if not more:
                sink.end(complete=True)

        try:
            await self.answers.stream(response, request, send, admitted=admitted)
        except ConnectionAbortedError:  # it failed: a body without its end tells the reader
            sink.end(complete=False)

    def _content(self, response: Response, request: HttpEvent) -> bytes:
        status, headers, body = self.answers.pieces(response, request)
        return _bytes(status, headers, b"" if request.method == "HEAD" else body)

    # Streams ---------------------------------------------------------------------------------

    async def _from_stream(self, event: RequestEvent, sink: AsyncSink) -> None:
        """An event of a stream, or a batch of them: each goes through the graph."""
        if _IS_BATCH not in event.head:
            status, headers, body = await self._record(event)
            sink.answer(_bytes(status, headers, body))
            return
        rows = []
        for one in batch_events(event):
            status, headers, body = await self._record(one)
            named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
            rows.append(
                {
                    "id": str(one.id),
                    "status": status,
                    "body64": base64.b64encode(body).decode(),
                    "headers": named,
                    "content_type": named.get("content-type", ""),
                }
            )
        content = json.dumps({"answers": rows}).encode()
        sink.answer(answer_content((200, BATCH.decode(), {}, content)))

    async def _record(self, event: RequestEvent) -> tuple[int, RawHeaders, bytes]:
        topic = str(event.topic or event.path or "")
        headers = {str(name): str(value) for name, value in event.headers.items()}
        shard = event.shard_id if isinstance(event.shard_id, int) else 0
        record = Record(event.raw, headers=headers, id=str(event.offset), shard=shard)
        made = to_event(record, topic, topic)
        made.trigger = event.trigger
        response = await self.server.run_async(made)
        if isinstance(response, bytes):
            response = self.answers.as_json(response)
        request = HttpEvent.of("POST", event.path, b"", [])
        return self.answers.pieces(response, request)


def _bytes(status: int, headers: RawHeaders, body: bytes, end: bytes = b"\r\n") -> bytes:
    lines = [b"%b: %b\r\n" % pair for pair in headers]
    return b"".join([status_of(status), *lines, end, body])


def _with_length(headers: RawHeaders, body: bytes) -> RawHeaders:
    if any(name == b"content-length" for name, _ in headers):
        return headers
    return [*headers, (b"content-length", b"%d" % len(body))]
