"""GraphServer: a compiled graph that answers events."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mlrun_like.errors import NotFoundError, StepError, nearest
from mlrun_like.registry import resolve
from mlrun_like.serving.answering import Endpoints, as_text
from mlrun_like.serving.codec import decode_body
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.lookup import namespaces_of
from mlrun_like.serving.engine.background import Background
from mlrun_like.serving.engine.compile import compile_graph
from mlrun_like.serving.engine.failures import as_mlrun, raise_failed
from mlrun_like.serving.engine.sharing import share_models
from mlrun_like.serving.error_stream import ErrorStream
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.observer import Observer
from mlrun_like.serving.streaming import Streaming

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["GraphServer"]

_OLDER_STREAM = "mlrun_like.compat.adapted.serving.answers:stream"
_PLAIN = frozenset({dict, list, int, float, bool, type(None)})


class GraphServer(Streaming):
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
        self._as_mlrun = as_mlrun()  # asked once: it is needed for every event
        self.context = context or GraphContext(graph.parameters, is_mock)
        self.context.server = self
        self.background = Background()
        self.errors = ErrorStream(graph.error_stream, self.context)
        self.observers: list[Observer] = []
        self.namespaces = namespaces_of(namespace)
        """Where steps may look up names, too."""
        if initializer is not None:
            initializer(self)
        share_models(graph, self.namespaces, self.context)
        self.plan = compile_graph(
            graph,
            self.namespaces,
            self.context,
            executor=self.background.threads,
            spawn=self._after_answer,
            spawn_async=self._after_answer_async,
        )
        direct = self.plan.responds and not self._as_mlrun
        self._direct = self.plan.run_body if direct else None
        self._plain_plan = self.plan
        self._completed = False
        self._ending = threading.RLock()  # who comes second waits for the end, too
        self._result: Any = None
        self.ready = True
        self.background.connect(self.plan, self._late_error)
        if self.observers:  # of the initializer
            self.observe()

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
            path: URL path, with a query if need be.
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
            except Exception as exc:  # noqa: BLE001  the request boundary
                event = Event(body, id=event_id, path=path)
                raise_failed(self.plan.locate(exc), event, exc, self._reported)
            if found is not DROP and type(found) is not Response:
                return found
            answer = self._checked(self._answer(found, None), f"{method} {path}", "")
            return answer.body
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
                if self._as_mlrun and isinstance(exc, StepError):
                    exc.what = as_text(self.failure(exc, event))
                raise
            return self.failure(exc, event)
        if not silent:
            self._checked(response, f"{event.method} {path}", str(event.id))
        if self._as_mlrun:
            if inspect.isgenerator(response.body):
                response.body = resolve(_OLDER_STREAM)(response.body)
            if event.responded:
                return response
        return response.body if get_body and response.status_code < 300 else response

    # The end ---------------------------------------------------------------------------------

    def wait_for_completion(self) -> Any:
        """End the flow: what steps still hold goes on its way; returns the flow's result.

        The result is that of the step which makes one (`Reduce`), else None. Calling it again
        gives the same result.
        """
        with self._ending:
            if not self._completed:
                self._completed = True
                self._result = self.background.finish(self.plan)
            for complete in self.context.completing:
                complete()
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

    def check_by(self, endpoints: Endpoints) -> None:
        """Check requests and reshape answers from now on."""
        self.endpoints = endpoints
        self._direct = None

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
        place, _, query = (named.get("mlrun-event-path") or path).partition("?")
        event = Event(None, path=place, headers=named)
        if query:
            event.query_string = query.encode()
            event.query = dict(parse_qsl(query, keep_blank_values=True))
        event.content_type = (
            content_type or named.get("content-type", "") or self.default_content_type
        )
        event.method = method.upper() or ("GET" if body is None else "POST")
        if "mlrun-event-id" in named:
            event.id = named["mlrun-event-id"]
        return event

    def _after_answer(self, ways: Any, event: Event) -> None:
        self.background.run(self.plan, ways, event, self._late_error)

    def _after_answer_async(self, ways: Any, event: Event) -> None:
        self.background.start(self.plan, ways, event, self._late_error)
