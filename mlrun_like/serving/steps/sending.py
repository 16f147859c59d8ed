"""SendingStep: a step that takes events when it will, and sends them on itself."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import Any, ClassVar

from mlrun_like.errors import GraphError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, writer

__all__ = ["SendingStep", "values_of"]

# What the step sends while a graph that is no flow waits for its call.
_sent: ContextVar[list[Event] | None] = ContextVar("mlrun_like_sending_sent", default=None)


class SendingStep(FlowStep):
    """Base of steps that define `handle(event)` and send events on by `await self.send(event)`.

    In a flow an event may be sent at any time, also by a task that the step has started. In a
    served graph, what is sent before `handle` returns goes on at once, the rest by itself.

    Args:
        options: The arguments that all steps share; see `FlowStep`.

    >>> import asyncio
    >>> class Twice(SendingStep):
    ...     async def handle(self, event):
    ...         await self.send(event)
    ...         await self.send(event.with_body(event.body * 10))
    >>> [event.body for event in asyncio.run(Twice().process(Event(2)))]
    [2, 20]
    """

    kind: ClassVar[Kind] = "many"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sender: Callable[[Event], Awaitable[Any]] | None = None
        self.rescue: Callable[[Event, Exception], Awaitable[Any]] | None = None
        self._value: Any = None
        self._write = writer(self.full_event, self.result_path)

    async def handle(self, event: Event) -> None:
        """Take an event."""
        raise NotImplementedError(f"{type(self).__name__} must define handle(self, event)")

    async def finish(self) -> Any:
        """The last event has come: send what is left; gives the value of the flow, or None."""

    async def send(self, event: Event) -> None:
        """Send an event to the steps that follow."""
        if self.sender is not None:
            await self.sender(event)
            return
        sent = _sent.get()
        if sent is not None:
            sent.append(event)
        elif self.emit is not None:
            self.emit(event)

    async def send_values(self, event: Event, values: Any) -> None:
        """Send the values of a generator as a stream, then its end.

        Raises:
            GraphError: if the event itself is a value of a stream.
        """
        streaming = event.__dict__.get("streaming_step")
        if streaming:
            raise GraphError(
                "Streaming on top of streaming is not allowed. "
                f"Step '{self.name}' received a streaming event from '{streaming}'.",
                fix="put a Collector between them",
            )
        number = 0
        failure = ""
        given = values_of(values)
        while True:
            try:  # errors of the generator only: those of later steps are theirs
                value = await anext(given)
            except StopAsyncIteration:
                break
            except Exception as exc:  # noqa: BLE001  the boundary of a user's generator
                failure = f"{type(exc).__name__}: {exc}"
                break
            made = self._write(event.with_body(event.body), value)
            made.streaming_step = self.name  # type: ignore[attr-defined]
            made.chunk_id = number  # type: ignore[attr-defined]
            await self.send(made)
            number += 1
        end = event.with_body(None)
        end.streaming_step = self.name  # type: ignore[attr-defined]
        end.stream_end = True  # type: ignore[attr-defined]
        end.stream_error = failure  # type: ignore[attr-defined]
        await self.send(end)

    async def process(self, event: Event) -> Iterable[Event]:
        if self.sender is not None:
            await self.handle(event)
            return ()
        sent: list[Event] = []
        before = _sent.set(sent)
        try:
            await self.handle(event)
        finally:
            _sent.reset(before)
        return sent

    async def settle(self) -> None:
        """What a flow awaits before it flushes the step."""
        self._value = await self.finish()

    def result(self) -> Any:
        return self._value


async def values_of(values: Any) -> AsyncIterator[Any]:
    """The values of a generator of either kind; a plain one is asked in a thread."""
    if inspect.isasyncgen(values):
        async for value in values:
            yield value
        return
    for value in values:
        yield value
