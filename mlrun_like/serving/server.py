"""GraphServer: a compiled graph that answers events."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import NotFoundError, StepError, nearest
from mlrun_like.serving.answering import Answering
from mlrun_like.serving.background import Background
from mlrun_like.serving.codec import decode_body
from mlrun_like.serving.compile import compile_graph
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.error_stream import ErrorStream
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.failures import failed
from mlrun_like.serving.lookup import namespaces_of
from mlrun_like.serving.observer import Observer

if TYPE_CHECKING:
    from mlrun_like.serving.graph import Graph

__all__ = ["GraphServer"]

_PLAIN = frozenset({dict, list, int, float, bool, type(None)})


class GraphServer(Answering):
    """A graph whose steps exist, ready for events.

    Args:
        graph: The definition.
        namespace: Where names of classes and functions are looked up.
        is_mock: Whether steps are told that events come from tests only.
        context: What steps are given; by default a new one.
        initializer: Called with the server before the steps are created.

    Raises:
        GraphError: naming every mistake of the graph.
    """

    default_content_type = ""
    """Media type of text and bytes that come without one; empty: JSON, if they are."""

    def __init__(
        self,
        graph: Graph,
        namespace: Any = None,
        *,
        is_mock: bool = False,
        context: GraphContext | None = None,
        initializer: Callable[[GraphServer], object] | None = None,
    ) -> None:
        self.graph = graph
        self.context = context or GraphContext(graph.parameters, is_mock)
        self.context.server = self
        self.background = Background()
        self.errors = ErrorStream(graph.error_stream, self.context)
        self.observers: list[Observer] = []
        if initializer is not None:
            initializer(self)
        self.plan = compile_graph(
            graph,
            namespaces_of(namespace),
            self.context,
            executor=self.background.threads,
            spawn=self._after_answer,
            spawn_async=self._after_answer_async,
        )
        self._direct = self.plan.run_body if self.plan.responds else None
        self._plain_plan = self.plan
        self._completed = False
        self._result: Any = None
        self.ready = True
        self.background.connect(self.plan, self._late_error)

    def test(  # noqa: PLR0913 - MLRun's signature
        self,
        path: str = "/",
        body: Any = None,
        method: str = "",
        headers: Mapping[str, str] | None = None,
        content_type: str = "",
        silent: bool = False,
        get_body: bool = True,
        event_id: Any = None,
        trigger: Any = None,
        offset: Any = None,
        time: Any = None,
    ) -> Any:
        """Send one event from this process, as if it came over HTTP.

        Args:
            path: URL path.
            body: The content; text and bytes are decoded as over HTTP.
            method: By default POST with a body, else GET.
            headers: Request headers.
            content_type: Media type of a text or bytes body.
            silent: Return failures as whole Responses instead of raising them.
            get_body: Return the answer's body instead of the whole Response.
            event_id: The event's id; by default a new one.
            trigger: What sent the event, for steps that ask.
            offset: Its place in a stream.
            time: When it happened; now by default.

        Raises:
            InvalidArgumentError: if the body is not the JSON its type promises.
            StepError: if a step fails or the answer's status is 300 or more.
        """
        direct = self._direct
        if direct is not None and get_body and not silent and type(body) in _PLAIN:
            try:  # no step of this plan sees more than the body
                found = direct(body)
            except Exception as exc:
                event = Event(body, id=event_id, path=path)
                raise self._reported(failed(self.plan.locate(exc), event, exc), event) from exc
            if found is not DROP and type(found) is not Response:
                return found
            return self._checked(self._answer(found, None), f"{method} {path}", "").body
        event = self._event(path, body, method, headers, content_type)
        if event_id is not None:
            event.id = event_id
        event.trigger, event.offset = trigger, offset
        if time is not None:
            event.processing_time = time
        try:
            event.body = decode_body(body, event.content_type)
            response = self._watched(event)
        except Exception as exc:  # the request boundary
            if not silent:
                raise
            return self.failure(exc, event)
        if not silent:
            self._checked(response, f"{event.method} {path}", str(event.id))
        return response.body if get_body and response.status_code < 300 else response

    # Many events -----------------------------------------------------------------------------

    def stream(
        self, bodies: Iterable[Any], max_in_flight: int = 1, *, errors: str = "raise"
    ) -> Iterator[Any]:
        """Send events one after the other; gives their answers in the same order.

        Args:
            bodies: Bodies, or Events. They are taken only as fast as answers are read.
            max_in_flight: For graphs with `async` steps: how many events are under way at once.
            errors: `raise` stops at the first failing event; `return` gives its error instead of
                an answer, and goes on.

        A dropped event's answer is None.

        >>> from mlrun_like.serving.graph import flow
        >>> graph = flow()
        >>> step = graph.to(abs)
        >>> list(graph.to_mock_server().stream([-1, 2]))
        [1, 2]
        """
        direct = self._direct
        if self.plan.is_async or max_in_flight > 1:
            yield from self.background.iterate(self.stream_async(bodies, max_in_flight, errors))
            return
        for body in bodies:
            try:
                if direct is None or type(body) is Event:
                    event = body if isinstance(body, Event) else Event(body)
                    yield self._watched(event).body
                    continue
                found = direct(body)
            except Exception as exc:
                if not isinstance(exc, StepError):
                    event = Event(body)
                    told: Exception = failed(self.plan.locate(exc), event, exc)
                    told.__cause__ = exc
                    exc = self._reported(told, event)
                if errors == "raise":
                    raise exc from exc.__cause__
                yield exc
                continue
            yield None if found is DROP else found.body if type(found) is Response else found

    async def stream_async(
        self, bodies: Iterable[Any], max_in_flight: int = 8, errors: str = "raise"
    ) -> AsyncIterator[Any]:
        """The same for an event loop."""
        waiting: collections.deque[asyncio.Future[Any]] = collections.deque()
        try:
            for body in bodies:
                event = body if isinstance(body, Event) else Event(body)
                if max_in_flight == 1:
                    yield await self._one(event, errors)
                    continue
                waiting.append(asyncio.ensure_future(self._one(event, errors)))
                if len(waiting) >= max_in_flight:
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()

    async def _one(self, event: Event, errors: str) -> Any:
        try:
            return (await self._watched_async(event)).body
        except Exception as exc:
            if errors == "raise":
                raise
            return exc

    # The end ---------------------------------------------------------------------------------

    def wait_for_completion(self) -> Any:
        """End the flow: what steps still hold goes on its way; returns the flow's result.

        The result is that of the step which makes one (`Reduce`), else None. Calling it again
        gives the same result.
        """
        if not self._completed:
            self._completed = True
            self._result = self.background.finish(self.plan)
        return self._result

    def close(self) -> None:
        """End the flow and the server's threads; calling it twice is harmless."""
        self.ready = False
        if not self._completed:
            self.wait_for_completion()
        for close in self.context.closing:
            close()
        self.background.close()
        self.errors.close()
        for observer in self.observers:
            observer.close()

    def __enter__(self) -> GraphServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # Watching and errors ---------------------------------------------------------------------

    def step(self, name: str) -> Any:
        """The object of a step, such as a router whose weights are to change.

        Raises:
            NotFoundError: if no step of this name has an object.
        """
        if name not in self.plan.objects:
            raise NotFoundError(
                f"no step {name!r} has an object.{nearest(name, self.plan.objects)}",
                fix=f"steps with objects: {', '.join(self.plan.objects) or 'none'}",
            )
        return self.plan.objects[name]

    def is_ready(self) -> bool:
        """Whether events can be answered now: the server runs, and every model is loaded."""
        for made in self.plan.objects.values():
            told = getattr(made, "is_ready", None)
            found = told() if callable(told) else getattr(made, "ready", True)
            if not (all(found.values()) if isinstance(found, Mapping) else found):
                return False
        return self.ready

    def push_error(self, event: Event, message: Any, source: str = "") -> None:
        """Report an event that failed: to the graph's error stream, else to the log."""
        self.errors.push(event, message, source)

    @property
    def error_stream(self) -> str:
        """URL of the stream that failing events are reported to."""
        return self.errors.url

    @error_stream.setter
    def error_stream(self, url: str) -> None:
        self.errors = ErrorStream(url, self.context)

    # Inside ----------------------------------------------------------------------------------

    def _event(
        self,
        path: str,
        body: Any,
        method: str,
        headers: Mapping[str, str] | None,
        content_type: str,
    ) -> Event:
        named = {key.lower(): value for key, value in (headers or {}).items()}
        event = Event(None, path=named.get("mlrun-event-path") or path, headers=named)
        event.content_type = (
            content_type or named.get("content-type", "") or self.default_content_type
        )
        event.method = method.upper() or ("GET" if body is None else "POST")
        if "mlrun-event-id" in named:
            event.id = named["mlrun-event-id"]
        return event

    def _after_answer(self, ways: Any, event: Event) -> None:
        self.background.run(ways, event, self._late_error)

    def _after_answer_async(self, ways: Any, event: Event) -> None:
        self.background.start(ways, event, self._late_error)
