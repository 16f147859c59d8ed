"""The step that an event ends at: it pushes the event to a stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.protocol import Kind, Step
from mlrun_like.serving.queues.pusher import Pusher
from mlrun_like.serving.queues.wrapping import to_record
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.dummy import DummyStream
from mlrun_like.streams.opening import get_stream_pusher

__all__ = ["READER_OPTIONS", "QueuePush", "open_queue"]

READER_OPTIONS = frozenset({"attempts", "dead_letter", "deliveries", "group", "trigger_args"})
"""Arguments of a queue that concern those who read it."""
_INJECTED = frozenset({"context", "graph_step", "input_path", "name", "result_path", "routes"})
"""Arguments that every step is given."""


class QueuePush(Step):
    """What `$queue` becomes at the end of a graph, or of one function's part of it.

    The event ends here when the stream has stored it. Events without a body are not pushed.

    Args:
        path: The stream's URL.
        full_event: Whether the reader gets the event (id, key, time, headers) or only its body;
            by default the event if functions of this graph read it.
        groups: Groups that must exist before the first push, so that they miss nothing.
        max_depth: A function that pushes here stops reading while so many records wait.
        options: Options of the stream, such as `shards` and `retention_in_hours`.

    >>> step = QueuePush("dummy://")
    >>> step.process(Event({"x": 1}))
    DROP
    >>> step.stream.event_list
    [{'x': 1}]
    """

    kind: ClassVar[Kind] = "maybe"
    blocking: ClassVar[bool] = True

    def __init__(
        self,
        path: str,
        *,
        full_event: bool | None = None,
        groups: Sequence[str] = (),
        max_depth: int | None = None,
        **options: Any,
    ) -> None:
        self.path, self.groups = path, tuple(groups)
        self.full, self.max_depth = bool(full_event), max_depth
        self._options = options
        self._opened: Stream | None = None
        self._pusher: Pusher | None = None
        self._opening = threading.Lock()
        self._collect: Callable[[QueuePush, Event, Record], Any] | None = None

    @property
    def stream(self) -> Stream:
        """The stream; made with its groups when it is first asked for."""
        with self._opening:
            if self._opened is None:
                stream = open_queue(self.path, self._options)
                stream.create(self.groups)
                self._opened = stream
            return self._opened

    def collect(self, collect: Callable[[QueuePush, Event, Record], Any]) -> None:
        """Give records to `collect` from now on instead of pushing them: a batch is one push."""
        self._collect = collect

    def process(self, event: Event) -> Any:
        if event.body is None:
            return DROP
        record = to_record(event, self.full)
        if self._collect is not None:
            self._collect(self, event, record)
            return DROP
        stream = self.stream
        if isinstance(stream, DummyStream) and not self.full:
            stream.push(event.body, record.key)  # tests look at the value, not at its bytes
        else:
            stream.push([record])
        return DROP

    async def process_async(self, event: Event) -> Any:
        if event.body is None or self._collect is not None:
            return self.process(event)
        if self._pusher is None:
            stream = await asyncio.to_thread(lambda: self.stream)
            self._pusher = self._pusher or Pusher(stream)
        if isinstance(self._opened, DummyStream):
            return self.process(event)
        await asyncio.wrap_future(self._pusher.push(to_record(event, self.full)))
        return DROP

    def close(self) -> None:
        if self._pusher is not None:
            self._pusher.close()
        if self._opened is not None:
            self._opened.close()


def open_queue(path: str, options: dict[str, Any]) -> Stream:
    """The stream of a queue step; arguments that concern its readers are left out."""
    left_out = READER_OPTIONS | _INJECTED
    given = {k: v for k, v in options.items() if k not in left_out and v is not None}
    given.pop("full_event", None)
    return get_stream_pusher(path, **given)
