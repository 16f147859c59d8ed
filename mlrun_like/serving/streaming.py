"""Streaming: many events through a plan, with their answers in order."""

from __future__ import annotations

import asyncio
import collections
import inspect
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.answering import Answering
from mlrun_like.serving.engine.failures import failed
from mlrun_like.serving.engine.passing import Way
from mlrun_like.serving.event import DROP, Event, Response

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

        >>> from mlrun_like.serving.definition.graph import flow
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
                    told = self._told(exc, body)
                if errors == "raise":
                    raise told from told.__cause__
                answer = told
            yield None if answer is DROP else answer.body if type(answer) is Response else answer

    async def stream_async(
        self, bodies: Iterable[Any], max_in_flight: int = 8, errors: str = "raise"
    ) -> AsyncIterator[Any]:
        """The same for an event loop."""
        _check_stream(max_in_flight, errors)
        if max_in_flight == 1:
            one = self._one_direct if self._direct_async is not None else self._one
            for body in bodies:
                yield await one(body, errors)
            return
        waiting: collections.deque[asyncio.Future[Any]] = collections.deque()
        try:
            for body in bodies:
                waiting.append(asyncio.ensure_future(self._one(body, errors)))
                if len(waiting) >= max_in_flight:
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            if waiting:
                await asyncio.wait(waiting)  # they must have ended, not only be told to

    @property
    def _direct_async(self) -> Way | None:
        """From body to answer, if nobody watches and no step sees more than the body."""
        plan = self.plan
        return plan.run_body_async if plan.responds and not self.observers else None

    async def _one(self, body: Any, errors: str) -> Any:
        event = body if isinstance(body, Event) else Event(body)
        try:
            return (await self._watched_async(event)).body
        except Exception as exc:
            if errors == "raise":
                raise
            return exc

    async def _one_direct(self, body: Any, errors: str) -> Any:
        way = self._direct_async
        if way is None or type(body) is Event:
            return await self._one(body, errors)
        try:
            answer = await way.block(body) if way.is_async else way.block(body)
        except Exception as exc:  # noqa: BLE001  the boundary of one event
            told = self._told(exc, body)
            if errors == "raise":
                raise told from told.__cause__
            return told
        return None if answer is DROP else answer.body if type(answer) is Response else answer

    def _told(self, exc: Exception, body: Any) -> Exception:
        """What a caller is told of an exception in a plan that never made an event."""
        event = Event(body)
        told = failed(self.plan.locate(exc), event, exc)
        told.__cause__ = exc.__cause__ if told is exc else exc
        return self._reported(told, event)


def _check_stream(max_in_flight: Any, errors: Any) -> None:
    if isinstance(max_in_flight, bool) or not isinstance(max_in_flight, int) or max_in_flight < 1:
        raise InvalidArgumentError(f"max_in_flight must be 1 or more, not {max_in_flight!r:.60}")
    if errors not in ("raise", "return"):
        raise InvalidArgumentError(
            f"errors={errors!r:.60} is unknown", fix="errors='raise' or errors='return'"
        )
