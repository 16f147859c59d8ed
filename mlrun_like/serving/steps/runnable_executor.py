"""RunnableExecutor: runs runnables in threads, processes or the event loop."""

from __future__ import annotations

import asyncio
import copy
import datetime
import multiprocessing
import os
import traceback
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, StepError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.mechanisms import ParallelExecutionMechanisms
from mlrun_like.serving.steps.runnables import ParallelExecutionRunnable, StreamOutcome

__all__ = ["RunnableExecutor"]

_MOST_PROCESSES = 16
_MOST_THREADS = 32


class RunnableExecutor:
    """Runs runnables, each where it wants to.

    Args:
        max_processes: How many processes there are at most, without the dedicated ones; by default
            one for each CPU.
        max_threads: How many threads; by default 32.
        pool_factor: Processes and threads for each runnable; by default 1.
    """

    def __init__(
        self,
        max_processes: int | None = None,
        max_threads: int | None = None,
        pool_factor: int | None = None,
    ) -> None:
        self.max_processes = max_processes or os.cpu_count() or _MOST_PROCESSES
        self.max_threads = max_threads or _MOST_THREADS
        self.pool_factor = pool_factor or 1
        self.num_processes = 0
        self.num_threads = 0
        self._mp_context = multiprocessing.get_context("spawn")
        self._runnables: dict[str, ParallelExecutionRunnable] = {}
        self._mechanisms: dict[str, str] = {}
        self._loaded: set[int] = set()
        self._own: dict[str, Executor] = {}
        self._pools: dict[str, Executor] = {}
        self._manager: Any = None

    def add_runnable(self, runnable: ParallelExecutionRunnable, execution_mechanism: str) -> None:
        """Add a runnable, which is to be run in this way.

        Raises:
            InvalidArgumentError: if there is one of that name, or no such mechanism.
        """
        ParallelExecutionMechanisms.validate(execution_mechanism)
        if runnable.name in self._runnables:
            raise InvalidArgumentError(
                f"ParallelExecutionRunnable name '{runnable.name}' is not unique"
            )
        self._runnables[runnable.name] = runnable
        self._mechanisms[runnable.name] = str(execution_mechanism)
        if execution_mechanism == ParallelExecutionMechanisms.process_pool:
            self.num_processes += 1
        elif execution_mechanism == ParallelExecutionMechanisms.thread_pool:
            self.num_threads += 1

    def runnable(self, name: str) -> ParallelExecutionRunnable:
        """The runnable of a name.

        Raises:
            InvalidArgumentError: if there is none.
        """
        try:
            return self._runnables[name]
        except KeyError:
            raise InvalidArgumentError(f"{name} does not exist") from None

    def init_runnable(self, runnable: str | ParallelExecutionRunnable) -> None:
        """Load a runnable that was added; once, however many steps share it.

        Raises:
            InvalidArgumentError: if there is none of that name.
        """
        found = self.runnable(runnable) if isinstance(runnable, str) else runnable
        if id(found) in self._loaded:
            return
        found.init()
        self._loaded.add(id(found))
        self._runnables[found.name] = found
        if self._mechanisms[found.name] == ParallelExecutionMechanisms.dedicated_process:
            self._own[found.name] = ProcessPoolExecutor(
                1, mp_context=self._mp_context, initializer=_keep, initargs=(found,)
            )

    def init_executors(self) -> None:
        """Start the pools, for all that was added; harmless if that has been done."""
        threads = min(self.num_threads * self.pool_factor, self.max_threads)
        processes = min(self.num_processes * self.pool_factor, self.max_processes)
        if processes and "process_pool" not in self._pools:
            self._pools["process_pool"] = ProcessPoolExecutor(
                processes, mp_context=self._mp_context
            )
        if threads and "thread_pool" not in self._pools:
            self._pools["thread_pool"] = ThreadPoolExecutor(threads)

    def run_executor(
        self,
        runnable: ParallelExecutionRunnable | str,
        runnables_encountered: set[int],
        event: Event,
        origin_runnable_name: str | None = None,
    ) -> asyncio.Future[Any]:
        """Run a runnable for an event; gives the future of its outcome.

        Args:
            runnable: It, or its name.
            runnables_encountered: The ids of those that the event has had.
            event: The event.
            origin_runnable_name: The name of the runnable that it stands for.

        Raises:
            InvalidArgumentError: if the event has had it, or there is none of that name.
            InvalidTypeError: if it is neither.
        """
        self.init_executors()
        if isinstance(runnable, str):
            runnable = self.runnable(runnable)
        elif not isinstance(runnable, ParallelExecutionRunnable):
            raise InvalidTypeError(
                "Expected a ParallelExecutionRunnable or str, but got: " + type(runnable).__name__
            )
        if id(runnable) in runnables_encountered:
            raise InvalidArgumentError(
                f"select_runnables() returned more than one outlet named '{runnable.name}'"
            )
        mechanism = self._mechanisms[runnable.name]
        loop = asyncio.get_running_loop()
        if mechanism in ParallelExecutionMechanisms.process():
            return self._in_process(runnable, event, origin_runnable_name, loop)
        body = copy.deepcopy(event.body)
        given = (body, event.path, origin_runnable_name)
        if mechanism == ParallelExecutionMechanisms.asyncio:
            return loop.create_task(runnable._run_async(*given))
        if mechanism == ParallelExecutionMechanisms.naive:
            done: asyncio.Future[Any] = loop.create_future()
            done.set_result(runnable._run(*given))
            return done
        return loop.run_in_executor(self._pools[mechanism], runnable._run, *given)

    def _in_process(
        self,
        runnable: ParallelExecutionRunnable,
        event: Event,
        origin: str | None,
        loop: asyncio.AbstractEventLoop,
    ) -> asyncio.Future[Any]:
        executor = self._own.get(runnable.name)
        target = None if executor is not None else runnable
        executor = executor or self._pools["process_pool"]
        given = (target, event.body, event.path, origin)
        if not runnable.is_streaming():
            return loop.run_in_executor(executor, _run_there, *given)
        if self._manager is None:
            self._manager = self._mp_context.Manager()
        values = self._manager.Queue()
        loop.run_in_executor(executor, _stream_there, *given, values)
        began = datetime.datetime.now(datetime.timezone.utc)
        done: asyncio.Future[Any] = loop.create_future()
        done.set_result(StreamOutcome(origin or runnable.name, _values(values), began))
        return done

    def shutdown(self) -> None:
        """End the threads and processes."""
        for executor in (*self._own.values(), *self._pools.values()):
            executor.shutdown(wait=False)
        if self._manager is not None:
            self._manager.shutdown()
        self._own, self._pools, self._manager = {}, {}, None


# In a process of the executor ------------------------------------------------------------------

_kept: ParallelExecutionRunnable | None = None


def _keep(runnable: ParallelExecutionRunnable) -> None:
    global _kept
    _kept = runnable


def _run_there(
    runnable: ParallelExecutionRunnable | None, body: Any, path: str, origin: str | None
) -> Any:
    found = runnable or _kept
    assert found is not None
    return found._run(body, path, origin)


def _stream_there(
    runnable: ParallelExecutionRunnable | None,
    body: Any,
    path: str,
    origin: str | None,
    values: Any,
) -> None:
    try:
        found = _run_there(runnable, body, path, origin)
        for value in found.generator if isinstance(found, StreamOutcome) else (found.data,):
            values.put(("value", value))
        values.put(("end", ""))
    except Exception as exc:  # noqa: BLE001  the boundary of a process
        values.put(("error", f"{type(exc).__name__}: {exc}\n\n{traceback.format_exc()}"))


async def _values(values: Any) -> AsyncIterator[Any]:
    """What `_stream_there` sends from its process."""
    loop = asyncio.get_running_loop()
    while True:
        kind, value = await loop.run_in_executor(None, values.get)
        if kind == "end":
            return
        if kind == "error":
            raise StepError(value)
        yield value
