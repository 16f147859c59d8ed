"""GraphServer: a compiled graph that answers events."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import MLRunLikeError, StepError
from mlrun_like.serving.background import Background
from mlrun_like.serving.codec import decode_body
from mlrun_like.serving.compile import compile_graph, failed, status_of
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.error_stream import ErrorStream
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.lookup import namespaces_of
from mlrun_like.serving.observer import Observer, watching

if TYPE_CHECKING:
    from mlrun_like.serving.graph import Graph

__all__ = ["GraphServer"]

_PLAIN = frozenset({dict, list, int, float, bool, type(None)})


class GraphServer:
    """A graph whose steps exist, ready for events.

    Args:
        graph: The definition.
        namespace: Where names of classes and functions are looked up.
        is_mock: Whether steps are told that events come from tests only.
        context: What steps are given; by default a new one.

    Raises:
        GraphError: naming every mistake of the graph.
    """

    def __init__(
        self,
        graph: Graph,
        namespace: Any = None,
        *,
        is_mock: bool = False,
        context: GraphContext | None = None,
    ) -> None:
        self.graph = graph
        self.context = context or GraphContext(graph.parameters, is_mock)
        self.context.server = self
        self.background = Background()
        self.errors = ErrorStream(graph.error_stream, self.context)
        self.observers: list[Observer] = []
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

    # One event -------------------------------------------------------------------------------

    def run(self, event: Event) -> Response:
        """Take an event through the graph in this thread; failures become answers."""
        try:
            return self._watched(event)
        except Exception as exc:  # noqa: BLE001  the request boundary
            return self.failure(exc, event)

    async def run_async(self, event: Event) -> Response:
        """The same for an event loop, which blocking steps do not hold up."""
        try:
            return await self._watched_async(event)
        except Exception as exc:  # noqa: BLE001  the request boundary
            return self.failure(exc, event)

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
            silent: Return failures as answers instead of raising them.
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
            return self._checked(self._answer(found, None), f"{method} {path}", "")
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
            response = self.failure(exc, event)
        if not silent:
            self._checked(response, f"{event.method} {path}", str(event.id), raw=True)
        return response.body if get_body else response

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
        self.background.close()
        self.errors.close()

    def __enter__(self) -> GraphServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # Watching and errors ---------------------------------------------------------------------

    def observe(self, *observers: Observer) -> None:
        """Let observers watch every event from now on."""
        self.observers += observers
        steps = [observer for observer in self.observers if observer.steps]
        self.plan = self._plain_plan.observed(watching(steps) if steps else None)
        self._direct = None
        self.background.connect(self.plan, self._late_error)

    def failure(self, exc: Exception, event: Event) -> Response:
        """The answer that tells a caller what failed; server errors are also logged."""
        told = exc.__cause__ if isinstance(exc, StepError) and exc.__cause__ else exc
        status = status_of(exc)
        if status >= 500:
            self.context.logger.error(
                "%s %s failed: event %s: %s", event.method, event.path, event.id, exc,
                exc_info=told if self.context.verbose or status == 500 else None,
            )  # fmt: skip
        named = exc if isinstance(exc, MLRunLikeError) else None
        body = {
            "error": named.what if named else f"{type(exc).__name__}: {exc}",
            "code": told.code if isinstance(told, MLRunLikeError) else "step",
            "step": getattr(exc, "step", ""),
            "event_id": event.id,
            "fix": named.fix if named else "",
        }
        headers = {}
        retry_after = getattr(told, "retry_after", None)
        if retry_after is not None:
            headers["Retry-After"] = str(max(1, round(retry_after)))
        return Response({key: value for key, value in body.items() if value}, status, headers)

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

    def _watched(self, event: Event) -> Response:
        if not self.observers:
            return self._processed(event)
        for observer in self.observers:
            observer.begin(event)
        response, error = None, None
        try:
            response = self._processed(event)
        except Exception as exc:
            error = exc
            raise
        finally:
            for observer in self.observers:
                observer.end(event, response, error)
        return response

    def _processed(self, event: Event) -> Response:
        plan = self.plan
        try:
            found = (
                self.background.wait(plan.run_async(event)) if plan.is_async else plan.run(event)
            )
        except StepError as exc:
            answer = self._unanswered(exc, event)
            if answer is None:
                raise self._reported(exc, event) from exc.__cause__
            return answer
        return self._answer(found, event)

    async def _watched_async(self, event: Event) -> Response:
        if not self.observers:
            return await self._processed_async(event)
        for observer in self.observers:
            observer.begin(event)
        response, error = None, None
        try:
            response = await self._processed_async(event)
        except Exception as exc:
            error = exc
            raise
        finally:
            for observer in self.observers:
                observer.end(event, response, error)
        return response

    async def _processed_async(self, event: Event) -> Response:
        plan = self.plan
        try:
            if event.deadline is not None:
                found = await self.background.in_time(plan, event)
            else:
                found = await plan.run_async(event) if plan.waits else plan.run(event)
        except StepError as exc:
            answer = self._unanswered(exc, event)
            if answer is None:
                raise self._reported(exc, event) from exc.__cause__
            return answer
        return self._answer(found, event)

    def _unanswered(self, exc: Exception, event: Event) -> Response | None:
        """With an error stream, nobody waits for a graph without a responder."""
        if self.plan.responds or not self.errors.url:
            return None
        self._reported(exc, event)
        return Response({"id": event.id})

    def _reported(self, exc: Exception, event: Event) -> Exception:
        if self.errors.url:
            self.errors.push(event, exc, getattr(exc, "step", ""))
        return exc

    def _answer(self, found: Any, event: Event | None) -> Response:
        if found is DROP:
            if self.plan.responds:
                return Response(None, 204)
            return Response({"id": (event or Event()).id})
        body = found.body if isinstance(found, Event) else found
        return body if isinstance(body, Response) else Response(body)

    def _checked(self, response: Response, where: str, event_id: str, raw: bool = False) -> Any:
        if response.status_code >= 300:
            raise StepError(
                f"the graph answered {response.status_code}: {response.body!r:.200}",
                where=f"{where}, event {event_id}" if event_id else where,
                event_id=event_id,
                status=response.status_code,
            )
        return response if raw else response.body

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
        event.content_type = content_type or named.get("content-type", "")
        event.method = method.upper() or ("GET" if body is None else "POST")
        if "mlrun-event-id" in named:
            event.id = named["mlrun-event-id"]
        return event

    def _late_error(self, exc: BaseException, event: Event) -> None:
        step = self.plan.locate(exc)
        self.context.logger.error("step %r failed: event %s: %s", step, event.id, exc, exc_info=exc)
        if self.errors.url:
            self.errors.push(event, exc, step)

    def _after_answer(self, ways: Any, event: Event) -> None:
        self.background.run(ways, event, self._late_error)

    def _after_answer_async(self, ways: Any, event: Event) -> None:
        self.background.start(ways, event, self._late_error)
