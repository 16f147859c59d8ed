"""An event loop for callers that have none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any

from mlrun_like.errors import StepError

__all__ = ["OwnLoop"]

_JOIN = 2.0  # seconds that `close` waits for the loop's thread: a step may hold it up

_here = threading.local()
_inherited: list[_State] = []
"""Loops of the process that we were forked from: closing one would take the parent's wake-up."""


class OwnLoop:
    """A loop that the waiting caller runs, as far as possible: no other thread has to wake up.

    It moves to a thread of its own, for good, as soon as two callers wait at the same time, the
    caller has a running loop (a notebook), or something of a step goes on after the answer.

    >>> async def answer():
    ...     return 42
    >>> loop = OwnLoop()
    >>> loop.wait(answer())
    42
    >>> loop.close()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: _State | None = None

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do `async` work in the loop, and wait for it in this thread.

        Raises:
            StepError: if the loop is closed meanwhile.
        """
        if self.runs_here():  # inside such a loop: it must not wait for another one
            return _apart(work)
        with self._lock:
            state = self._opened()
            mine = state.thread is None and not state.driven and not _loop_runs_here()
            if mine:
                state.driven = True
            else:
                state.shared = True
                state.move()
                future = asyncio.run_coroutine_threadsafe(work, state.loop)
        try:
            return state.drive(work, self._lock) if mine else _result(future)
        except (asyncio.CancelledError, CancelledError) as exc:
            if not state.closing:
                raise CancelledError("a step was cancelled") from exc
            raise StepError(
                "the server was closed while the event was under way",
                fix="close it when all callers have their answers",
                status=503,
            ) from exc

    def runs_here(self) -> bool:
        """Whether this thread is inside of it, or of a like one, and so cannot wait for it."""
        return bool(getattr(_here, "runs", False))

    def has(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether that is this loop."""
        return self._state is not None and self._state.loop is loop

    def close(self) -> None:
        """End what goes on in the loop, and the loop; a later caller gets a new one."""
        with self._lock:
            state, self._state = self._state, None
            if state is None or state.process != os.getpid():
                return
            state.closing = True
            state.end.detach()
            thread = state.thread
            idle = thread is None and not state.driven
            if idle and _loop_runs_here():  # two loops cannot run in one thread
                thread = state.move()
        if idle and thread is None:
            state.finish()
            return
        with contextlib.suppress(RuntimeError):  # the one who runs it was quicker
            state.loop.call_soon_threadsafe(state.cancel)
        if thread is not None and not self.runs_here():
            thread.join(_JOIN)

    def _opened(self) -> _State:
        state = self._state
        if state is not None and state.process != os.getpid():
            _inherited.append(state)
            state.end.detach()
            state = None
        if state is None:
            state = self._state = _State()
            state.end = weakref.finalize(self, _abandon, state)
        return state


class _State:
    """The loop itself, which knows nothing of the one who has it."""

    end: weakref.finalize[Any, Any]

    def __init__(self) -> None:
        self.process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.loop.set_task_factory(self._make_task)
        self.tasks = 0
        self.driven = False
        """Whether a caller's thread runs it now."""
        self.shared = not isinstance(self.loop, asyncio.BaseEventLoop)
        """Whether it is to have a thread of its own."""
        self.thread: threading.Thread | None = None
        self.closing = False
        self._forever = self._ending = False

    def _make_task(self, loop: Any, work: Any, **options: Any) -> asyncio.Task[Any]:
        self.tasks += 1
        return asyncio.Task(work, loop=loop, **options)

    def move(self) -> threading.Thread | None:
        """Give the loop its thread, unless a caller runs it: then that one does it at its end."""
        if self.thread is None and not self.driven:
            self.thread = threading.Thread(target=self._run, name="graph-loop", daemon=True)
            self.thread.start()
        return self.thread

    def drive(self, work: Coroutine[Any, Any, Any], lock: threading.Lock) -> Any:
        """Run the loop in this thread until the work is done."""
        _here.runs = True
        self.tasks = 0
        task = self.loop.create_task(work)
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            if not task.done():  # the caller was interrupted
                task.cancel()
                self.loop.run_until_complete(asyncio.wait((task,)))
            raise
        finally:
            _here.runs = False
            with lock:
                self.driven = False
                closing = self.closing  # else the one who closes it later also finishes it
                if not closing and (self.shared or self._goes_on()):
                    self.shared = True
                    self.move()
            if closing:
                self.finish()

    def _goes_on(self) -> bool:
        """Whether something is left to do in the loop: tasks, timers, callbacks."""
        loop: Any = self.loop
        return (
            bool(loop._ready)
            or any(not timer.cancelled() for timer in loop._scheduled)
            or (self.tasks > 1 and bool(asyncio.all_tasks(loop)))
        )

    def cancel(self) -> None:
        """End everything; called in the loop."""
        if self._ending:
            return
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        if self._forever:
            self.loop.stop()

    def finish(self) -> None:
        """Wait for what was cancelled, and close the loop, which runs no more."""
        self._ending = True  # a call of `cancel` may still be due
        try:
            self.loop.run_until_complete(asyncio.sleep(0))  # what was sent becomes tasks
            while left := asyncio.all_tasks(self.loop):
                for task in left:
                    task.cancel()
                self.loop.run_until_complete(asyncio.wait(left))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()

    def _run(self) -> None:
        _here.runs = True
        self._forever = True
        while not self.closing:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # of a step: its caller gets it from the task
                continue
            break
        self._forever = False
        self.finish()


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BaseException:  # the caller was interrupted; else it is done anyhow
        future.cancel()
        raise


def _abandon(state: _State) -> None:
    """The server is gone, though nobody closed it."""
    if state.process != os.getpid():
        _inherited.append(state)
        return
    state.closing = True
    if state.thread is None:
        state.loop.close()
    else:
        state.loop.call_soon_threadsafe(state.cancel)


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Do the work in a loop that is only there for it."""
    found: list[Any] = []
    errors: list[BaseException] = []

    async def whole() -> None:
        found.append(await work)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:  # steps after the answer
            await asyncio.wait(rest)

    def run() -> None:
        _here.runs = True
        try:
            asyncio.run(whole())
        except BaseException as exc:  # noqa: BLE001  raised in the caller's thread
            errors.append(exc)

    thread = threading.Thread(target=run, name="graph-nested", daemon=True)
    thread.start()
    thread.join()
    if errors:
        with contextlib.suppress(IndexError):
            raise errors.pop()
    return found[0]
