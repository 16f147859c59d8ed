"""A compiled flow and its state: what failed, what it gives at its end, who still waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.ending import Complete
from mlrun_like.serving.steps.sending import SendingStep
from mlrun_like.serving.stream_flow.cycles import Cycles
from mlrun_like.serving.stream_flow.offsets import OffsetCommitter
from mlrun_like.serving.stream_flow.reach import below, ordered, reachable
from mlrun_like.serving.stream_flow.results import Awaited, raised_again
from mlrun_like.serving.stream_flow.translate import SOURCE, compile_flow

__all__ = ["ENDED", "Flow", "Send", "end_value"]

_THREADS = 16

Send = Callable[[Event], Any]


ENDED = "Cannot emit to a terminated flow"


class Flow:
    """A compiled flow.

    Args:
        source: The first step.
        in_loop: Whether an event loop runs it, which steps that block must not hold up.

    Raises:
        GraphError: naming every mistake of the flow.
    """

    def __init__(self, source: FlowStep, in_loop: bool = False) -> None:
        self.source = source
        self.steps = reachable(source)
        self.lock = threading.RLock()
        for step in self.steps:
            step.begin()
            step.lock = self.lock
        self._pool: ThreadPoolExecutor | None = None
        self.plan, self.is_async = compile_flow(source, self._threads, in_loop)
        for step in self.steps:
            step.turn = nullcontext() if self.is_async else self.lock
        self.send: Send = self.plan.emitter(SOURCE, is_async=self.is_async)
        self.has_complete = any(isinstance(step, Complete) for step in self.steps)
        self.cycles = Cycles(source, below)
        self.answers_later = any(
            step.collects or isinstance(step, SendingStep) or self.cycles.holds(step)
            for step in self.steps
        )
        self.error: BaseException | None = None
        self.result: Any = None
        self.ended = threading.Event()
        self.closed = False
        self._committer: OffsetCommitter | None = None
        self._waiting: list[Awaited] = []
        self._most_waiting = 64

    def connect(self, emit: Callable[[Send, Event], None]) -> None:
        """Give steps that act by the clock their way to their followers."""
        for name, step in self.plan.holding():
            if step.kind == "many":  # others hold nothing
                send = self.plan.emitter(name, is_async=self.is_async)
                step.connect(_emitter(emit, send))

    def track_with(self, committer: OffsetCommitter | None) -> Callable[[Event], None] | None:
        """Commit offsets of events; gives what each event must be shown to, if anything."""
        self._committer = committer
        return None if committer is None else committer.track

    def held(self) -> Iterator[tuple[Send, Event]]:
        """What steps hold at the end, in the order of the flow, and where it goes on."""
        for name, step in self.plan.holding():
            yield from self.held_by(name, step)

    def held_by(self, name: str, step: Step) -> Iterator[tuple[Send, Event]]:
        """The same for one step."""
        for event in list(step.flush()):
            yield self.plan.emitter(name, is_async=self.is_async), event

    def passed(self, event: Event) -> None:
        """An event has gone all its way: there will be no more results, unless steps hold it."""
        awaited = getattr(event, "_awaitable_result", None)
        if awaited is None:
            return
        if not self.answers_later:
            awaited.end()
            return
        self._waiting.append(awaited)
        if len(self._waiting) > self._most_waiting:
            self._waiting = [item for item in self._waiting if not item.is_answered()]
            self._most_waiting = 2 * len(self._waiting) + 64

    def fail(self, error: BaseException, event: Event | None = None) -> None:
        """Keep the first error, and tell who waits for the event."""
        if self.error is None:
            self.error = error
        _tell(event, error)

    def raise_error(self) -> None:
        """Raise what made the flow stop.

        Raises:
            Exception: what a step raised.
        """
        if self.error is not None:
            raise raised_again(self.error)

    def refuse(self, event: Event) -> None:
        """Refuse an event that comes after the end, though it was emitted before.

        Raises:
            InvalidArgumentError: if the flow has ended without an error.
        """
        error = self.error or InvalidArgumentError(ENDED)
        _tell(event, error)
        if self.error is None:
            raise error

    async def settle(self) -> None:
        """Wait for what closing the flow has started in the running loop."""
        if self._committer is not None:
            await self._committer.settle()

    def close(self, ended: bool = True) -> None:
        """End the flow: take its result, close its steps, let go who still waits.

        Args:
            ended: Whether to tell who waits for the end; else that is left to the caller.
        """
        if self.closed:
            return
        self.closed = True
        try:
            if self.error is None:
                self.result = end_value(self.source, _inlets(self.steps, self.cycles), self.cycles)
        except Exception as exc:  # noqa: BLE001  raised where the flow is awaited
            self.fail(exc)
        for step in self.steps:
            try:
                step.close()
            except Exception as exc:  # noqa: BLE001  the other steps must be closed too
                self.fail(exc)
        for awaited in self._waiting:
            if self.error is not None:
                awaited.fail(self.error)
            awaited.end()
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        if self._committer is not None:
            self._committer.commit_all() if self.error is None else self._committer.commit_done()
        if ended:
            self.ended.set()

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="flow-step")
        return self._pool


def end_value(step: FlowStep, missing: dict[int, int], cycles: Cycles) -> Any:
    """The value of the flow from a step on, once all ways to it have ended.

    Args:
        step: The step.
        missing: How many ways to each step have not ended; changed here.
        cycles: Which ways lead back, and so never end.
    """
    if step.ends or not step.outlets:
        return step.result()
    value: Any = None
    for number, outlet in enumerate(_onward(step, cycles)):
        missing[id(outlet)] -= 1
        if missing[id(outlet)]:
            continue
        found = end_value(outlet, missing, cycles)
        value = step.termination_result_fn(value, found) if number else found
    return value


def _tell(event: Event | None, error: BaseException) -> None:
    awaited = getattr(event, "_awaitable_result", None)
    if awaited is not None:
        awaited.fail(error)


def _onward(step: FlowStep, cycles: Cycles) -> list[FlowStep]:
    return [outlet for outlet in ordered(step) if not cycles.is_back(step, outlet)]


def _inlets(steps: list[FlowStep], cycles: Cycles) -> dict[int, int]:
    counts: dict[int, int] = {}
    for step in steps:
        for outlet in _onward(step, cycles):
            counts[id(outlet)] = counts.get(id(outlet), 0) + 1
    return counts


def _emitter(emit: Callable[[Send, Event], None], send: Send) -> Callable[[Event], None]:
    return lambda event: emit(send, event)
