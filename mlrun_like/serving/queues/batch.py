"""Records through a graph: order by key, attempts, what came out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import StepError
from mlrun_like.serving.engine.failures import status_of
from mlrun_like.serving.event import Event
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.push import QueuePush
from mlrun_like.serving.queues.wrapping import to_event
from mlrun_like.streams.base import Record, Stream

if TYPE_CHECKING:
    from mlrun_like.serving.server import GraphServer

__all__ = ["Output", "Runner", "Try"]

_MOST_LATER = 1000
"""Records that wait for another attempt, or behind one that does, before reading pauses."""


class Try:
    """A record on its way through the graph."""

    __slots__ = ("attempts", "due", "error", "event", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.event: Event | None = None
        self.attempts = 0
        self.due = 0.0
        self.error: Exception | None = None
        """Set when it failed for good."""


Output = tuple[QueuePush, Record, Record | None]
"""The step that gave a record, the record, and what it was made of, if that is known."""


class Runner:
    """Takes records through a graph.

    Args:
        server: The graph.
        source: The stream they come from.
        options: How often to try, how many at once.
    """

    def __init__(self, server: GraphServer, source: Stream, options: ConsumeOptions) -> None:
        self.server, self._source, self._options = server, source, options
        nodes = server.plan.nodes.values()
        self.pushes = [n.bound.made for n in nodes if isinstance(n.bound.made, QueuePush)]
        for push in self.pushes:
            push.collect(self._collect)
        waits = any(
            node.bound.acall is not None and not isinstance(node.bound.made, QueuePush)
            for node in nodes
        )
        self._concurrent = server.plan.is_async or (waits and options.max_in_flight > 1)
        self._outputs: list[Output] = []
        self.later: list[Try] = []

    @property
    def is_full(self) -> bool:
        """Whether so many records wait for another attempt that no more should be read."""
        return len(self.later) >= _MOST_LATER

    @property
    def due_in(self) -> float | None:
        """Seconds until the next attempt; None: none waits."""
        if not self.later:
            return None
        return max(0.0, min(item.due for item in self.later if item.attempts) - time.monotonic())

    def run(self, records: Sequence[Record]) -> list[Try]:
        """Process what is due and these records; gives those that ended, well or not."""
        tries = self.later + [Try(record) for record in records]
        self.later = []
        if self._concurrent:
            return self._run_together(tries)
        return self._run_in_turn(tries)

    def take(self) -> list[Output]:
        """What has come out since the last call."""
        count = len(self._outputs)  # the clock's thread may append meanwhile
        taken = self._outputs[:count]
        del self._outputs[:count]
        return taken

    def _collect(self, push: QueuePush, event: Event, record: Record) -> None:
        self._outputs.append((push, record, event.__dict__.get("_made_of")))

    def _run_in_turn(self, tries: Sequence[Try]) -> list[Try]:
        ended: list[Try] = []
        blocked: set[str] = set()
        now = time.monotonic()
        run = self.server.plan.run
        watched = bool(self.server.observers)
        for item in tries:
            key = item.record.key
            if item.due > now or (key and key in blocked):
                blocked.add(key)
                self.later.append(item)
                continue
            event = self._begin(item)
            if event is None:
                ended.append(item)
                continue
            try:
                if watched:
                    self._watched(event)
                else:
                    run(event)
            except Exception as exc:  # noqa: BLE001  the boundary: an event fails, not the worker
                if not self._again(item, exc):
                    ended.append(item)
                    continue
                blocked.add(key)
                self.later.append(item)
                continue
            ended.append(item)
        return ended

    def _run_together(self, tries: Sequence[Try]) -> list[Try]:
        chains: dict[Any, list[Try]] = {}
        for number, item in enumerate(tries):
            chains.setdefault(item.record.key or number, []).append(item)
        gate = asyncio.Semaphore(self._options.max_in_flight)
        states: dict[int, bool] = {}

        async def follow(chain: list[Try]) -> None:
            for item in chain:
                if item.due > time.monotonic():
                    return
                event = self._begin(item)
                if event is not None:
                    try:
                        async with gate:
                            await self._watched_async(event)
                    except Exception as exc:  # noqa: BLE001  the boundary
                        if self._again(item, exc):
                            return
                states[id(item)] = True

        async def all_of_them() -> None:
            await asyncio.gather(*[follow(chain) for chain in chains.values()])

        self.server.background.wait(all_of_them())
        self.server.background.wait_for_tasks()
        self.later = [item for item in tries if id(item) not in states]
        return [item for item in tries if id(item) in states]

    def _begin(self, item: Try) -> Event | None:
        """The event of a new attempt; None: the record has killed too many readers."""
        item.attempts += 1
        event = item.event = to_event(item.record, self._source.name, self._source.url)
        if item.record.deliveries > self._options.deliveries:
            item.error = StepError(
                f"the record was begun {item.record.deliveries - 1} times and never finished: each "
                "time the process died",
                where=f"event {event.id}",
                fix="look for crashes and memory limits of the process",
                event_id=str(event.id),
            )
            return None
        event.__dict__["_made_of"] = item.record
        return event

    def _again(self, item: Try, exc: Exception) -> bool:
        """Whether to try a failed event again; what it gave to queues is taken back."""
        record = item.record
        self._outputs[:] = [out for out in self._outputs if out[2] is not record]
        if item.attempts >= self._options.attempts or status_of(exc) < 500:
            item.error = exc
            return False
        item.due = time.monotonic() + self._options.backoff * 2 ** (item.attempts - 1)
        return True

    def _watched(self, event: Event) -> None:
        error: Exception | None = None
        for observer in self.server.observers:
            observer.begin(event)
        try:
            self.server.plan.run(event)
        except Exception as exc:
            error = exc
            raise
        finally:
            for observer in self.server.observers:
                observer.end(event, None, error)

    async def _watched_async(self, event: Event) -> None:
        error: Exception | None = None
        for observer in self.server.observers:
            observer.begin(event)
        try:
            await self.server.plan.run_async(event)
        except Exception as exc:
            error = exc
            raise
        finally:
            for observer in self.server.observers:
                observer.end(event, None, error)
