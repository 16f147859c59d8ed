"""Functions of other kinds over HTTP: a JSON object in, the return value as JSON out.

The body's fields are the handler's parameters; without a body the query's are, as text. A parameter
`context` that was not sent is Nuclio's context. What cannot be called so is answered with 400 or
422, an exception with 500 and its text; the traceback goes to the log.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.worker.answers import answer_content, head_of, is_generator
from mlrun_like.gateway.worker.events import RequestEvent
from mlrun_like.gateway.worker.nuclio import needs_loop
from mlrun_like.gateway.worker.streaming import AsyncSink, BlockingSink, ClientGone
from mlrun_like.runtimes.nuclio.events import Context
from mlrun_like.serving.codec import encode
from mlrun_like.serving.web.chunks import as_line

__all__ = ["FunctionProgram"]

_JSON = "application/json"
_LINES = "application/x-ndjson"


class _RefusedError(Exception):
    def __init__(self, status: int, what: str, code: str) -> None:
        super().__init__(what)
        self.status, self.code = status, code


class FunctionProgram:
    """Answers requests with a function that knows nothing of requests.

    Args:
        function: Takes parameters.
        context: For a parameter of that name.
    """

    def __init__(self, function: Callable[..., Any], context: Context) -> None:
        self.function = function
        self.context: Any = context
        self.needs_loop = needs_loop(function)
        self.blocking = not self.needs_loop
        self.failed = 0
        try:
            self._signature: inspect.Signature | None = inspect.signature(function)
        except (TypeError, ValueError):
            self._signature = None
        parameters = self._signature.parameters if self._signature else {}
        self._wants_context = "context" in parameters

    def init(self) -> None:
        """Nothing."""

    async def begin(self) -> None:
        """Nothing."""

    def numbers(self) -> dict[str, Any]:
        """How many requests the function failed at."""
        return {"failed": self.failed}

    def respond(self, content: bytes, sink: BlockingSink) -> None:
        """Answer a request."""
        try:
            found = self._called(content)
            if inspect.isawaitable(found):
                found = asyncio.run(_awaited(found))
            if inspect.isgenerator(found):
                self._lines(() if content.startswith(b"HEAD ") else found, found, sink)
            else:
                sink.answer(_content(found))
        except ClientGone:
            sink.end(complete=False)
        except BaseException as exc:  # noqa: BLE001  the request boundary: the worker lives on
            self._fail(exc, sink)

    def _lines(self, values: Any, source: Any, sink: BlockingSink) -> None:
        try:
            sink.start(head_of(200, _LINES, {}))
            for value in values:
                sink.chunk(as_line(value))
        finally:
            source.close()
        sink.end(complete=True)

    def now(self, content: bytes) -> bytes | Callable[[AsyncSink], Awaitable[None]]:
        """What is to be awaited for the answer."""
        return functools.partial(self.respond_async, content)

    async def respond_async(self, content: bytes, sink: AsyncSink) -> None:
        """Answer a request."""
        try:
            found = self._called(content)
            if inspect.isawaitable(found):
                found = await found
            if not is_generator(found):
                sink.answer(_content(found))
                return
            try:
                sink.start(head_of(200, _LINES, {}))
                if content.startswith(b"HEAD "):
                    pass  # the answer is that head
                elif inspect.isgenerator(found):
                    for value in found:
                        await sink.chunk(as_line(value))
                else:
                    async for value in found:
                        await sink.chunk(as_line(value))
            finally:
                if inspect.isgenerator(found):
                    found.close()
                else:
                    await found.aclose()
            sink.end(complete=True)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # noqa: BLE001  the request boundary: the worker lives on
            self._fail(exc, sink)

    def _called(self, content: bytes) -> Any:
        event = RequestEvent(content)
        values = _parameters(event)
        if self._wants_context and "context" not in values:
            values["context"] = self.context
        if self._signature is not None:
            try:
                self._signature.bind(**values)
            except TypeError as exc:
                name = getattr(self.function, "__name__", "the function")
                raise _RefusedError(422, f"{name}{self._signature}: {exc}", "parameters") from None
        return self.function(**values)

    def _fail(self, exc: BaseException, sink: BlockingSink | AsyncSink) -> None:
        if isinstance(exc, _RefusedError):
            status, told = exc.status, {"error": str(exc), "code": exc.code}
        else:
            self.failed += 1
            self.context.logger.error("".join(traceback.format_exception(exc)))
            code = exc.code if isinstance(exc, MLRunLikeError) else type(exc).__name__
            status, told = 500, {"error": str(exc) or type(exc).__name__, "code": str(code)}
        if sink.started:
            sink.end(complete=False)
        elif not sink.ended:
            body = json.dumps(told).encode()
            sink.answer(answer_content((status, _JSON, {}, body)))

    async def drained(self, shards: Any) -> None:
        """Nothing."""

    async def end(self) -> None:
        """Nothing."""


def _parameters(event: RequestEvent) -> dict[str, Any]:
    if not event.raw:
        return dict(event.fields)
    try:
        found = json.loads(event.raw)
    except (ValueError, RecursionError) as exc:
        raise _RefusedError(400, f"the body is not JSON: {exc!s:.200}", "body") from None
    if not isinstance(found, dict):
        what = f"the body must be a JSON object with the parameters, not {found!r:.60}"
        raise _RefusedError(400, what, "body")
    return found


def _content(found: Any) -> bytes:
    return answer_content((200, _JSON, {}, encode(found)))


async def _awaited(value: Any) -> Any:
    return await value
