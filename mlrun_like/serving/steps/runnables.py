"""What a ParallelExecution step runs: ParallelExecutionRunnable, and what that gives."""

from __future__ import annotations

import datetime
import inspect
import time
from typing import Any, NamedTuple

__all__ = ["Outcome", "ParallelExecutionRunnable", "StreamOutcome"]


class Outcome(NamedTuple):
    """What a runnable gave, how long that took in seconds, and when it began."""

    runnable_name: str
    data: Any
    runtime: float
    timestamp: datetime.datetime


class StreamOutcome(NamedTuple):
    """A generator that a runnable gave, and when it began."""

    runnable_name: str
    generator: Any
    timestamp: datetime.datetime


class ParallelExecutionRunnable:
    """Base of what a ParallelExecution step runs: define `run`, or `run_async` for "asyncio".

    Args:
        name: Its name in the step.
        raise_exception: Whether its errors are raised; else they are its result, as
            `{"error": ...}`.
        shared_runnable_name: Its name in the shared executor, if it runs there.
        options: Not used here; subclasses may have more.

    >>> ParallelExecutionRunnable("same").run({"x": 1}, "/")
    {'x': 1}
    """

    def __init__(
        self,
        name: str,
        raise_exception: bool = True,
        shared_runnable_name: str | None = None,
        **options: Any,
    ) -> None:
        self.name = name
        self.shared_runnable_name = shared_runnable_name
        self._raise_exception = raise_exception

    def init(self) -> None:
        """Load what `run` needs; called once before the first event."""

    def run(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        """The result for a body.

        Args:
            body: The body of the event.
            path: Its path.
            origin_name: The name of the runnable that this one, which is shared, stands for.
        """
        return body

    async def run_async(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        """The same as a coroutine, for "asyncio"."""
        return body

    def is_streaming(self) -> bool:
        """Whether it gives a stream; to be overridden if `run` only hands on a generator."""
        return inspect.isgeneratorfunction(self.run) or inspect.isasyncgenfunction(self.run_async)

    def _run(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        began = datetime.datetime.now(datetime.timezone.utc)
        start = time.monotonic()
        try:
            found = self.run(body, path, origin_name)
        except Exception as exc:  # noqa: BLE001  the boundary of a user's code
            found = self._error(exc)
        return self._outcome(found, origin_name, began, start)

    async def _run_async(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        began = datetime.datetime.now(datetime.timezone.utc)
        start = time.monotonic()
        try:
            found: Any = self.run_async(body, path, origin_name)
            if inspect.isawaitable(found) and not inspect.isgenerator(found):
                found = await found
        except Exception as exc:  # noqa: BLE001  the boundary of a user's code
            found = self._error(exc)
        return self._outcome(found, origin_name, began, start)

    def _error(self, error: Exception) -> dict[str, str]:
        if self._raise_exception:
            raise error
        return {"error": f"{type(error).__name__}: {error}"}

    def _outcome(
        self, found: Any, origin_name: str | None, began: datetime.datetime, start: float
    ) -> Any:
        name = origin_name or self.name
        if inspect.isgenerator(found) or inspect.isasyncgen(found):
            return StreamOutcome(name, found, began)
        return Outcome(name, found, time.monotonic() - start, began)
