"""Streams in flows: each value is an event, and an event without a body marks the end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from mlrun_like.errors import GraphError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.base import FlowStep, reader, writer
from mlrun_like.serving.steps.collecting import Collector
from mlrun_like.serving.steps.ending import Complete
from mlrun_like.serving.stream_flow.nodes import Junction, Wrapped, is_stream_end
from mlrun_like.serving.stream_flow.recovery import ON
from mlrun_like.serving.stream_flow.results import StreamChunk, StreamCompletion

__all__ = [
    "CollectorNode",
    "StreamCompleteNode",
    "StreamNode",
    "skipping_ends",
    "stream_function",
]


def stream_function(step: FlowStep) -> Callable[[Any], Any] | None:
    """The generator function of a step that streams, or None."""
    do = getattr(step, "do", None)
    found = inspect.unwrap(do) if callable(do) else None
    if inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
        return do
    return None


class StreamNode(Junction):
    """Sends each value of a generator on as an event, then the end of the stream.

    Args:
        step: The step; its way is `ON`.
        values: Its generator function.
        is_async: Whether the flow is `async`.
    """

    def __init__(self, step: FlowStep, values: Callable[[Any], Any], is_async: bool) -> None:
        super().__init__(is_async)
        self.step = step
        self.values = values
        self.read = reader(step.full_event, step.input_path)
        self.write = writer(step.full_event, step.result_path)

    def _start(self, event: Event) -> Any:
        streaming = event.__dict__.get("streaming_step")
        if streaming:
            raise GraphError(
                "Streaming on top of streaming is not allowed. "
                f"Step '{self.step.name}' received a streaming event from '{streaming}'.",
                fix="put a Collector between them",
            )
        return self.values(self.read(event))

    def _value(self, event: Event, number: int, value: Any) -> Event:
        made = self.write(event.with_body(event.body), value)
        made.streaming_step = self.step.name  # type: ignore[attr-defined]
        made.chunk_id = number  # type: ignore[attr-defined]
        return made

    def _end(self, event: Event) -> Event:
        made = event.with_body(None)
        made.streaming_step = self.step.name  # type: ignore[attr-defined]
        made.stream_end = True  # type: ignore[attr-defined]
        return made

    def process(self, event: Event) -> Iterable[Event]:
        send = self.sends[ON]
        if is_stream_end(event):
            send(event)
            return ()
        for number, value in enumerate(self._start(event)):
            send(self._value(event, number, value))
        send(self._end(event))
        return ()

    async def _process_async(self, event: Event) -> Iterable[Event]:
        send = self.sends[ON]
        if is_stream_end(event):
            await send(event)
            return ()
        values = self._start(event)
        number = 0
        if hasattr(values, "__aiter__"):
            async for value in values:
                await send(self._value(event, number, value))
                number += 1
        else:
            for number, value in enumerate(values):
                await send(self._value(event, number, value))
        await send(self._end(event))
        return ()


class CollectorNode(Wrapped):
    """Holds the values of each stream until its end has arrived often enough."""

    def __init__(self, step: Collector) -> None:
        super().__init__(step, self._take, False)
        self.collector = step
        self._streams: dict[Any, list[Event]] = {}
        self._ends: dict[Any, int] = {}

    def _take(self, event: Event) -> Iterable[Event]:
        if is_stream_end(event):
            return self._finished(event)
        if "streaming_step" not in event.__dict__:
            return (event,)
        self._streams.setdefault(event.id, []).append(event)
        return ()

    def _finished(self, event: Event) -> Iterable[Event]:
        ends = self._ends.pop(event.id, 0) + 1
        if ends < self.collector.expected_completions:
            self._ends[event.id] = ends
            return ()
        held = self._streams.pop(event.id, [])
        made = (held[0] if held else event).with_body(
            self.collector.collected([item.body for item in held])
        )
        for mark in ("streaming_step", "chunk_id", "stream_end"):
            made.__dict__.pop(mark, None)
        made.stream_collected = True  # type: ignore[attr-defined]
        return (made,)


class StreamCompleteNode(Wrapped):
    """A Complete step that streams may reach."""

    def __init__(self, step: Complete) -> None:
        super().__init__(step, self._answer, False)
        self.complete = step

    def _answer(self, event: Event) -> Iterable[Event]:
        awaited = getattr(event, "_awaitable_result", None)
        if awaited is not None:
            if is_stream_end(event):
                awaited.put(StreamCompletion(event.__dict__["streaming_step"]))
            elif "streaming_step" in event.__dict__:
                awaited.put(StreamChunk(self.complete.answer(event)))
            else:
                awaited.put(self.complete.answer(event))
        return (event,)


def skipping_ends(step: FlowStep, call: Callable[[Event], Any], is_async: bool) -> Any:
    """The call of a step, which never sees the ends of streams: they pass it."""
    ends = step.ends

    def called(event: Event) -> Any:
        if "stream_end" in event.__dict__:
            return () if ends else (event,)
        return call(event)

    async def called_async(event: Event) -> Any:
        if "stream_end" in event.__dict__:
            return () if ends else (event,)
        return await call(event)

    return called_async if is_async else called
