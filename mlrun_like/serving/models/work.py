"""One description of what happens, run by a thread or by an event loop.

A step's work is a generator. It yields what takes long and receives the result (or the exception)
of it, so that the plain form and the `async` form of a step are the same lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["Work", "pump", "pump_async", "wait_for"]

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")

Work = Generator[_Job, Any, _Result]


def pump(work: Work[_Job, _Result], do: Callable[[_Job], Any]) -> _Result:
    """Run work to its end, doing its jobs in this thread.

    >>> def total():
    ...     first = yield "ab"
    ...     second = yield "c"
    ...     return first + second
    >>> pump(total(), len)
    3
    """
    try:
        job = next(work)
        while True:
            try:
                result = do(job)
            except Exception as exc:  # noqa: BLE001  handed to the work, which raises it again
                job = work.throw(exc)
            else:
                job = work.send(result)
    except StopIteration as stop:
        found: _Result = stop.value
        return found
    finally:
        work.close()


async def pump_async(work: Work[_Job, _Result], do: Callable[[_Job], Awaitable[Any]]) -> _Result:
    """The same for an event loop; when it is cancelled, the work's `finally` parts run."""
    try:
        job = next(work)
        while True:
            try:
                result = await do(job)
            except Exception as exc:  # noqa: BLE001  handed to the work, which raises it again
                job = work.throw(exc)
            else:
                job = work.send(result)
    except StopIteration as stop:
        found: _Result = stop.value
        return found
    finally:
        work.close()


def wait_for(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of a coroutine, for a caller that is not `async`; works inside a loop too.

    >>> wait_for(asyncio.sleep(0, "done"))
    'done'
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as helper:  # a notebook's thread has a loop already
        return helper.submit(asyncio.run, coroutine).result()
