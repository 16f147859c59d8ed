"""A handler called in this process as Nuclio would call it."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.runtimes.nuclio.events import Answer, Context, Event, answer_of

__all__ = ["MockFunction", "event_of"]

_JSON = "application/json"


class MockFunction:
    """Answers as the deployed function does: same status, body, content type and headers.

    Args:
        handler: The handler.
        init_context: Called once with the context, before the first event.
        trigger: Kind of the trigger that events seem to come from.

    >>> server = MockFunction(lambda context, event: {"got": event.body})
    >>> server.test("/", {"x": 1})
    {'got': {'x': 1}}
    """

    def __init__(
        self,
        handler: Callable[..., Any],
        init_context: Callable[..., Any] | None = None,
        trigger: str = "http",
    ) -> None:
        self.handler = handler
        self.context = Context(trigger, "default-http" if trigger == "http" else trigger)
        self._loop = _Loop()
        if init_context is not None:
            self._loop.end(init_context(self.context))

    def test(  # noqa: PLR0913 - as GraphServer.test
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
        """Send one event, as if it came over HTTP.

        Args:
            path: URL path, with a query if need be.
            body: The content; what is neither text nor bytes is sent as JSON.
            method: By default POST with a body, else GET.
            headers: Request headers.
            content_type: Media type of the body; `application/json` reaches the handler decoded.
            silent: Return answers of 300 or more, and failures, instead of raising them.
            get_body: Return the answer's body instead of the whole Answer.
            event_id: The event's id.
            trigger: What sent it, with `kind` and `name`.
            offset: Its place in a stream.
            time: When it happened.

        Raises:
            StepError: if the handler fails, or answers with a status of 300 or more.
        """
        event = event_of(path, body, method, headers, content_type)
        for name, value in (("id", event_id), ("trigger", trigger), ("offset", offset)):
            if value is not None:
                setattr(event, name, value)
        event.timestamp = event.timestamp if time is None else time
        answer, error = self._answered(event)
        if answer.status_code >= 300 and not silent:
            first = f"{type(error).__name__}: {error}" if error else repr(answer.body)[:200]
            raise StepError(
                f"the handler failed: {first}"
                if error
                else f"the handler answered {answer.status_code}: {first}",
                where=f"{event.method} {path}",
                fix="",
                event_id=str(event.id),
                status=answer.status_code,
            ) from error
        return answer.body if get_body and answer.status_code < 300 else answer

    def test_batch(self, bodies: Sequence[Any], **values: Any) -> list[Answer]:
        """Send a batch of events, as a trigger with `batch` does; gives their answers in order.

        Args:
            bodies: One body for each event.
            values: Options of all events: path, method, headers, content_type.

        Raises:
            InvalidArgumentError: if the handler does not return a list of responses, or one for an
                event has no `event_id`: its caller would wait for ever.
        """
        path = values.pop("path", "/")
        events = [
            event_of(path, body, values.get("method", ""), values.get("headers"),
                     values.get("content_type", ""))
            for body in bodies
        ]  # fmt: skip
        found = self._loop.end(self.handler(self.context, events))
        if not isinstance(found, list):
            raise InvalidArgumentError(
                f"a handler of batches returns a list of responses, not {type(found).__name__}",
                where=f"a batch of {len(events)} events",
                fix="[context.Response(body=..., event_id=event.id) for event in events]",
            )
        answers = {answer.event_id: answer for answer in map(answer_of, found)}
        lost = [event.id for event in events if event.id not in answers]
        if lost:
            raise InvalidArgumentError(
                f"{len(lost)} of {len(events)} events of a batch got no response with their id",
                where="the handler's list of responses",
                fix="context.Response(body=..., event_id=event.id) for every event",
            )
        return [answers[event.id] for event in events]

    def wait_for_completion(self) -> None:
        """Nothing is held here; there so that it can stand for a graph's server."""

    def close(self) -> None:
        """Call the handler's termination callback, if it set one."""
        callback = self.context.platform.callbacks.get("termination")
        if callback is not None:
            self._loop.end(callback())
        self._loop.close()

    def __enter__(self) -> MockFunction:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _answered(self, event: Event) -> tuple[Answer, Exception | None]:
        try:
            found = self._loop.end(self.handler(self.context, event))
            if inspect.isgenerator(found) or inspect.isasyncgen(found):
                return self._loop.joined(found), None
            body = getattr(found, "body", None)
            if inspect.isgenerator(body) or inspect.isasyncgen(body):
                answer = self._loop.joined(body)
                answer.status_code, answer.headers = found.status_code, dict(found.headers)
                answer.content_type = found.content_type
                return answer, None
            return answer_of(found), None
        except Exception as exc:  # noqa: BLE001  the request boundary
            text = f'Exception caught in handler - "{exc}": {traceback.format_exc()}'
            return Answer(text, 500), exc


def event_of(
    path: str, body: Any, method: str, headers: Mapping[str, str] | None, content_type: str
) -> Event:
    """The event that a request becomes.

    >>> event_of("/a?b=1", b"x", "", {"x-id": "7"}, "").fields
    {'b': '1'}
    """
    named = {_canonical(key): value for key, value in (headers or {}).items()}
    kind = content_type or str(named.get("Content-Type", ""))
    raw: bytes
    if body is None:
        raw = b""
    elif isinstance(body, (bytes, bytearray)):
        raw = bytes(body)
    elif isinstance(body, str):
        raw = body.encode()
    else:
        raw, kind = json.dumps(body, default=str).encode(), kind or _JSON
    if kind:
        named.setdefault("Content-Type", kind)
    place, _, query = path.partition("?")
    place = place if place.startswith("/") else f"/{place}"
    content: Any = raw
    if kind == _JSON:  # the exact name only, as Nuclio has it
        try:
            content = json.loads(raw)
        except ValueError:
            content = raw
    return Event(
        content,
        content_type=kind,
        headers=named,
        fields=dict(parse_qsl(query, keep_blank_values=True)),
        method=method.upper() or ("GET" if body is None else "POST"),
        path=place,
        url=f"{place}?{query}" if query else place,
        size=len(raw),
        trigger=SimpleNamespace(kind="http", name="default-http"),
    )


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


class _Loop:
    """One event loop in a thread of its own, made when the first coroutine comes."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def end(self, value: Any) -> Any:
        """A coroutine's result, other values as they are."""
        if not inspect.iscoroutine(value):
            return value
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(value, self._loop).result()

    def joined(self, values: Any) -> Answer:
        """A stream of values as one answer: the first one says what it is."""
        found = list(values) if inspect.isgenerator(values) else self.end(_gathered(values))
        if not found:
            return Answer("")
        answer = answer_of(found[0])
        rest = [getattr(value, "body", value) for value in found[1:]]
        if isinstance(answer.body, bytes):
            answer.body += b"".join(v if isinstance(v, bytes) else str(v).encode() for v in rest)
        elif isinstance(answer.body, str):
            answer.body += "".join(
                v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in rest
            )
        return answer

    def close(self) -> None:
        """End the thread."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)
            self._loop.close()
            self._loop = self._thread = None


async def _gathered(values: Any) -> list[Any]:
    return [value async for value in values]
