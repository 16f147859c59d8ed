"""The threads, loops and timers of one server: everything that does not happen in a caller."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import StepError, StepTimeoutError
from mlrun_like.serving.engine.deadline import DEADLINE
from mlrun_like.serving.engine.own_loop import OwnLoop
from mlrun_like.serving.engine.passing import Way, first_of
from mlrun_like.serving.engine.workers import Workers
from mlrun_like.serving.event import Event

if TYPE_CHECKING:
    from mlrun_like.serving.engine.plan import Plan

__all__ = ["Background"]

OnError = Callable[[BaseException, Event], None]

_FINISHED = object()


class Background:
    """What a server needs beside the threads of its callers; made when first needed."""

    def __init__(self) -> None:
        self._threads: Workers | None = None
        self._own = OwnLoop()
        self._serving_loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def threads(self) -> Workers:
        """The threads for steps that block."""
        with self._lock:
            if self._threads is None:
                self._threads = Workers(max(1, config.serving_threads), "graph-step")
            return self._threads

    def serve_on(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send what the clock emits through this loop, the one that answers requests."""
        self._serving_loop = loop

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do `async` work in the own loop, and wait for it in this thread."""
        return self._own.wait(work)

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
        task.add_done_callback(_looked_at)
        try:
            done, _ = await asyncio.wait((task,), timeout=event.remaining())
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))  # it must have ended, not only be told to
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

    def run(self, plan: Plan, ways: Sequence[Way], event: Event, on_error: OnError) -> None:
        """Take an event on, now."""
        before = DEADLINE.set(None)  # nobody waits for it
        try:
            plan.carry(ways, event)
        except Exception as exc:  # noqa: BLE001  nobody waits for it: it is reported instead
            on_error(exc, event)
        finally:
            DEADLINE.reset(before)

    def start(self, plan: Plan, ways: Sequence[Way], event: Event, on_error: OnError) -> None:
        """Take an event on in the running loop, beside its other work."""
        work = self._alone(plan, ways, event, on_error)
        self._keep(asyncio.get_running_loop().create_task(work))

    async def _alone(
        self, plan: Plan, ways: Sequence[Way], event: Event, on_error: OnError
    ) -> None:
        DEADLINE.set(None)  # of this task: nobody waits for it
        try:
            await plan.carry_async(ways, event)
        except (Exception, SystemExit) as exc:  # noqa: BLE001  nobody waits for it: it is reported
            on_error(exc, event)
        except asyncio.CancelledError:
            on_error(_stopped(event), event)
            raise

    def connect(self, plan: Plan, on_error: OnError) -> None:
        """Give steps that act by the clock their way to the steps after them."""
        for name, step in plan.holding():
            if step.kind == "many":
                step.connect(self._emitter(plan, name, on_error))

    def _emitter(self, plan: Plan, name: str, on_error: OnError) -> Callable[[Event], None]:
        def emit(event: Event) -> None:
            serving = self._serving_loop
            if serving is None and not plan.is_async:
                self.run(plan, plan.ways_after(name, is_async=False), event, on_error)
                return
            ways = plan.ways_after(name, is_async=True)
            work = self._alone(plan, ways, event, on_error)
            if serving is not None and self._send(serving, work):
                return
            if self._own.runs_here():
                self._keep(asyncio.get_running_loop().create_task(work))
            else:
                self.wait(work)

        return emit

    def _send(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> bool:
        """Start work in a loop of another thread; False: that loop has ended."""

        def start() -> None:
            self._keep(loop.create_task(work))

        try:
            loop.call_soon_threadsafe(start)
        except RuntimeError:
            return False
        return True

    def finish(self, plan: Plan) -> Any:
        """Send on what steps hold, in the order of the flow; returns the flow's result.

        Raises:
            Exception: the first error of a step; the others were sent on and closed all the same.
        """
        self.wait_for_tasks()
        result = None
        errors: list[Exception] = []
        for name, step in plan.holding():
            try:
                with step.lock:
                    held = list(step.flush())
            except Exception as exc:  # noqa: BLE001  the other steps hold events too
                errors.append(exc)
                continue
            for event in held:
                try:
                    self._carry(plan, name, event)
                except Exception as exc:  # noqa: BLE001  raised below
                    errors.append(exc)
            self.wait_for_tasks()
            found = step.result()
            result = found if found is not None else result
        for _, step in plan.holding():
            try:
                step.close()
            except Exception as exc:  # noqa: BLE001  the other steps must be closed too
                errors.append(exc)
        if errors:
            raise first_of(errors)
        return result

    def _carry(self, plan: Plan, name: str, event: Event) -> None:
        ways = plan.ways_after(name, is_async=plan.is_async)
        if plan.is_async:
            self.wait(plan.carry_async(ways, event))
        else:
            plan.carry(ways, event)

    def wait_for_tasks(self) -> None:
        """Wait for background work, in whichever loop it goes on.

        Work in a loop that runs in this very thread cannot be waited for.
        """
        loops = {task.get_loop() for task in list(self._tasks)}
        if self._serving_loop is not None:
            loops.add(self._serving_loop)
        for loop in loops:
            if self._own.has(loop):
                self.wait(self._all())
            elif loop.is_running() and loop is not _running_loop():
                work = self._all()
                try:
                    asyncio.run_coroutine_threadsafe(work, loop).result()
                except RuntimeError:  # it has ended meanwhile
                    work.close()

    async def _all(self) -> None:
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        while left := [t for t in list(self._tasks) if t.get_loop() is loop and t is not own]:
            await asyncio.wait(left)

    def close(self) -> None:
        """End the threads; calling it twice is harmless."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
        self._own.close()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _looked_at(task: asyncio.Future[Any]) -> None:
    """What a graph raises after the caller has left is nobody's concern."""
    if not task.cancelled():
        task.exception()


def _stopped(event: Event) -> StepError:
    return StepError(
        "the steps after the answer were stopped: their event loop ended before them",
        where=f"event {event.id}",
        fix="await asyncio.to_thread(server.wait_for_completion) before the loop ends",
        event_id=str(event.id),
    )
