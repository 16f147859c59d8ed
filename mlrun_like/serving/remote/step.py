"""RemoteStep: a step that another server does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, StepTimeoutError
from mlrun_like.serving.event import Event
from mlrun_like.serving.paths import get_path, set_path
from mlrun_like.serving.remote.asking import Asking, checked, compiled
from mlrun_like.serving.remote.client import HttpClient
from mlrun_like.serving.remote.trying import Request, Retries
from mlrun_like.serving.remote.wire import Answer, Fault
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import check_count, check_seconds

__all__ = ["CallingStep", "RemoteStep"]

RETRIES = 6
BACKOFF = 1.0
TIMEOUT = 300.0


class CallingStep(FlowStep):
    """Base of the steps that call servers: limits, retries, connections.

    Args:
        max_in_flight: Requests at the same time; further events wait. By default no limit.
        retries: How often a failed request is repeated, whatever its method. By default 6 times,
            if that is safe: an idempotent method, or a request that never reached the server.
        backoff_factor: Seconds before the first repetition; doubled each time, at most 120.
        timeout: Seconds for one attempt; never longer than the event's own time.
        verify: A file (PEM) of certificates to trust besides the system's.
        options: The arguments that all steps share; see `FlowStep`.
    """

    def __init__(
        self,
        max_in_flight: int | None = None,
        retries: int | None = None,
        backoff_factor: float | None = None,
        timeout: float | None = None,
        verify: str | bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        if max_in_flight is not None:
            check_count(max_in_flight, "max_in_flight", step)
        if retries is not None:
            check_count(retries, "retries", step, least=0)
        if backoff_factor is not None:
            check_seconds(backoff_factor, "backoff_factor", step)
        if timeout is not None and check_seconds(timeout, "timeout", step) == 0:
            raise InvalidArgumentError("timeout must be above 0", where=f"step class {step}")
        if verify is not True and not (isinstance(verify, str) and verify):
            raise InvalidArgumentError(
                f"verify={verify!r}: certificates are always checked",
                where=f"step class {step}",
                fix="verify='/path/to/ca.pem' trusts further certificates",
            )
        self.max_in_flight = max_in_flight
        self.retries = RETRIES if retries is None else retries
        self.timeout = timeout or TIMEOUT
        self.policy = Retries(
            self.retries,
            BACKOFF if backoff_factor is None else backoff_factor,
            always=retries is not None,
        )
        self.client = HttpClient("" if verify is True else str(verify))
        self._gate = threading.BoundedSemaphore(max_in_flight) if max_in_flight else None
        self._gates: dict[int, asyncio.Semaphore] = {}

    def send(self, request: Request, event: Event) -> Answer | Fault:
        """The answer to one request, in this thread."""
        if self._gate is None:
            return self.client.send(request, self.policy, self.timeout, event.deadline)
        if not self._gate.acquire(timeout=_wait(event)):
            raise StepTimeoutError(
                f"the time was over before one of {self.max_in_flight} requests had ended",
                fix="raise max_in_flight",
                step=self.name,
            )
        try:
            return self.client.send(request, self.policy, self.timeout, event.deadline)
        finally:
            self._gate.release()

    async def send_async(self, request: Request, event: Event) -> Answer | Fault:
        """The same for an event loop."""
        if self.max_in_flight is None:
            return await self._send_now(request, event)
        loop = id(asyncio.get_running_loop())
        gate = self._gates.get(loop)
        if gate is None:
            gate = self._gates[loop] = asyncio.Semaphore(self.max_in_flight)
        async with gate:
            return await self._send_now(request, event)

    async def _send_now(self, request: Request, event: Event) -> Answer | Fault:
        return await self.client.send_async(request, self.policy, self.timeout, event.deadline)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self.client.close()

    def seen(self, event: Event) -> Any:
        """What the step sees of an event."""
        return event if self.full_event else get_path(event.body, self.input_path)

    def answered(self, event: Event, result: Any) -> Event:
        """The event with the result in its place."""
        event.body = set_path(event.body, self.result_path, result)
        return event

    def endpoint(self, url: str | None) -> str:
        """The URL of a server, or of a function that the context knows."""
        if not url:
            return ""
        if "://" in url:
            return url
        if self.context is None:
            raise InvalidArgumentError(
                f"url={url!r:.100} is no URL, and only the graph knows addresses of functions",
                where=f"step {self.name!r}",
                fix='give an http URL, or name the class: graph.to("$remote", url=...)',
            )
        found: str = self.context.get_remote_endpoint(url)
        return found


def _wait(event: Event) -> float:
    if event.deadline is None:
        return threading.TIMEOUT_MAX
    return max(0.0, event.deadline - time.monotonic())


class RemoteStep(CallingStep):
    """Sends each body to a server and goes on with its answer (class shortcut `$remote`).

    A body that is neither text nor bytes is sent as JSON. Along go the event's id and path
    (`MLRUN-EVENT-ID`, `MLRUN-EVENT-PATH`), the seconds that are left (`Request-Timeout`) and the
    trace it belongs to (`traceparent`); other headers of the caller do not. A status of 4xx is
    given to the caller with the server's text; 500 and others become 502.

    Args:
        url: http(s) URL, or a function `[project/]name` that the context knows.
        subpath: What follows the URL; `$path`: the event's path.
        method: HTTP method; by default the event's.
        headers: Header values by name.
        url_expression: Python expression for the URL, such as `"event['url']"`; `event` is the
            body (the event with `full_event`), `endpoint` the URL, `context` the context.
        body_expression: The same for the body.
        return_json: The answer is JSON; else it is decoded if its content type says so.
        input_path: Dotted path of the part of the body that is sent.
        result_path: Dotted path in the body where the answer is put.
        max_in_flight: See `CallingStep`, as for `retries`, `backoff_factor` and `timeout`.
        headers_expression: As `url_expression`, for the headers, which replace `headers`.
        options: Further arguments: see `CallingStep`.

    Raises:
        InvalidArgumentError: if there is neither a URL nor an expression, or one cannot be used.

    >>> RemoteStep("http://models/v2", subpath="$path", method="POST").asking.url
    'http://models/v2'
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        url: str | None = None,
        subpath: str | None = None,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        url_expression: str | None = None,
        body_expression: str | None = None,
        return_json: bool = True,
        input_path: str | None = None,
        result_path: str | None = None,
        max_in_flight: int | None = None,
        retries: int | None = None,
        backoff_factor: float | None = None,
        timeout: float | None = None,
        headers_expression: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            max_in_flight, retries, backoff_factor, timeout,
            input_path=input_path, result_path=result_path, **options,
        )  # fmt: skip
        if not url and not url_expression:
            raise InvalidArgumentError(
                "RemoteStep has neither a url nor a url_expression",
                where=f"step {self.name!r}",
                fix="url='http://host:8080/path', or url_expression=\"event['url']\"",
            )
        self.url = url
        self.subpath = subpath
        self.return_json = return_json
        self.asking = Asking(
            self.name,
            url=self.endpoint(url),
            subpath=subpath or "",
            method=(method or "").upper(),
            headers=headers,
            url_code=compiled(url_expression, "url_expression", self.name),
            body_code=compiled(body_expression, "body_expression", self.name),
            headers_code=compiled(headers_expression, "headers_expression", self.name),
            context=self.context,
        )

    def do_event(self, event: Event) -> Event:
        """Answer one event in this thread.

        Raises:
            StepError: if the server does not answer, or not as it should.
        """
        request = self.asking.request(event, self.seen(event))
        found = self.send(request, event)
        return self.answered(event, checked(found, request, self.name, self.return_json))

    async def do_event_async(self, event: Event) -> Event:
        """The same for an event loop."""
        request = self.asking.request(event, self.seen(event))
        found = await self.send_async(request, event)
        return self.answered(event, checked(found, request, self.name, self.return_json))
