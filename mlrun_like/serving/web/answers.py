"""Answers of a graph to requests, whatever server brings them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.serving.codec import encode
from mlrun_like.serving.engine.failures import failed
from mlrun_like.serving.event import DROP, Response
from mlrun_like.serving.server import GraphServer
from mlrun_like.serving.web.access import Access
from mlrun_like.serving.web.accesslog import AccessLog
from mlrun_like.serving.web.answer import content_of, headers_of, id_headers, refusal
from mlrun_like.serving.web.chunks import Source
from mlrun_like.serving.web.mounts import Send
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.pace import Pace
from mlrun_like.serving.web.pages import OPEN, pages_of, wants_html
from mlrun_like.serving.web.request import HttpEvent, RawHeaders
from mlrun_like.serving.web.stream import Stream

__all__ = ["Answers"]

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STREAM_THREADS = 256  # plain generators that wait at the same time


class Answers:
    """What one server answers; the ASGI application and the HTTP protocol share it.

    Args:
        server: The compiled graph.
        options: How it is served.

    >>> from mlrun_like.serving.definition.graph import flow
    >>> graph = flow()
    >>> step = graph.to(len).respond()
    >>> answers = Answers(graph.to_mock_server(), WebOptions())
    >>> answers.now(HttpEvent.of("POST", "/", b"", []), b"[1, 2]").body
    2
    """

    def __init__(self, server: GraphServer, options: WebOptions) -> None:
        self.server = server
        self.options = options
        self.in_flight = 0
        """Requests that are being worked on."""
        self.access = Access(options)
        self.log = AccessLog(options.access_log) if options.access_log else None
        self.plain = self.access.everything and self.log is None
        """Whether answers are sent as they are: nothing is added and nothing noted."""
        self._pages = pages_of(optional=options.pages)
        self._threads: ThreadPoolExecutor | None = None
        self._plan: Any = None
        self._pace = Pace()
        self._call: Any = None
        self._acall: Any = None
        self._inline = False
        self._streaming = ""

    def refuse(self, event: HttpEvent) -> Response | None:
        """The answer to a request that is not for the graph: a page, or that it may not pass."""
        method, path, headers = event.method, event.path, event.raw_headers
        page = self._pages.get(path)
        if page is None and path == "/" and method == "GET" and wants_html(headers):
            page = self._pages.get("/docs")
        if page not in OPEN and not self.access.everything:
            refused = self.access.refuse(method, headers)
            if refused is not None:
                return self._counted(refused, event)
        if page is not None:
            if method not in ("GET", "HEAD"):
                text = f"{method:.20} is not allowed here"
                return refusal(405, "method", text, Allow="GET, HEAD")
            try:
                return page(self.server, self.options)
            except Exception as exc:  # noqa: BLE001  the request boundary
                return self._failure(exc, event)
        if method not in METHODS:
            text, allowed = f"{method:.20} is not allowed here", ", ".join(sorted(METHODS))
            return self._counted(refusal(405, "method", text, Allow=allowed), event)
        # NUL, line ends: no file or key should ever be named so
        if not path.isprintable() and _CONTROL.search(path):
            text = "the path holds a control character"
            return self._counted(refusal(400, "path", text), event)
        return None

    def now(self, event: HttpEvent, body: bytes) -> Response | bytes | None:
        """The graph's answer, if it can give one without waiting; bytes are JSON.

        None: it needs an event loop, through `respond`.
        """
        server = self.server
        if server.plan is not self._plan:
            self._look_at_plan()
        if not self._inline:
            return None
        try:
            event.read(body, self.options.max_body, self.options.timeout)
        except InvalidArgumentError as exc:
            return self._counted(server.failure(exc, event), event)
        call = self._call
        if call is None or event.deadline is not None:
            try:
                return server.run(event)
            except SystemExit as exc:
                return self._failure(exc, event)
        try:
            found = call(event.body)
            kind = type(found)
            return encode(found) if kind is dict or kind is list else self._given(found)
        except (Exception, SystemExit) as exc:  # noqa: BLE001  the request boundary
            return self._step_failure(exc, event)

    async def respond(self, event: HttpEvent, body: bytes) -> Response | bytes:
        """Take a request through the graph, for plans that need an event loop; bytes are JSON."""
        if self._is_full():
            return self._counted(self._overloaded(), event)
        self.in_flight += 1
        try:
            try:
                event.read(body, self.options.max_body, self.options.timeout)
            except InvalidArgumentError as exc:
                return self._counted(self.server.failure(exc, event), event)
            call = self._acall
            if call is None or event.deadline is not None:
                try:
                    return await self.server.run_async(event)
                except SystemExit as exc:  # a step must not end us
                    return self._failure(exc, event)
            try:
                return self._given(await call(event.body))
            except (Exception, SystemExit) as exc:  # noqa: BLE001  the request boundary
                return self._step_failure(exc, event)
        finally:
            self.in_flight -= 1

    def _given(self, found: Any) -> Response | bytes:
        """The answer for the body that a plan gave."""
        if isinstance(found, (dict, list)):
            return encode(found)
        if found is DROP:
            return Response(None, 204)
        return found if isinstance(found, Response) else Response(found)

    async def stream(
        self, response: Response, event: HttpEvent, send: Send, *, admitted: bool = False
    ) -> tuple[int, int]:
        """Send a streaming answer; gives its status and size.

        Args:
            response: Its body is a generator.
            event: The request.
            send: ASGI's.
            admitted: Whether the limit of requests was looked at already.
        """
        if not admitted and self._is_full():
            await Source(response.body, self._stream_threads()).close()
            return await self.send(self._counted(self._overloaded(), event), event, send)
        stream = Stream(
            response,
            send,
            self._stream_threads(),
            lambda exc: self._failure(exc, event),
            events=_wants_events(event.raw_headers),
            extra=[*self.access.headers(event.raw_headers), *id_headers(event)],
            pace=self._pace,
            deadline=event.deadline,
        )
        self.in_flight += 1
        try:
            await stream.run()
        finally:
            self.in_flight -= 1
        return stream.status, stream.sent

    def _is_full(self) -> bool:
        return bool(self.options.max_in_flight) and self.in_flight >= self.options.max_in_flight

    def _overloaded(self) -> Response:
        text = f"{self.options.max_in_flight} requests are being worked on already"
        return refusal(503, "overloaded", text, "try again later", Retry_After="1")

    async def send(self, response: Response, event: HttpEvent, send: Send) -> tuple[int, int]:
        """Send an answer that is no stream; gives its status and size."""
        status, headers, body = self.pieces(response, event)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if event.method == "HEAD" else body})
        return status, len(body)

    def pieces(self, response: Response, event: HttpEvent) -> tuple[int, RawHeaders, bytes]:
        """Status, headers and body of an answer that is no stream."""
        try:
            body, kind = content_of(response)
            headers = headers_of(response, kind)
        except (TypeError, InvalidArgumentError) as exc:
            response = self._failure(exc, event)
            body, kind = content_of(response)
            headers = headers_of(response, kind)
        if response.status_code not in (204, 304):
            headers.append((b"content-length", b"%d" % len(body)))
        if not self.access.everything:
            headers += self.access.headers(event.raw_headers)
        headers += id_headers(event)
        return response.status_code, headers, body

    def as_json(self, data: bytes) -> Response:
        """The answer for bytes that are JSON already."""
        return Response(data, content_type="application/json")

    def note(self, event: HttpEvent, status: int, size: int, started: float, client: Any) -> None:
        """Write a line of the access log, if there is one."""
        if self.log is not None:
            self.log.write(event, status, size, started, client)

    def _counted(self, response: Response, event: HttpEvent) -> Response:
        """Let observers know of a request that never reaches the graph."""
        for observer in self.server.observers:
            observer.begin(event)
            observer.end(event, response, None)
        return response

    def _step_failure(self, exc: Exception | SystemExit, event: HttpEvent) -> Response:
        """The answer for an error that came straight out of the plan."""
        server = self.server
        if server.errors.url:
            server.push_error(event, exc, server.plan.locate(exc))
        return self._failure(exc, event)

    def _failure(self, exc: Exception | SystemExit, event: HttpEvent) -> Response:
        server = self.server
        if isinstance(exc, StepError) and exc.event_id:
            return server.failure(exc, event)
        cause = exc if isinstance(exc, Exception) else RuntimeError(f"a step called exit: {exc}")
        told = failed(server.plan.locate(exc) or self._streaming, event, cause)
        told.__cause__ = cause
        return server.failure(told, event)

    def _look_at_plan(self) -> None:
        """What the plan allows; asked again when observers change it."""
        server = self.server
        self._plan = plan = server.plan
        way = None if server.observers or not plan.responds else plan.run_body_async
        self._call = way.block if way is not None and not way.is_async else None
        self._acall = way.block if way is not None and way.is_async else None
        nodes = plan.nodes.values()
        # a generator runs outside of the plan's code, by which the plan tells the failing step
        self._streaming = next((node.bound.name for node in nodes if node.bound.streams), "")
        # a plain generator counts as one that needs no loop: `Source` runs it in threads
        waits = any(node.bound.acall or (node.answers and node.children) for node in nodes)
        self._inline = not waits and not plan.is_async

    def _stream_threads(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_STREAM_THREADS, thread_name_prefix="graph-stream")
        return self._threads

    def close(self) -> None:
        """End threads and write the rest of the log."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None
        if self.log is not None:
            self.log.close()


def _wants_events(headers: RawHeaders) -> bool:
    return any(name == b"accept" and b"text/event-stream" in value for name, value in headers)
