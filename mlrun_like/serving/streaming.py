"""Streaming: many events through a plan, with their answers in order."""

from __future__ import annotations

import asyncio
import collections
import inspect
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.answering import Answering
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.failures import failed

__all__ = ["Streaming"]


class Streaming(Answering):
    """The part of a server that takes a row of events through its plan."""

    def stream(
        self, bodies: Iterable[Any], max_in_flight: int = 1, *, errors: str = "raise"
    ) -> Iterator[Any]:
        """Send events one after the other; gives their answers in the same order.

        Args:
            bodies: Bodies, or Events. They are taken only as fast as answers are read.
            max_in_flight: For graphs with `async` steps: how many events are under way at once.
            errors: `raise` stops at the first failing event; `return` gives its error instead of
                an answer, and goes on.

        A dropped event's answer is None.

        >>> from mlrun_like.serving.graph import flow
        >>> graph = flow()
        >>> step = graph.to(abs)
        >>> list(graph.to_mock_server().stream([-1, 2]))
        [1, 2]
        """
        _check_stream(max_in_flight, errors)
        direct = self._direct
        if self.plan.is_async or max_in_flight > 1:
            iterate = self.background.iterate
            for answer in iterate(self.stream_async(bodies, max_in_flight, errors)):
                yield iterate(answer) if inspect.isasyncgen(answer) else answer
            return
        for body in bodies:
            try:
                if direct is None or type(body) is Event:
                    answer = self._watched(body if isinstance(body, Event) else Event(body)).body
                else:
                    answer = direct(body)
            except Exception as exc:  # noqa: BLE001  the boundary of one event
                told = exc
                if direct is not None and type(body) is not Event:
                    event = Event(body)
                    told = failed(self.plan.locate(exc), event, exc)
                    told.__cause__ = exc.__cause__ if told is exc else exc
                    self._reported(told, event)
                if errors == "raise":
                    raise told from told.__cause__
                answer = told
            yield None if answer is DROP else answer.body if type(answer) is Response else answer

    async def stream_async(
        self, bodies: Iterable[Any], max_in_flight: int = 8, errors: str = "raise"
    ) -> AsyncIterator[Any]:
        """The same for an event loop."""
        _check_stream(max_in_flight, errors)
        waiting: collections.deque[asyncio.Future[Any]] = collections.deque()
        try:
            for body in bodies:
                event = body if isinstance(body, Event) else Event(body)
                if max_in_flight == 1:
                    yield await self._one(event, errors)
                    continue
                waiting.append(asyncio.ensure_future(self._one(event, errors)))
                if len(waiting) >= max_in_flight:
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            if waiting:
                await asyncio.wait(waiting)  # they must have ended, not only be told to

    async def _one(self, event: Event, errors: str) -> Any:
        try:
            return (await self._watched_async(event)).body
        except Exception as exc:
            if errors == "raise":
                raise
            return exc


def _check_stream(max_in_flight: Any, errors: Any) -> None:
    if isinstance(max_in_flight, bool) or not isinstance(max_in_flight, int) or max_in_flight < 1:
        raise InvalidArgumentError(f"max_in_flight must be 1 or more, not {max_in_flight!r:.60}")
    if errors not in ("raise", "return"):
        raise InvalidArgumentError(
            f"errors={errors!r:.60} is unknown", fix="errors='raise' or errors='return'"
        )
