"""GraphServer: a compiled graph that answers events."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StepError
from mlrun_like.serving.codec import decode
from mlrun_like.serving.compile import compile_graph
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.lookup import namespaces_of

if TYPE_CHECKING:
    from mlrun_like.serving.graph import Graph

__all__ = ["GraphServer", "decode_body"]

_UNDECLARED = frozenset({"", "application/x-www-form-urlencoded"})  # what curl and urllib send


class GraphServer:
    """A graph whose steps exist, ready for events.

    Args:
        graph: The definition.
        namespace: Where names of classes and functions are looked up.
        is_mock: Whether steps are told that events come from tests only.

    Raises:
        GraphError: naming every mistake of the graph.
    """

    def __init__(self, graph: Graph, namespace: Any = None, *, is_mock: bool = False) -> None:
        self.context = GraphContext(dict(graph.parameters), is_mock)
        self.plan = compile_graph(graph, namespaces_of(namespace), self.context)
        self.ready = True
        self._threads: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def run(self, event: Event) -> Response:
        """Take an event through the graph in this thread; failures become answers."""
        try:
            return self._answer(self._process(event))
        except Exception as exc:  # noqa: BLE001  the request boundary
            return self.failure(exc, event)

    async def run_async(self, event: Event) -> Response:
        """The same for an event loop, which blocking steps do not hold up."""
        plan = self.plan
        try:
            if plan.run is not None and not plan.blocking:
                return self._answer(plan.run(event))
            return self._answer(await plan.run_async(event, self._executor()))
        except Exception as exc:  # noqa: BLE001  the request boundary
            return self.failure(exc, event)

    def test(
        self,
        path: str = "/",
        body: Any = None,
        method: str = "",
        headers: Mapping[str, str] | None = None,
        content_type: str = "",
        silent: bool = False,
        get_body: bool = True,
        event_id: str = "",
    ) -> Any:
        """Send one event from this process, as if it came over HTTP.

        Args:
            path: URL path.
            body: The content; text and bytes are decoded as over HTTP.
            method: By default POST with a body, else GET.
            headers: Request headers.
            content_type: Media type of a text or bytes body.
            silent: Return failures as answers instead of raising them.
            get_body: Return the answer's body instead of the whole Response.
            event_id: The event's id; by default a new one.

        Raises:
            InvalidArgumentError: if the body is not the JSON its type promises.
            StepError: if a step fails or the answer's status is 300 or more.
        """
        named = {key.lower(): value for key, value in (headers or {}).items()}
        kind = content_type or named.get("content-type", "")
        event = Event(None, path=path, headers=named, content_type=kind)
        event.id = event_id or event.id
        event.method = method.upper() or ("GET" if body is None else "POST")
        try:
            event.body = decode_body(body, kind)
            response = self._answer(self._process(event))
        except Exception as exc:  # the request boundary
            if not silent:
                raise
            response = self.failure(exc, event)
        if response.status_code >= 300 and not silent:
            raise StepError(
                f"the graph answered {response.status_code}: {response.body!r:.200}",
                where=f"{event.method} {path}, event {event.id}",
                event_id=event.id,
            )
        return response.body if get_body else response

    def failure(self, exc: Exception, event: Event) -> Response:
        """The answer that tells a caller what failed; server errors are also logged."""
        told = exc.__cause__ if isinstance(exc, StepError) else exc
        status = told.status if isinstance(told, MLRunLikeError) else 500
        if status >= 500:
            self.context.logger.error(
                "%s %s failed: event %s: %s", event.method, event.path, event.id, exc, exc_info=told
            )
        named = exc if isinstance(exc, MLRunLikeError) else None
        body = {
            "error": named.what if named else f"{type(exc).__name__}: {exc}",
            "code": told.code if isinstance(told, MLRunLikeError) else "step",
            "step": getattr(exc, "step", ""),
            "event_id": event.id,
            "fix": named.fix if named else "",
        }
        return Response({key: value for key, value in body.items() if value}, status)

    def close(self) -> None:
        """End the server's threads; calling it twice is harmless."""
        self.ready = False
        with self._lock:
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
                self._threads = None
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    def __enter__(self) -> GraphServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _process(self, event: Event) -> Event:
        if self.plan.run is not None:
            return self.plan.run(event)
        future = asyncio.run_coroutine_threadsafe(self._await(event), self._running_loop())
        return future.result()

    async def _await(self, event: Event) -> Event:
        return await self.plan.run_async(event, self._executor())

    def _answer(self, event: Event) -> Response:
        if isinstance(event.body, Response):
            return event.body
        if self.plan.responds or event.terminated:
            return Response(event.body)
        return Response({"id": event.id})

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                count = max(1, config.serving_threads)
                self._threads = ThreadPoolExecutor(count, thread_name_prefix="graph-step")
            return self._threads

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """A loop of our own: the caller may already be inside one (a notebook)."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=_run_loop, args=(self._loop,), name="graph-loop", daemon=True
                ).start()
            return self._loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    with contextlib.closing(loop):
        loop.run_forever()


def decode_body(body: Any, content_type: str) -> Any:
    """What steps see of a body: JSON is decoded, an empty body is None, the rest stays as it is.

    A body without a type (or with the one that curl sends by default) is decoded if it is JSON.

    >>> decode_body(b'{"a": 1}', "application/json"), decode_body(b"plain", "")
    ({'a': 1}, b'plain')

    Raises:
        InvalidArgumentError: if the type says JSON and the body is not.
    """
    if not isinstance(body, (bytes, str)):
        return body
    if not body:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return decode(body)
    if kind in _UNDECLARED:
        try:
            return decode(body)
        except InvalidArgumentError:
            return body
    return body
