"""How events get into a flow, one at a time and in their order: directly, or through a loop."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
from collections import deque
from typing import Protocol

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.stream_flow.flow_state import Flow, Send
from mlrun_like.serving.stream_flow.sending import SendingNode

__all__ = ["DirectFeeder", "Feeder", "LoopFeeder", "LoopThread"]


class Feeder(Protocol):
    """Takes events into a flow."""

    flow: Flow

    def feed(self, event: Event) -> None:
        """Take an event in; failures stop the flow and are kept in it."""

    def finish(self) -> None:
        """End the flow after the events that are in it; harmless if it has ended."""


class DirectFeeder:
    """Takes each event through the flow in the caller's thread, before it returns.

    Args:
        flow: A flow without `async` steps.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._lock = flow.lock
        self._send = flow.send
        self._busy = False
        self._pending: deque[tuple[Send, Event]] = deque()
        self._answers = flow.has_complete
        flow.connect(self._run)

    def feed(self, event: Event) -> None:
        self._run(self._send, event)

    def _run(self, send: Send, event: Event) -> None:
        with self._lock:
            if self._busy:  # a step emits into its own flow: its event comes after this one
                self._pending.append((send, event))
                return
            self._busy = True
            try:
                self._pass(send, event)
                while self._pending:
                    self._pass(*self._pending.popleft())
            finally:
                self._busy = False

    def _pass(self, send: Send, event: Event) -> None:
        flow = self.flow
        if flow.error is not None or flow.closed:
            flow.refuse(event)
            return
        try:
            send(event)
        except Exception as exc:  # noqa: BLE001  kept, and raised to who awaits
            flow.fail(exc, event)
            flow.close()
        if self._answers:
            flow.passed(event)

    async def wait_ended(self) -> None:
        """Wait in an event loop until the flow has ended."""
        if not self.flow.ended.is_set():
            await asyncio.get_running_loop().run_in_executor(None, self.flow.ended.wait)
        await self.flow.settle()

    def finish(self) -> None:
        flow = self.flow
        with self._lock:
            if flow.ended.is_set():
                return
            try:
                for send, event in flow.held():
                    self._run(send, event)
            except Exception as exc:  # noqa: BLE001  a flush failed; raised to who awaits
                flow.fail(exc)
            flow.close()


class LoopFeeder:
    """Takes events through the flow in an event loop, from a queue.

    Args:
        flow: The flow.
        buffer_size: How many events may wait.
    """

    def __init__(self, flow: Flow, buffer_size: int) -> None:
        self.flow = flow
        self.space = asyncio.Semaphore(buffer_size)
        self._queue: deque[tuple[Send, Event, bool]] = deque()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._ending = False
        self._sleeps = False
        self._entering = 0
        self.free = self.space.release
        flow.connect(self._emitted)
        self.task = self._loop.create_task(self._work(), name="flow")

    async def enter(self, event: Event) -> None:
        """Put an event at the end of the queue, as soon as there is space.

        Raises:
            Exception: what made the flow stop in the meantime.
        """
        self._entering += 1  # the flow does not end before all have entered
        try:
            await self.space.acquire()
            if self.flow.error is not None:
                self.space.release()  # for the others that wait, who then get the error too
                self.flow.raise_error()
            self.push(event)
        finally:
            self._entering -= 1
            self._rouse()

    def push(self, event: Event) -> None:
        """Put an event at the end of the queue; from any thread."""
        self._queue.append((self.flow.send, event, True))
        self._rouse()

    def _emitted(self, send: Send, event: Event) -> None:
        # before what waits: a step let it go, and what waits would overtake it
        self._queue.appendleft((send, event, False))
        self._rouse()

    def _rouse(self) -> None:
        if not self._sleeps:
            return
        if threading.get_ident() == self._thread:
            self._wake.set()
        else:
            self._wake_from_afar()

    def end(self) -> None:
        """End the flow after the events in the queue; from any thread."""
        self._ending = True
        self._wake_from_afar()

    def _wake_from_afar(self) -> None:
        with contextlib.suppress(RuntimeError):  # the flow and its loop have just ended
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _work(self) -> None:
        flow = self.flow
        try:
            while True:
                await self._empty()
                if (self._ending and not self._entering) or flow.error is not None:
                    break
                self._sleeps = True
                if not self._queue:
                    await self._wake.wait()
                self._sleeps = False
                self._wake.clear()
            await self._flush()
        except asyncio.CancelledError as exc:
            flow.fail(exc)
            raise
        finally:
            flow.close(ended=False)
            self.drain()
            await flow.settle()
            flow.ended.set()

    def drain(self) -> None:
        """Refuse what is in the queue: the flow has ended."""
        while self._queue:
            _, event, waits = self._queue.popleft()
            if waits:
                self.free()
            with contextlib.suppress(InvalidArgumentError):  # who waits for the event has it
                self.flow.refuse(event)

    async def wait_ended(self) -> None:
        """Wait until the flow has ended."""
        await asyncio.wait((self.task,))

    async def _empty(self) -> None:
        while self._queue and self.flow.error is None:
            await self._take()

    async def _take(self) -> None:
        send, event, waits = self._queue.popleft()
        if waits:
            self.free()
        try:
            found = send(event)
            if self.flow.is_async:
                await found
        except asyncio.CancelledError as exc:
            self.flow.fail(exc, event)
            raise
        except Exception as exc:  # noqa: BLE001  kept, and raised to who awaits
            self.flow.fail(exc, event)
        self.flow.passed(event)

    async def _flush(self) -> None:
        flow = self.flow
        if flow.error is not None:
            return
        try:
            for name, step in flow.plan.holding():
                if isinstance(step, SendingNode):
                    await step.settle()
                for send, event in flow.held_by(name, step):
                    await self._empty()  # what the clock has sent meanwhile
                    self._queue.append((send, event, False))
                    await self._empty()
                    if flow.error is not None:
                        return
            await self._empty()
        except Exception as exc:  # noqa: BLE001  a flush failed; raised to who awaits
            flow.fail(exc)


class LoopThread:
    """A LoopFeeder in a loop and thread of its own, for callers without a loop.

    Args:
        flow: The flow.
        buffer_size: How many events may wait; then `feed` does.
    """

    def __init__(self, flow: Flow, buffer_size: int) -> None:
        self.flow = flow
        self._space = threading.Semaphore(buffer_size)
        self._buffer_size = buffer_size
        self._started = threading.Event()
        self._feeder: LoopFeeder
        # a daemon, so that a script that fails can end; events that wait are not lost with it
        self._thread = threading.Thread(target=self._main, name="flow", daemon=True)
        self._thread.start()
        self._started.wait()
        atexit.register(self._finish_at_exit)

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._feeder = LoopFeeder(self.flow, self._buffer_size)
        self._feeder.free = self._space.release
        self._started.set()
        await self._feeder.wait_ended()
        atexit.unregister(self._finish_at_exit)

    def _finish_at_exit(self) -> None:
        self.finish()
        self.flow.ended.wait()

    def feed(self, event: Event) -> None:
        self._space.acquire()
        if self.flow.closed:
            self._space.release()
            self.flow.refuse(event)
            return
        self._feeder.push(event)
        if self.flow.ended.is_set():  # meanwhile
            self._feeder.drain()

    def finish(self) -> None:
        if not self.flow.ended.is_set():
            self._feeder.end()
