"""Handlers that do not return at once: coroutines and generators, run to their end."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

__all__ = ["run_to_end"]


def run_to_end(value: Any) -> Any:
    """What the handler gives in the end: a coroutine's result, a generator's values as a list.

    >>> run_to_end(n * n for n in range(3))
    [0, 1, 4]
    """
    if inspect.isgenerator(value):
        return list(value)
    if inspect.isasyncgen(value):
        value = _gather(value)
    return _await(value) if inspect.iscoroutine(value) else value


async def _gather(values: AsyncIterator[Any]) -> list[Any]:
    return [value async for value in values]


def _await(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine, also where a loop is already running (a notebook): in a thread then."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    return _Aside(coroutine).result()


class _Aside:
    """A coroutine in a thread, with the context variables of the code that waits for it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._value: Any = None
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def result(self) -> Any:
        here = contextvars.copy_context()
        thread = threading.Thread(target=here.run, args=(self._work,), daemon=True)
        thread.start()
        try:
            thread.join()
        except BaseException:  # the run was stopped: so is the coroutine
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)
            thread.join(timeout=5)
            raise
        if self._error is not None:
            raise self._error
        return self._value

    def _work(self) -> None:
        try:
            self._value = asyncio.run(self._main())
        except BaseException as exc:  # noqa: BLE001 - carried to the waiting thread
            self._error = exc

    async def _main(self) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await self._coroutine
