"""Steps that work on several events at a time and send them on in their order."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pickle
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.checks import check_callable
from mlrun_like.serving.steps.mechanisms import ParallelExecutionMechanisms
from mlrun_like.serving.steps.sending import SendingStep

__all__ = ["ConcurrentExecution", "ConcurrentStep"]

_logger = logging.getLogger("mlrun_like.serving")

_MOST_IN_FLIGHT = 8
_LONGEST_PAUSE = 120.0
_OLDER_NAMES = {"threading": "thread_pool", "multiprocessing": "process_pool"}


class ConcurrentStep(SendingStep):
    """Base of steps that define `work(event)`, awaited for several events at a time.

    What `work` gives is handed to `completed(event, result)`, in the order of the events.

    Args:
        max_in_flight: How many events are worked on at most; None: 8.
        retries: How often `work` is tried again.
        backoff_factor: Seconds before the first of these tries; each later one waits twice as long,
            at most two minutes. None: 1.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if `max_in_flight` is less than 1.
    """

    def __init__(
        self,
        max_in_flight: int | None = None,
        retries: int | None = None,
        backoff_factor: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if max_in_flight is not None and max_in_flight < 1:
            raise InvalidArgumentError(
                f"max_in_flight may not be less than 1 (got {max_in_flight})",
                where=f"step {self.name!r}",
            )
        self.max_in_flight = max_in_flight
        self.retries = retries
        self.backoff_factor = backoff_factor
        self.begin()

    def begin(self) -> None:
        super().begin()
        self._ready = False
        self._jobs: deque[tuple[Event, asyncio.Task[Any]]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._places: asyncio.Semaphore | None = None

    async def open(self) -> None:
        """Called once in the event loop, before the first event."""

    async def work(self, event: Event) -> Any:
        """What takes its time."""
        raise NotImplementedError(f"{type(self).__name__} must define work(self, event)")

    async def completed(self, event: Event, result: Any) -> None:
        """Send on what became of an event."""
        raise NotImplementedError(f"{type(self).__name__} must define completed(self, ...)")

    async def shut(self) -> None:
        """Called once in the event loop, after the last event."""

    async def handle(self, event: Event) -> None:
        if not self._ready:
            await self.open()
            self._ready = True
        most = self.max_in_flight or _MOST_IN_FLIGHT
        if self.sender is None or most == 1:
            await self.completed(event, await self._tried(event))
            return
        if self._places is None:
            self._places = asyncio.Semaphore(most)
        await self._places.acquire()
        if self._worker is not None and self._worker.done() and not self._worker.cancelled():
            self._worker.result()  # raises what made it stop
        self._jobs.append((event, asyncio.create_task(self._tried(event))))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        """Send events on as they are done, until there is none."""
        try:
            await self._work_off_in_order()
        except BaseException:
            for _, task in self._jobs:
                task.cancel()
                if self._places is not None:
                    self._places.release()  # who waits for a place is to have the error
            self._jobs.clear()
            raise

    async def _work_off_in_order(self) -> None:
        while self._jobs:
            event, task = self._jobs[0]
            try:
                await self.completed(event, await task)
            except Exception as exc:  # noqa: BLE001  the boundary of a user's step
                await self._failed(event, exc)
            finally:
                self._jobs.popleft()
                if self._places is not None:
                    self._places.release()
            del event, task  # an event that is done is held by nobody

    async def _failed(self, event: Event, error: Exception) -> None:
        try:
            if self.rescue is None:
                raise error
            await self.rescue(event, error)
        except Exception as exc:
            awaited = getattr(event, "_awaitable_result", None)
            if awaited is not None:
                awaited.fail(exc)
            raise

    async def _tried(self, event: Event) -> Any:
        tries = (self.retries or 0) + 1
        pause = 1.0 if self.backoff_factor is None else float(self.backoff_factor)
        for left in range(tries - 1, -1, -1):
            try:
                return await self.work(event)
            except Exception as exc:
                logger = getattr(self.context, "logger", None) or _logger
                logger.warning(f"{self.name} failed to process event ({left} retries left): {exc}")
                if not left:
                    raise
            await asyncio.sleep(min(pause, _LONGEST_PAUSE))
            pause *= 2
        return None

    async def finish(self) -> Any:
        try:
            if self._worker is not None:
                await self._worker
        finally:
            for _, task in self._jobs:
                task.cancel()
            await self.shut()


class ConcurrentExecution(ConcurrentStep):
    """Calls a function for several events at a time; a generator gives a stream.

    Args:
        event_processor: The function of a body, or with `full_event` of an event.
        concurrency_mechanism: Where it runs: "asyncio" (the default, for coroutine functions),
            "thread_pool", "process_pool", "dedicated_process" (a single one), or "naive" (in the
            event loop). Storey's older names "threading" and "multiprocessing" are known.
        pass_context: Whether it receives the context as its second argument.
        options: `max_in_flight`, `retries`, `backoff_factor`; see `ConcurrentStep`.

    Raises:
        InvalidArgumentError: if there is no such mechanism, or a process cannot be given what the
            function needs.

    >>> import asyncio
    >>> step = ConcurrentExecution(lambda body: body + 1)
    >>> [event.body for event in asyncio.run(step.process(Event(1)))]
    [2]
    """

    def __init__(
        self,
        event_processor: Callable[..., Any],
        concurrency_mechanism: str | None = None,
        pass_context: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.event_processor = check_callable(event_processor, "event_processor", self.name)
        self.pass_context = pass_context
        named = str(concurrency_mechanism or "asyncio")
        self.concurrency_mechanism = concurrency_mechanism
        self._mechanism = _OLDER_NAMES.get(named, named)
        ParallelExecutionMechanisms.validate(self._mechanism)
        if self._mechanism in ParallelExecutionMechanisms.process():
            self._check_process(named)

    def _check_process(self, named: str) -> None:
        if self.full_event:
            raise InvalidArgumentError(
                f'concurrency_mechanism="{named}" may not be used in conjunction with '
                "full_event=True",
                where=f"step {self.name!r}",
            )
        if not self.pass_context:
            return
        try:
            pickle.dumps(self.context)
        except Exception as exc:
            raise InvalidArgumentError(
                f'When concurrency_mechanism="{named}" is used in conjunction with '
                "pass_context=True, context must be serializable",
                where=f"step {self.name!r}",
            ) from exc

    def begin(self) -> None:
        super().begin()
        self._executor: Executor | None = None

    async def open(self) -> None:
        most = self.max_in_flight or _MOST_IN_FLIGHT
        if self._mechanism == ParallelExecutionMechanisms.thread_pool:
            self._executor = ThreadPoolExecutor(most, thread_name_prefix=f"step-{self.name}")
        elif self._mechanism == ParallelExecutionMechanisms.process_pool:
            self._executor = ProcessPoolExecutor(most)
        elif self._mechanism == ParallelExecutionMechanisms.dedicated_process:
            self._executor = ProcessPoolExecutor(1)

    async def work(self, event: Event) -> Any:
        given = [event if self.full_event else event.body]
        if self.pass_context:
            given.append(self.context)
        if self._executor is None:
            found = self.event_processor(*given)
        else:
            call = self.event_processor
            if isinstance(self._executor, ProcessPoolExecutor):
                given, call = [call, given], _called
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._executor, call, *given)
        return await found if inspect.iscoroutine(found) else found

    async def completed(self, event: Event, result: Any) -> None:
        if isinstance(result, _Values):
            await self.send_values(event, (value for value in result))
        elif inspect.isgenerator(result) or inspect.isasyncgen(result):
            await self.send_values(event, result)
        elif self.full_event:
            await self.send(result)
        else:
            event.body = result
            await self.send(event)

    async def shut(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None


class _Values(list[Any]):
    """The values of a generator that ran in another process."""


def _called(function: Callable[..., Any], given: list[Any]) -> Any:
    found = function(*given)
    return _Values(found) if inspect.isgenerator(found) else found
