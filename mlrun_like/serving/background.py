"""The threads, loops and timers of one server: everything that does not happen in a caller."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import StepTimeoutError
from mlrun_like.serving.event import Event
from mlrun_like.serving.passing import Way, fan_async, fan_sync

if TYPE_CHECKING:
    from mlrun_like.serving.plan import Plan

__all__ = ["Background"]

OnError = Callable[[BaseException, Event], None]

_FINISHED = object()


class Background:
    """What a server needs beside the threads of its callers; made when first needed."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._own_loop: asyncio.AbstractEventLoop | None = None
        self._serving_loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def threads(self) -> ThreadPoolExecutor:
        """The threads for steps that block."""
        with self._lock:
            if self._threads is None:
                count = max(1, config.serving_threads)
                self._threads = ThreadPoolExecutor(count, thread_name_prefix="graph-step")
            return self._threads

    def loop(self) -> asyncio.AbstractEventLoop:
        """A loop of our own: the caller may already be inside one (a notebook)."""
        with self._lock:
            if self._own_loop is None:
                self._own_loop = asyncio.new_event_loop()
                threading.Thread(
                    target=_run_loop, args=(self._own_loop,), name="graph-loop", daemon=True
                ).start()
            return self._own_loop

    def serve_on(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send what the clock emits through this loop, the one that answers requests."""
        self._serving_loop = loop

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do `async` work in the own loop, and wait for it in this thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop()).result()

    def iterate(self, values: AsyncIterator[Any]) -> Iterator[Any]:
        """The values of an `async` iterator, one at a time, in this thread."""

        async def following() -> Any:
            return await anext(values, _FINISHED)

        try:
            while (value := self.wait(following())) is not _FINISHED:
                yield value
        finally:
            aclose = getattr(values, "aclose", None)
            if aclose is not None:
                self.wait(aclose())

    async def in_time(self, plan: Plan, event: Event) -> Any:
        """Take an event through a plan, but only until its deadline.

        Raises:
            StepTimeoutError: when the deadline passes.
        """
        task = asyncio.ensure_future(plan.run_async(event))
        try:
            done, _ = await asyncio.wait((task,), timeout=event.remaining())
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            return task.result()
        task.cancel()
        raise StepTimeoutError(
            "the graph took longer than the caller waits",
            where=f"event {event.id}",
            fix="give it more time, or find the slow step in the metrics",
            event_id=str(event.id),
        )

    # Events without a caller -----------------------------------------------------------------

    def run(self, ways: Sequence[Way], event: Event, on_error: OnError) -> None:
        """Take an event on, now."""
        try:
            fan_sync(ways, event, True)
        except Exception as exc:  # noqa: BLE001  nobody waits for it: it is reported instead
            on_error(exc, event)

    def start(self, ways: Sequence[Way], event: Event, on_error: OnError) -> None:
        """Take an event on in the running loop, beside its other work."""

        async def work() -> None:
            try:
                await fan_async(ways, event, True)
            except Exception as exc:  # noqa: BLE001  nobody waits for it: it is reported instead
                on_error(exc, event)

        self._keep(asyncio.get_running_loop().create_task(work()))

    def connect(self, plan: Plan, on_error: OnError) -> None:
        """Give steps that act by the clock their way to the steps after them."""
        for name, step in plan.holding():
            if step.kind == "many":
                step.connect(self._emitter(plan, name, on_error))

    def _emitter(self, plan: Plan, name: str, on_error: OnError) -> Callable[[Event], None]:
        def emit(event: Event) -> None:
            loop = self._serving_loop
            if loop is None and not plan.is_async:
                try:
                    plan.emitter(name, is_async=False)(event)
                except Exception as exc:  # noqa: BLE001  nobody waits for it
                    on_error(exc, event)
                return

            async def work() -> None:
                try:
                    await plan.emitter(name, is_async=True)(event)
                except Exception as exc:  # noqa: BLE001  nobody waits for it
                    on_error(exc, event)

            target = loop or self.loop()
            future = asyncio.run_coroutine_threadsafe(work(), target)
            if target is self._own_loop and threading.current_thread().name != "graph-loop":
                future.result()

        return emit

    def finish(self, plan: Plan) -> Any:
        """Send on what steps hold, in the order of the flow; returns the flow's result."""
        self.wait_for_tasks()
        result = None
        for name, step in plan.holding():
            for event in list(step.flush()):
                found = plan.emitter(name, is_async=plan.is_async)(event)
                if plan.is_async:
                    self.wait(found)
            self.wait_for_tasks()
            found = step.result()
            result = found if found is not None else result
        for _, step in plan.holding():
            step.close()
        return result

    def wait_for_tasks(self) -> None:
        """Wait for background work in the own loop."""
        if self._own_loop is not None and self._tasks:
            self.wait(_all(self._tasks))

    def close(self) -> None:
        """End the threads; calling it twice is harmless."""
        with self._lock:
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
                self._threads = None
            if self._own_loop is not None:
                self._own_loop.call_soon_threadsafe(self._own_loop.stop)
                self._own_loop = None

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _all(tasks: set[asyncio.Task[Any]]) -> None:
    loop = asyncio.get_running_loop()
    own = [task for task in tasks if task.get_loop() is loop]
    if own:
        await asyncio.wait(own)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    with contextlib.closing(loop):
        loop.run_forever()
