"""Work that ends early: when the client leaves, or when its time is over."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from mlrun_like.serving.web.mounts import Receive

__all__ = ["until_client_leaves", "within"]

_T = TypeVar("_T")


async def until_client_leaves(work: Coroutine[Any, Any, _T], receive: Receive) -> _T | None:
    """The result of `work`, or None if the client left first, which cancels it."""
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((task, watcher), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
            return None if task.cancelled() else task.result()
        return task.result()
    finally:
        watcher.cancel()
        task.cancel()


async def within(seconds: float, work: Awaitable[_T]) -> _T:
    """The result of `work`, in this task: `asyncio.wait_for` would make another one.

    Raises:
        TimeoutError: if it took longer.
    """
    task = asyncio.current_task()
    assert task is not None  # a coroutine of an event loop always runs in one
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        return await work
    except asyncio.CancelledError:
        if not expired:
            raise
        if sys.version_info >= (3, 11):
            task.uncancel()
        raise TimeoutError(f"no end within {seconds:g} s") from None
    finally:
        timer.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
