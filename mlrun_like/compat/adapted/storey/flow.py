"""storey.Flow: steps of one's own, which define `async _do(event)` and call `_do_downstream`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.base import FlowStep, reader, writer
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.concurrent import ConcurrentStep
from mlrun_like.serving.steps.sending import SendingStep

__all__ = [
    "TERMINATION",
    "Batching",
    "ConcurrentJobExecution",
    "Flow",
    "StreamingStep",
    "is_generator",
]


class _Termination:
    def __repr__(self) -> str:
        return "termination"


TERMINATION: Any = _Termination()
"""What `_do` receives after the last event."""


class _AnyStep(type(SendingStep)):  # type: ignore[misc]  # the metaclass of steps
    """Every step is a Flow, as in storey, though few are made by it."""

    def __instancecheck__(cls, instance: object) -> bool:
        found = FlowStep if cls is Flow else cls
        return type.__instancecheck__(found, instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return type.__subclasscheck__(FlowStep if cls is Flow else cls, subclass)


class _Hooks:
    """What storey's steps call themselves by."""

    def begin(self) -> None:
        super().begin()  # type: ignore[misc]
        self._closeables: list[Any] = []
        self._init()

    def _init(self) -> None:
        """Called before each run."""

    @property
    def _full_event(self) -> bool:
        return bool(self.full_event)  # type: ignore[attr-defined]

    @property
    def logger(self) -> Any:
        """The logger of the context, or None."""
        return getattr(self.context, "logger", None)  # type: ignore[attr-defined]

    @property
    def verbose(self) -> bool:
        """Whether the context wants much to be told."""
        return bool(getattr(self.context, "verbose", False))  # type: ignore[attr-defined]

    def _get_event_or_body(self, event: Any) -> Any:
        """What a function of the step receives of an event."""
        read = reader(self.full_event, self.input_path)  # type: ignore[attr-defined]
        return read(event)

    def _user_fn_output_to_event(self, event: Any, fn_result: Any) -> Any:
        """The event with what such a function gave."""
        write = writer(self.full_event, self.result_path)  # type: ignore[attr-defined]
        return write(event, fn_result)

    async def _do_downstream(self, event: Any, **options: Any) -> Any:
        if event is not TERMINATION:  # the flow itself tells the others
            await self.send(event)  # type: ignore[attr-defined]


class Flow(_Hooks, SendingStep, metaclass=_AnyStep):
    """Base of own steps.

    `_do(event)` receives each event, and after the last one `storey.dtypes._termination_obj`.
    `_do_downstream(event)` sends an event to the next steps. `_init()` is called before each run.

    Args:
        options: The arguments that all steps share.

    >>> class Same(Flow):
    ...     async def _do(self, event):
    ...         return await self._do_downstream(event)
    >>> [event.body for event in asyncio.run(Same().process(Event(1)))]
    [1]
    """

    async def _do(self, event: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _do(self, event)")

    async def handle(self, event: Event) -> None:
        await self._do(event)

    async def finish(self) -> Any:
        return await self._do(TERMINATION)


class ConcurrentJobExecution(_Hooks, ConcurrentStep):
    """storey's base of steps with `_process_event(event)` and `_handle_completed(event, response)`.

    Args:
        max_in_flight: How many events are worked on at most.
        retries: How often one is tried again.
        backoff_factor: Seconds before the first of these tries.
        options: The arguments that all steps share.
    """

    async def _lazy_init(self) -> None:
        """Called before the first event."""

    async def _process_event(self, event: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _process_event(self, event)")

    async def _handle_completed(self, event: Any, response: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _handle_completed")

    async def _cleanup(self) -> None:
        """Called after the last event."""

    async def open(self) -> None:
        await self._lazy_init()

    async def work(self, event: Event) -> Any:
        return await self._process_event(event)

    async def completed(self, event: Event, result: Any) -> None:
        await self._handle_completed(event, result)

    async def shut(self) -> None:
        await self._cleanup()


ConcurrentJobExecution.__module__ = "storey.flow"  # in documents
ConcurrentJobExecution.__name__ = ConcurrentJobExecution.__qualname__ = "_ConcurrentJobExecution"


class Batching(_Hooks, SendingStep):
    """storey's base of steps that do something with batches: `async _emit(batch, ...)`.

    Args:
        max_events: The most bodies in a batch; None: no limit.
        flush_after_seconds: How long the first body of a batch waits at most; None: no limit.
        key_field: Makes a batch for each value of this; see `Batch`.
        drop_key_field: Whether the field is removed from the body.
        options: The arguments that all steps share.

    Raises:
        InvalidArgumentError: if a limit cannot be used.
    """

    def __init__(
        self,
        max_events: int | None = None,
        flush_after_seconds: float | None = None,
        key_field: Any = None,
        drop_key_field: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        full = bool(options.get("full_event"))
        self._batches = Batch(
            max_events, None, key_field, drop_key_field, name=self.name, full_event=full
        )
        self._flush_after_seconds = flush_after_seconds
        Batch(flush_after_seconds=flush_after_seconds or None)  # checks it
        self._timers: dict[Any, asyncio.Task[None]] = {}

    @property
    def _batch_events(self) -> dict[Any, list[Any]]:
        """What waits, by key."""
        return self._batches.held

    def begin(self) -> None:
        self._batches.begin()
        self._timers = {}
        super().begin()

    async def _emit(
        self,
        batch: Sequence[Any],
        batch_key: Any,
        batch_time: Any,
        batch_events: Sequence[Any],
        last_event_time: Any = None,
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _emit(self, batch, ...)")

    async def _terminate(self) -> None:
        """Called after the last batch."""

    async def handle(self, event: Event) -> None:
        full = list(self._batches.process(event))
        for batch in full:
            await self._give(batch)
        seconds = self._flush_after_seconds
        if full or seconds is None:
            return
        for key in self._batches.held:
            if key not in self._timers:
                self._timers[key] = asyncio.create_task(self._give_later(key, seconds))

    async def _give_later(self, key: Any, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._timers.pop(key, None)
        if key in self._batches.held:
            batch = self._batches.take(key)
            try:
                await self._give(batch)
            except Exception as exc:  # noqa: BLE001  the boundary of a user's step
                if self.logger is not None:
                    self.logger.error(f"{self.name} failed to emit a batch: {exc}")

    async def _give(self, batch: Any) -> None:
        timer = self._timers.pop(batch.batch_key, None)
        if timer is not None and timer is not asyncio.current_task():
            timer.cancel()
        first = batch.originals[0].time
        await self._emit(batch.body, batch.batch_key, first, batch.originals, batch.time)

    async def _emit_all(self) -> None:
        for batch in self._batches.flush():
            await self._give(batch)

    async def finish(self) -> Any:
        await self._emit_all()
        await self._terminate()


def is_generator(value: Any) -> bool:
    """Whether a value is a generator of either kind.

    >>> is_generator(value for value in "ab")
    True
    """
    return inspect.isgenerator(value) or inspect.isasyncgen(value)


class StreamingStep:
    """Mixed into steps that stream; ours do without."""

    _is_generator = staticmethod(is_generator)
