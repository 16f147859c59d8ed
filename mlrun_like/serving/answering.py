"""Answering: one event through a plan, watched, in time, and with an answer whatever happens."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from mlrun_like.errors import MLRunLikeError, StepError
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.background import Background
from mlrun_like.serving.engine.failures import status_of
from mlrun_like.serving.engine.plan import Plan
from mlrun_like.serving.error_stream import ErrorStream
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.observer import Observer, watching

__all__ = ["Answering", "Endpoints", "as_text"]

_OLDER_FORM = "mlrun_like.compat.adapted.serving.answers:failure"


class Endpoints(Protocol):
    """Which requests pass, and what they and their answers look like, by method and path."""

    def admit(self, event: Event) -> None:
        """Let an event pass; raises a StepError if it may not."""

    def reshape(self, method: str, path: str, body: Any) -> Any:
        """An answer in its form."""

    def spread(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A step's call that takes what a request says as arguments."""


class Answering:
    """The part of a server that takes one event through its plan."""

    plan: Plan
    context: GraphContext
    background: Background
    errors: ErrorStream
    observers: list[Observer]
    _plain_plan: Plan | None = None
    _direct: Any
    _as_mlrun = False
    http_trigger = True
    """Whether events come over HTTP, so that answers are reshaped."""
    endpoints: Endpoints | None = None
    """Check and reshape requests and answers; None: all pass as they are."""

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

    def observe(self, *observers: Observer) -> None:
        """Let observers watch every event from now on; the initializer of a graph may call it."""
        self.observers += observers
        if self._plain_plan is None:
            return  # there are no steps yet: they are watched as soon as there are
        steps = [observer for observer in self.observers if observer.steps]
        self.plan = self._plain_plan.observed(watching(steps) if steps else None)
        self._direct = None
        self.background.connect(self.plan, self._late_error)

    def failure(self, exc: Exception, event: Event) -> Response:
        """The answer that tells a caller what failed; server errors are also logged."""
        told: BaseException = exc
        while isinstance(told, StepError) and told.__cause__ is not None:
            told = told.__cause__
        if self._as_mlrun:
            made: Response = resolve(_OLDER_FORM)(self.context, exc, told, event)
            return made
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
        if self.endpoints is not None and self.http_trigger:
            self.endpoints.admit(event)
        try:
            found = (
                self.background.wait(plan.run_async(event)) if plan.is_async else plan.run(event)
            )
        except StepError as exc:
            answer = self._unanswered(exc, event)
            if answer is None:
                raise self._reported(exc, event) from exc.__cause__
            return answer
        response = self._answer(found, event)
        if inspect.isasyncgen(response.body):  # a plain caller gets a plain iterator
            response.body = self.background.iterate(response.body)
        return response

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
        if self.endpoints is not None and self.http_trigger:
            self.endpoints.admit(event)
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
        if hasattr(body, "status_code") and not isinstance(body, Response):  # Nuclio's
            kind = getattr(body, "content_type", "") or ""
            body = Response(body.body, body.status_code, dict(body.headers or {}), kind)
        if self.endpoints is not None and self.http_trigger and event is not None:
            body = self._reshaped(self.endpoints, body, event)
        if not isinstance(body, Response):
            return Response(body)
        if event is not None:
            event.responded = True
        status = body.status_code
        if not isinstance(status, int) or not 200 <= status <= 599:
            nodes = self.plan.nodes.values()
            step = next((node.bound.name for node in nodes if node.answers), "")
            raise StepError(
                f"a Response has the status {status!r:.60}",
                where=f"the answer of step {step!r}" if step else "the answer of the graph",
                fix="give a whole number from 200 to 599",
                step=step,
            )
        return body

    def _reshaped(self, endpoints: Endpoints, body: Any, event: Event) -> Any:
        """The answer in the form that callers of its method and path want; errors keep theirs."""
        if not isinstance(body, Response):
            return endpoints.reshape(event.method, event.path, body)
        if body.status_code >= 300:
            return body
        shaped = endpoints.reshape(event.method, event.path, body.body)
        return Response(shaped, body.status_code, body.headers, body.content_type)

    def _checked(self, response: Response, where: str, event_id: str) -> Response:
        if response.status_code >= 300:
            text = f"the graph answered {response.status_code}: {response.body!r:.200}"
            raise StepError(
                as_text(response) if self._as_mlrun else text,
                where=f"{where}, event {event_id}" if event_id else where,
                event_id=event_id,
                status=response.status_code,
            )
        return response

    def _late_error(self, exc: BaseException, event: Event) -> None:
        step = self.plan.locate(exc)
        self.context.logger.error("step %r failed: event %s: %s", step, event.id, exc, exc_info=exc)
        if self.errors.url:
            self.errors.push(event, exc, step)


def as_text(answer: Response) -> str:
    """What MLRun's `test` says of an answer that tells an error."""
    return f"failed ({answer.status_code}): {answer.body}"
