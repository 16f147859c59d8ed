"""Sources whose events come from the program: SyncEmitSource, AsyncEmitSource."""

from __future__ import annotations

from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import check_count, check_seconds
from mlrun_like.serving.stream_flow.controller import AsyncFlowController, FlowController
from mlrun_like.serving.stream_flow.emitted import KeyField, key_reader
from mlrun_like.serving.stream_flow.feeders import DirectFeeder, Feeder, LoopFeeder, LoopThread
from mlrun_like.serving.stream_flow.flow_state import Flow
from mlrun_like.serving.stream_flow.offsets import committer_of

__all__ = ["AsyncEmitSource", "EmitSource", "SyncEmitSource"]


class EmitSource(FlowStep):
    """Base of sources that a controller feeds.

    Args:
        buffer_size: How many events may wait in a flow with `async` steps; 8 by default.
        key_field: The field, or fields, of the body that are the key of events, or a function of
            the body.
        max_events_before_commit: Events after which offsets are committed; 20,000 by default.
        max_time_before_commit: Seconds after which they are; 45 by default.
        max_wait_before_commit: Seconds without events after which they are; 5 by default.
        explicit_ack: Whether the offsets of events that are done are committed, by
            `context.platform.explicit_ack`.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if a number is not positive.
        InvalidTypeError: if `key_field` has a type that it cannot have.
    """

    legal_first_step: ClassVar[bool] = True

    def __init__(
        self,
        buffer_size: int | None = None,
        key_field: KeyField = None,
        max_events_before_commit: int | None = None,
        max_time_before_commit: float | None = None,
        max_wait_before_commit: float | None = None,
        explicit_ack: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if isinstance(buffer_size, int) and buffer_size <= 0:
            raise InvalidArgumentError(
                "Buffer size must be positive",
                where=f"{type(self).__name__}(buffer_size={buffer_size})",
            )
        step = type(self).__name__
        self.buffer_size = (
            8 if buffer_size is None else check_count(buffer_size, "buffer_size", step)
        )
        key_reader(key_field)
        self.key_field = key_field
        self.max_events_before_commit = check_count(
            max_events_before_commit or 20_000, "max_events_before_commit", step
        )
        self.max_time_before_commit = check_seconds(
            max_time_before_commit or 45, "max_time_before_commit", step
        )
        self.max_wait_before_commit = check_seconds(
            max_wait_before_commit or 5, "max_wait_before_commit", step
        )
        self.explicit_ack = explicit_ack


class SyncEmitSource(EmitSource):
    """Where events enter a flow from code without an event loop.

    A flow without `async` steps takes each event through before `emit` returns; otherwise the flow
    has a thread with an event loop. Arguments and errors as for `EmitSource`.

    >>> from mlrun_like.serving.steps.maps import Map
    >>> from mlrun_like.serving.steps.ending import Reduce
    >>> from mlrun_like.serving.stream_flow.build import build_flow
    >>> add = Reduce(0, lambda total, body: total + body)
    >>> controller = build_flow([SyncEmitSource(), Map(lambda body: body + 1), add]).run()
    >>> for number in range(3):
    ...     _ = controller.emit(number)
    >>> controller.terminate(wait=True)
    6
    """

    def run(self) -> FlowController:
        """Start the flow.

        Raises:
            GraphError: naming every mistake of the flow.
        """
        flow = Flow(self)
        feeder: Feeder = LoopThread(flow, self.buffer_size) if flow.is_async else DirectFeeder(flow)
        return FlowController(feeder, self.key_field, flow.track_with(committer_of(self)))


class AsyncEmitSource(EmitSource):
    """Where events enter a flow from code in an event loop; `emit` is awaited.

    Arguments and errors as for `EmitSource`.

    >>> import asyncio
    >>> from mlrun_like.serving.steps.ending import Complete
    >>> from mlrun_like.serving.stream_flow.build import build_flow
    >>> async def main():
    ...     controller = build_flow([AsyncEmitSource(), Complete()]).run()
    ...     result = await controller.emit(5)
    ...     await controller.terminate(wait=True)
    ...     return result
    >>> asyncio.run(main())
    5
    """

    def run(self) -> AsyncFlowController:
        """Start the flow in the running loop.

        Raises:
            GraphError: naming every mistake of the flow.
            RuntimeError: if there is no running loop.
        """
        flow = Flow(self, in_loop=True)
        feeder = LoopFeeder(flow, self.buffer_size) if flow.is_async else DirectFeeder(flow)
        return AsyncFlowController(feeder, self.key_field, flow.track_with(committer_of(self)))
