"""SendToHttp: storey's step that joins events with what a server says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.observe.propagation import trace_headers
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.remote.asking import content, fault_error
from mlrun_like.serving.remote.step import CallingStep
from mlrun_like.serving.remote.trying import Request, Retries
from mlrun_like.serving.remote.wire import Answer, Fault
from mlrun_like.serving.steps.checks import check_callable

__all__ = ["HttpRequest", "HttpResponse", "SendToHttp"]


class HttpRequest:
    """What `request_builder` gives.

    Args:
        method: HTTP method.
        url: http(s) URL.
        body: Text or bytes; other values are sent as JSON.
        headers: Header values by name.

    >>> HttpRequest("GET", "http://host/", None).headers
    {}
    """

    def __init__(
        self, method: str, url: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> None:
        self.method = method
        self.url = url
        self.body = body
        self.headers = dict(headers or {})


class HttpResponse:
    """What `join_from_response` receives.

    Args:
        status: The status code.
        body: The content as text.
        headers: Values by lower-case name.

    >>> HttpResponse(200, "ok").status
    200
    """

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class SendToHttp(CallingStep):
    """Builds a request from each event and joins the answer with it, whatever its status.

    Args:
        request_builder: Gives the `HttpRequest` for an event.
        join_from_response: Gives the new body for a body and the `HttpResponse`; with `full_event`
            the new event for the event. `None` drops the event.
        options: `max_in_flight`, `retries` (by default none; only for requests that got no
            answer), `backoff_factor`, `timeout`: see `CallingStep`.

    Raises:
        InvalidTypeError: if one of them is not a function.

    >>> step = SendToHttp(
    ...     lambda event: HttpRequest("GET", f"http://host/{event.body}", None),
    ...     lambda body, response: {"key": body, "status": response.status},
    ... )
    >>> step.retries
    0
    """

    kind: ClassVar[Kind] = "maybe"

    def __init__(
        self,
        request_builder: Callable[[Event], HttpRequest],
        join_from_response: Callable[[Any, HttpResponse], Any],
        **options: Any,
    ) -> None:
        retries = options.pop("retries", None)
        super().__init__(retries=retries or 0, **options)
        name = type(self).__name__
        self.request_builder = check_callable(request_builder, "request_builder", name)
        self.join_from_response = check_callable(join_from_response, "join_from_response", name)
        self.policy = Retries(self.retries, self.policy.backoff, always=True, statuses=())

    def do_event(self, event: Event) -> Any:
        """The joined event, or DROP.

        Raises:
            StepError: if there is no answer.
        """
        request = self._request(event)
        return self._joined(event, request, self.send(request, event))

    async def do_event_async(self, event: Event) -> Any:
        """The same for an event loop."""
        request = self._request(event)
        return self._joined(event, request, await self.send_async(request, event))

    def _request(self, event: Event) -> Request:
        built = self.request_builder(event)
        if not isinstance(built, HttpRequest):
            raise InvalidArgumentError(
                f"request_builder gave a {type(built).__name__}, not an HttpRequest",
                where=f"step {self.name!r}",
                fix="return HttpRequest(method, url, body)",
            )
        body, kind = content(built.body, self.name)
        headers = {str(name).lower(): str(value) for name, value in built.headers.items()}
        for name, value in trace_headers(event).items():
            headers.setdefault(name, value)
        if kind:
            headers.setdefault("content-type", kind)
        return Request(built.method.upper(), built.url, headers, body)

    def _joined(self, event: Event, request: Request, found: Answer | Fault) -> Any:
        if isinstance(found, Fault):
            raise fault_error(found, request, self.name)
        text = found.body.decode("utf-8", "replace")
        response = HttpResponse(found.status, text, found.headers)
        joined = self.join_from_response(event if self.full_event else event.body, response)
        if joined is None:
            return DROP
        return joined if self.full_event else self.answered(event, joined)
