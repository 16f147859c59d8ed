"""OpenTelemetry spans of a graph, through the API package only: the program chooses the SDK."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import MissingDependencyError
from mlrun_like.registry import require
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.propagation import SPAN
from mlrun_like.serving.observer import Observer

__all__ = ["Tracing"]

_GRAPH = "_trace_graph"


class Tracing(Observer):
    """A span per event and, below it, one per step.

    The caller's `traceparent` header is the parent of the event's span; a step's span is the
    current one while the step runs, so that instrumented clients in it send it on (ours do, by
    `propagation.trace_headers`). Without the package opentelemetry-api nothing happens; without
    an SDK that the program sets up, the spans go nowhere, and the caller's trace is passed on.

    Args:
        steps: Whether steps have spans of their own.
        tracer_provider: Where spans go; by default the program's global provider.

    >>> Tracing().before_step(Event(), "clean", None) is None  # not inside a traced event
    True
    """

    def __init__(self, *, steps: bool = True, tracer_provider: Any = None) -> None:
        self.steps = steps
        self._provider = tracer_provider
        self._trace: Any = None
        try:
            self._trace = require("opentelemetry.trace", feature="tracing", extra="serving")
            self._propagate = require("opentelemetry.propagate", feature="tracing")
            self._context = require("opentelemetry.context", feature="tracing")
        except MissingDependencyError:
            self.steps = False
        else:
            self._tracer = self._trace.get_tracer("mlrun_like.serving", None, tracer_provider)

    @property
    def enabled(self) -> bool:
        """Whether the package opentelemetry-api is there."""
        return self._trace is not None

    def begin(self, event: Event) -> None:
        """An event enters the graph."""
        if self._trace is None:
            return
        parent = self._propagate.extract(event.headers) if event.headers else None
        kinds = self._trace.SpanKind
        span = self._tracer.start_span(
            f"{event.method} graph" if event.trigger is None else "graph",
            parent,
            kinds.SERVER if event.trigger is None else kinds.CONSUMER,
        )
        if span.is_recording():
            span.set_attribute("http.request.method", event.method)
            span.set_attribute("url.path", event.path)
            span.set_attribute("mlrun_like.event_id", str(event.id))
        setattr(event, _GRAPH, span)
        setattr(event, SPAN, span)

    def before_step(self, event: Event, step: str, body: Any) -> Any:
        """A step is about to be called."""
        graph = event.__dict__.get(_GRAPH)
        if graph is None:
            return None
        context = self._trace.set_span_in_context(graph)
        span = self._tracer.start_span(step, context)
        if span.is_recording():
            span.set_attribute("mlrun_like.step", step)
        setattr(event, SPAN, span)
        return span, self._context.attach(self._trace.set_span_in_context(span, context))

    def after_step(
        self, event: Event, step: str, token: Any, body: Any, error: BaseException | None
    ) -> None:
        """The step gave this body, or failed."""
        if token is None:
            return
        span, attached = token
        self._context.detach(attached)
        setattr(event, SPAN, event.__dict__.get(_GRAPH))
        self._finish(span, error)

    def end(self, event: Event, response: Response | None, error: BaseException | None) -> None:
        """The event is answered, or failed."""
        span = event.__dict__.get(_GRAPH)
        if span is None:
            return
        status = response.status_code if response is not None else None
        if status is not None and span.is_recording():
            span.set_attribute("http.response.status_code", status)
        self._finish(span, error, failed=status is not None and status >= 500)

    def _finish(self, span: Any, error: BaseException | None, *, failed: bool = False) -> None:
        if error is not None and span.is_recording():
            span.record_exception(error)
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(self._trace.StatusCode.ERROR, f"{type(error).__name__}: {error}"[:500])
        elif failed:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()
