"""Handlers as Nuclio's own Python wrapper calls them: `handler(context, event)`.

`init_context(context)` of the handler's module runs once before. A plain handler answers one event
after the other; an `async` one runs on an event loop, where its background tasks go on between
events. What it returns is sent as Nuclio sends it (see `answers.py`); a generator, or a Response
with one as its body, is sent part by part: the first value says what the answer is. An exception,
also SystemExit, is the answer 500 with its traceback, and the worker lives on.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import traceback
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

from mlrun_like.gateway.worker.answers import (
    Parts,
    answer_content,
    batch_content,
    content_of,
    is_generator,
    parts_of,
)
from mlrun_like.gateway.worker.events import BATCH, RequestEvent, batch_events, encoded_strings
from mlrun_like.gateway.worker.generators import END, beginning, part_of, spread
from mlrun_like.gateway.worker.logger import WorkerLogger, collect, collected
from mlrun_like.gateway.worker.platform import WorkerPlatform
from mlrun_like.gateway.worker.streaming import AsyncSink, BlockingSink, ClientGone
from mlrun_like.runtimes.nuclio.events import Context

__all__ = ["HandlerProgram", "make_context", "needs_loop"]

_LEVEL = b"\r\nx-nuclio-log-level: "
_HEAD = b"HEAD "  # the answer is a head: a body without an end would never come to one
_IS_BATCH = b"\r\ncontent-type: " + BATCH


def make_context(worker_id: int, platform: WorkerPlatform) -> Context:
    """The context that handlers get."""
    context: Any = Context()
    context.logger = WorkerLogger()
    context.platform = platform
    context.worker_id = worker_id
    context.trigger = SimpleNamespace(kind="http", name="default-http", klass="sync")
    return context  # type: ignore[no-any-return]


def needs_loop(*functions: Any) -> bool:
    """Whether one of the functions is `async`."""
    methods = [getattr(type(found), "__call__", None) for found in functions]  # noqa: B004
    return any(
        inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found)
        for found in (*functions, *methods)
    )


class HandlerProgram:
    """Answers requests with a handler.

    Args:
        handler: Takes the context and an event.
        init_context: Takes the context.
        context: What they get.
        decode_strings: Whether names, paths and headers are text; else they are bytes.
    """

    def __init__(
        self,
        handler: Callable[..., Any],
        init_context: Callable[..., Any] | None,
        context: Context,
        *,
        decode_strings: bool = True,
    ) -> None:
        self.handler = handler
        self.context: Any = context
        self.needs_loop = needs_loop(handler, init_context)
        self.blocking = True  # also an async handler gets one event at a time, as in Nuclio
        self._init_context = init_context
        self._decode = decode_strings
        self._loop: asyncio.AbstractEventLoop | None = None
        self.failed = 0

    def init(self) -> None:
        """Run `init_context`, unless it needs the loop."""
        if self._init_context is not None and not self.needs_loop:
            self._settled(self._init_context(self.context))

    async def begin(self) -> None:
        """The same on the loop."""
        if self._init_context is not None:
            found = self._init_context(self.context)
            if inspect.isawaitable(found):
                await found

    def numbers(self) -> dict[str, Any]:
        """How many requests the handler failed at."""
        return {"failed": self.failed}

    # One after the other ---------------------------------------------------------------------

    def respond(self, content: bytes, sink: BlockingSink) -> None:
        """Answer a request."""
        event: Any = None
        try:
            event = RequestEvent(content)
            found = self.handler(self.context, self._given(event))
            if type(found) is dict or type(found) is str:
                if not self._is_special(event):
                    sink.answer(content_of(found))
                    return
            elif inspect.iscoroutine(found):
                found = self._settled(found)
            if is_generator(found) or is_generator(getattr(found, "body", None)):
                self._stream(found, sink, bare=content.startswith(_HEAD))
            else:
                sink.answer(self._content(event, found))
        except ClientGone:
            sink.end(complete=False)
        except BaseException as exc:  # noqa: BLE001  the request boundary: the worker lives on
            self._fail(event, exc, sink)

    def _stream(self, found: Any, sink: BlockingSink, *, bare: bool) -> None:
        whole = None if is_generator(found) else found
        source = found if whole is None else whole.body
        values: Any = self._followed(source) if inspect.isasyncgen(source) else source
        try:
            first = next(values, END)
            start, body = beginning(first, whole)
            sink.start(start)
            if body and not bare:
                sink.chunk(body)
            if first is not END and not bare:
                for value in values:
                    sink.chunk(part_of(value))
        finally:
            values.close()
        sink.end(complete=True)

    def _followed(self, values: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._settled(values.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            self._settled(values.aclose())

    def _settled(self, value: Any) -> Any:
        """An awaitable's result, other values as they are."""
        if not inspect.isawaitable(value):
            return value
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(_awaited(value))

    # On a loop -------------------------------------------------------------------------------

    def now(self, content: bytes) -> bytes | Callable[[AsyncSink], Awaitable[None]]:
        """What is to be awaited for the answer."""
        return functools.partial(self.respond_async, content)

    async def respond_async(self, content: bytes, sink: AsyncSink) -> None:
        """Answer a request."""
        event: Any = None
        try:
            event = RequestEvent(content)
            found = self.handler(self.context, self._given(event))
            if inspect.isawaitable(found):
                found = await found
            if is_generator(found) or is_generator(getattr(found, "body", None)):
                await self._stream_async(found, sink, bare=content.startswith(_HEAD))
            else:
                sink.answer(self._content(event, found))
        except asyncio.CancelledError as exc:
            task = asyncio.current_task()
            if task is not None and _is_cancelling(task):
                raise
            self._fail(event, exc, sink)  # the handler's own
        except BaseException as exc:  # noqa: BLE001  the request boundary: the worker lives on
            self._fail(event, exc, sink)

    async def _stream_async(self, found: Any, sink: AsyncSink, *, bare: bool) -> None:
        whole = None if is_generator(found) else found
        source = found if whole is None else whole.body
        values: Any = source if inspect.isasyncgen(source) else spread(source)
        try:
            first = await anext(values, END)
            start, body = beginning(first, whole)
            sink.start(start)
            if body and not bare:
                await sink.chunk(body)
            if first is not END and not bare:
                async for value in values:
                    await sink.chunk(part_of(value))
        finally:
            await values.aclose()
        sink.end(complete=True)

    # Both ------------------------------------------------------------------------------------

    def _given(self, event: RequestEvent) -> Any:
        """The event, or the events of a batch, as the handler gets it."""
        head = event.head
        if _LEVEL in head:
            level = head.partition(_LEVEL)[2].partition(b"\r\n")[0]
            collect(level.decode("latin-1"))
        events = None
        if _IS_BATCH in head:
            events = batch_events(event)
            event.__dict__["batch"] = [str(one.id) for one in events]
        for one in [event] if events is None else events:
            if one.offset or one.topic is not None:
                platform = self.context.platform
                platform.seen(one.topic or one.path, one.shard_id, one.trigger.name)
            if one.topic and one.path == "/" and one.trigger.kind == "kafka-cluster":
                one.path = one.topic  # as Nuclio has it
            if not self._decode:
                encoded_strings(one)
        return event if events is None else events

    def _is_special(self, event: RequestEvent) -> bool:
        return event.raw_method == b"HEAD" or _IS_BATCH in event.head or _LEVEL in event.head

    def _content(self, event: RequestEvent, found: Any) -> bytes:
        if not self._is_special(event):
            return content_of(found)
        ids = event.__dict__.get("batch")
        if ids is not None:
            return batch_content(ids, found)
        return self._special(event, parts_of(found))

    def _special(self, event: RequestEvent | None, parts: Parts) -> bytes:
        method = "" if event is None else event.raw_method.decode("latin-1")
        if event is not None and _LEVEL in event.head:
            status, kind, headers, body = parts
            parts = status, kind, {**headers, "X-Nuclio-Logs": collected()}, body
        return answer_content(parts, method)

    def _fail(
        self, event: RequestEvent | None, exc: BaseException, sink: BlockingSink | AsyncSink
    ) -> None:
        self.failed += 1
        lines = "".join(traceback.format_exception(exc))
        text = f'Exception caught in handler - "{exc}": {lines}'
        with contextlib.suppress(Exception):  # a handler may have put anything in its place
            self.context.logger.error(text)
        if sink.started:
            sink.end(complete=False)
        elif not sink.ended:
            body = text.encode("utf-8", "replace")
            sink.answer(self._special(event, (500, "text/plain", {}, body)))

    async def drained(self, shards: Any) -> None:
        """Call the drain callback."""
        await self._called("drain")

    async def end(self) -> None:
        """Call the termination callback."""
        await self._called("termination")

    async def _called(self, name: str) -> None:
        callback = self.context.platform.callbacks.get(name)
        if callback is None:
            return
        try:
            found = callback()
            if inspect.isawaitable(found):
                await found
        except Exception as exc:  # noqa: BLE001  users' code may raise anything here
            lines = "".join(traceback.format_exception(exc))
            self.context.logger.error(f"the {name} callback failed: {lines}")


async def _awaited(value: Any) -> Any:
    return await value


def _is_cancelling(task: Any) -> bool:
    cancelling = getattr(task, "cancelling", None)  # Python 3.11
    return True if cancelling is None else bool(cancelling())
