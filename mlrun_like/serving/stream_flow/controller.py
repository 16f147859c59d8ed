"""Controllers: what a running flow is steered by."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.checks import check_count
from mlrun_like.serving.stream_flow.emitted import KeyField, event_maker
from mlrun_like.serving.stream_flow.feeders import DirectFeeder, Feeder, LoopFeeder
from mlrun_like.serving.stream_flow.flow_state import ENDED, Flow
from mlrun_like.serving.stream_flow.results import AsyncAwaitableResult, AwaitableResult

__all__ = [
    "AsyncFlowController",
    "FlowAwaiter",
    "FlowController",
]

_YIELD_EVERY = 64


class FlowAwaiter:
    """A flow that runs by itself, from a source that ends.

    Args:
        flow: The flow.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def await_termination(self) -> Any:
        """Wait for the end of the flow; gives its value.

        Raises:
            Exception: what a step or the source raised.
        """
        self._flow.ended.wait()
        self._flow.raise_error()
        return self._flow.result


class FlowController(FlowAwaiter):
    """Sends events into a flow and ends it; for code without an event loop.

    Events are processed one at a time, in the order in which they are emitted. A flow without
    `async` steps does that in the emitting thread.

    Args:
        feeder: Takes the events.
        key_field: The field, or fields, of the body that are the key, or a function of the body.
        track: Called with each event before it enters, if offsets are committed.
    """

    def __init__(
        self,
        feeder: Feeder,
        key_field: KeyField = None,
        track: Callable[[Event], None] | None = None,
    ) -> None:
        super().__init__(feeder.flow)
        self._make = event_maker(key_field)
        self._feed = feeder.feed
        self._finish = feeder.finish
        self._answers = feeder.flow.has_complete
        self._track = track
        self._terminated = False

    def emit(
        self,
        element: Any,
        key: Any = None,
        return_awaitable_result: bool | None = None,
        expected_number_of_results: int | None = None,
    ) -> Any:
        """Send an event into the flow.

        Args:
            element: The body, or an Event; the flow works on a copy of the Event.
            key: The key, instead of the key field's value.
            return_awaitable_result: Whether a result is given back; by default, if the flow has a
                `Complete` step.
            expected_number_of_results: How many results to wait for, if there are branches.

        Returns:
            An `AwaitableResult`, or None. Its `await_result()` raises what a step raised on the
            event.

        Raises:
            Exception: what a step raised on an earlier event: the flow has stopped.
            InvalidArgumentError: if the flow has been terminated, or a result is wanted of a flow
                without `Complete`.
        """
        flow = self._flow
        if flow.error is not None:
            flow.raise_error()
        if self._terminated:
            raise InvalidArgumentError(ENDED)
        event = self._make(element, key)
        awaited = None
        if self._answers and return_awaitable_result is not False:
            expected = expected_number_of_results
            if expected is not None:
                check_count(expected, "expected_number_of_results", "emit")
            awaited = AwaitableResult(expected or 1)
        elif return_awaitable_result:
            raise _no_complete()
        if awaited is not None:
            event._awaitable_result = awaited  # type: ignore[attr-defined]
        if self._track is not None:
            self._track(event)
        self._feed(event)
        return awaited

    def terminate(self, wait: bool = False) -> Any:
        """End the flow: what steps hold goes on its way.

        Args:
            wait: Also wait for the end, and give the flow's value.
        """
        self._terminated = True
        self._finish()
        return self.await_termination() if wait else None


class AsyncFlowController:
    """Sends events into a flow and ends it; for code in an event loop.

    Args:
        feeder: Takes the events.
        key_field: The field, or fields, of the body that are the key, or a function of the body.
        track: Called with each event before it enters, if offsets are committed.
    """

    def __init__(
        self,
        feeder: DirectFeeder | LoopFeeder,
        key_field: KeyField = None,
        track: Callable[[Event], None] | None = None,
    ) -> None:
        self._flow = feeder.flow
        self._feeder = feeder
        self._make = event_maker(key_field)
        self._track = track
        self._terminated = False
        self._turns = itertools.count(1)

    async def emit(
        self,
        element: Any,
        key: Any = None,
        await_result: bool | None = None,
        expected_number_of_results: int | None = None,
    ) -> Any:
        """Send an event into the flow, and wait for its result if the flow has a `Complete` step.

        Args:
            element: The body, or an Event; the flow works on a copy of the Event.
            key: The key, instead of the key field's value.
            await_result: Whether to wait; by default, if the flow has a `Complete` step.
            expected_number_of_results: How many results to wait for, if there are branches.

        Raises:
            Exception: what a step raised on this event or an earlier one.
            InvalidArgumentError: if the flow has been terminated, or a result is wanted of a flow
                without `Complete`.
        """
        self._flow.raise_error()
        if self._terminated:
            raise InvalidArgumentError(ENDED)
        event = self._make(element, key)
        awaited = None
        if self._flow.has_complete and await_result is not False:
            expected = expected_number_of_results
            if expected is not None:
                check_count(expected, "expected_number_of_results", "emit")
            awaited = AsyncAwaitableResult(expected or 1)
        elif await_result:
            raise _no_complete()
        if awaited is not None:
            event._awaitable_result = awaited  # type: ignore[attr-defined]
        if self._track is not None:
            self._track(event)
        if isinstance(self._feeder, DirectFeeder):
            self._feeder.feed(event)
            if not next(self._turns) % _YIELD_EVERY:
                await asyncio.sleep(0)  # the loop's other tasks get their turn
        else:
            await self._feeder.enter(event)
        return None if awaited is None else await awaited.await_result()

    async def terminate(self, wait: bool = False) -> Any:
        """End the flow: what steps hold goes on its way.

        Args:
            wait: Also wait for the end, and give the flow's value.
        """
        self._terminated = True
        if isinstance(self._feeder, DirectFeeder):
            self._feeder.finish()
        elif not self._flow.ended.is_set():
            self._feeder.end()
        return await self.await_termination() if wait else None

    async def await_termination(self) -> Any:
        """Wait for the end of the flow; gives its value.

        Raises:
            Exception: what a step raised.
        """
        await self._feeder.wait_ended()
        self._flow.raise_error()
        return self._flow.result


def _no_complete() -> InvalidArgumentError:
    return InvalidArgumentError(
        "a result is wanted, but the flow has no Complete step",
        fix="add Complete() where the result is, or do not ask for it",
    )
