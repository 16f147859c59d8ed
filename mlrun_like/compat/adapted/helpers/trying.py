"""Calls that are tried again until they succeed or time is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

from mlrun_like.compat.adapted.failures.classes import (
    MLRunFatalFailureError,
    MLRunRetryExhaustedError,
)

__all__ = [
    "AsyncRetryer",
    "Retryer",
    "create_exponential_backoff",
    "create_linear_backoff",
    "create_step_backoff",
    "retry_until_successful",
    "retry_until_successful_async",
    "run_with_retry",
]


def create_linear_backoff(
    base: float = 2, coefficient: float = 2, stop_value: float = 120
) -> Iterator[float]:
    """Pauses that grow by the same amount, up to a limit.

    >>> pauses = create_linear_backoff(2, 3, 6)
    >>> [next(pauses) for _ in range(3)]
    [2, 5, 6]
    """
    limit = min if coefficient >= 0 else max
    number = 0
    while True:
        yield limit(base + number * coefficient, stop_value)
        number += 1


def create_step_backoff(steps: list[list[Any]] | None = None) -> Iterator[float]:
    """Pauses by steps of `[seconds, how often]`; None: for ever."""
    usual: list[list[Any]] = [[2, 10], [10, 10], [120, None]]
    for seconds, times in usual if steps is None else steps:
        if times is None:
            while True:
                yield seconds
        for _ in range(times):
            yield seconds


def create_exponential_backoff(
    base: float = 2, max_value: float = 120, scale_factor: float = 1
) -> Iterator[float]:
    """Pauses that double (or grow by another base), up to a limit."""
    pause = scale_factor * base
    while True:
        yield min(pause, max_value)
        if pause < max_value:
            pause *= base


class Retryer:
    """One call, tried again.

    Args:
        backoff: Seconds between two attempts, or a generator of them.
        timeout: Seconds within which it is tried again; None: for ever.
        logger: Told of failures.
        verbose: Whether it is told of each.
        function: What is called, with the further arguments.
        fatal_exceptions: Exceptions after which it is not tried again.
    """

    def __init__(
        self,
        backoff: Any,
        timeout: float | None,
        logger: Any,
        verbose: bool,
        function: Callable[..., Any],
        *args: Any,
        fatal_exceptions: tuple[type[Exception], ...] = (),
        **kwargs: Any,
    ) -> None:
        is_number = isinstance(backoff, (int, float))
        self.backoff = create_linear_backoff(backoff, 0) if is_number else backoff
        self.timeout, self.logger, self.verbose = timeout, logger, verbose
        self.function, self.args, self.kwargs = function, args, kwargs
        self.fatal_exceptions = tuple(fatal_exceptions or ())
        self.last_exception: Exception | None = None
        self.start_time = 0.0

    def run(self) -> Any:
        """Call it.

        Raises:
            Exception: the last failure's, as the cause of MLRunRetryExhaustedError.
        """
        self.start_time = time.monotonic()
        while True:
            try:
                return self.function(*self.args, **self.kwargs)
            except Exception as exc:  # noqa: BLE001  (whatever the call raises)
                time.sleep(self._pause(exc))

    def _pause(self, exc: Exception) -> float:
        """How long to wait before the next attempt; raises if there is none."""
        if isinstance(exc, MLRunFatalFailureError):
            raise exc.original_exception or exc
        self.last_exception = exc
        pause = float(next(self.backoff))
        elapsed = time.monotonic() - self.start_time
        over = self.timeout is not None and elapsed + pause > self.timeout
        if over or type(exc) in self.fatal_exceptions:
            if self.logger is not None:
                self.logger.warning(f"Operation did not complete on time. last exception: {exc}")
            raise MLRunRetryExhaustedError(
                f"Failed to execute command by the given deadline. last_exception: {exc}, "
                f"function_name: {getattr(self.function, '__name__', self.function)}, "
                f"timeout: {self.timeout}"
            ) from exc
        if self.logger is not None and self.verbose:
            self.logger.debug(f"Operation not yet successful, again in {pause} s. exc: {exc}")
        return pause


class AsyncRetryer(Retryer):
    """The same for a coroutine."""

    async def run(self) -> Any:
        """Call it; see `Retryer`."""
        self.start_time = time.monotonic()
        while True:
            try:
                return await self.function(*self.args, **self.kwargs)
            except Exception as exc:  # noqa: BLE001  (whatever the call raises)
                await asyncio.sleep(self._pause(exc))


def retry_until_successful(
    backoff: Any, timeout: float | None, logger: Any, verbose: bool,
    _function: Callable[..., Any], *args: Any, fatal_exceptions: Any = (), **kwargs: Any,
) -> Any:  # fmt: skip
    """`Retryer(...).run()`.

    >>> retry_until_successful(1, 10, None, False, int, "3")
    3
    """
    return Retryer(
        backoff, timeout, logger, verbose, _function, *args,
        fatal_exceptions=fatal_exceptions, **kwargs,
    ).run()  # fmt: skip


async def retry_until_successful_async(
    backoff: Any, timeout: float | None, logger: Any, verbose: bool,
    _function: Callable[..., Any], *args: Any, fatal_exceptions: Any = (), **kwargs: Any,
) -> Any:  # fmt: skip
    """`AsyncRetryer(...).run()`."""
    return await AsyncRetryer(
        backoff, timeout, logger, verbose, _function, *args,
        fatal_exceptions=fatal_exceptions, **kwargs,
    ).run()  # fmt: skip


def run_with_retry(
    retry_count: int, func: Callable[..., Any], retry_on_exceptions: Any = None, *args: Any,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """Call a function, again at most so often if it raises one of these (by default any)."""
    if retry_on_exceptions is None:
        kinds: tuple[type[Exception], ...] = (Exception,)
    else:
        several = isinstance(retry_on_exceptions, (list, tuple))
        kinds = tuple(retry_on_exceptions) if several else (retry_on_exceptions,)
    for left in range(max(retry_count, 0), -1, -1):
        try:
            return func(*args, **kwargs)
        except kinds:
            if not left:
                raise
    return None
