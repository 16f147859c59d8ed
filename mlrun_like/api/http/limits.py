"""What and how much a request may send, and how long it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from mlrun_like.errors import OverloadedError

__all__ = ["check_kind", "limited", "within"]

T = TypeVar("T")
_left_behind: set[asyncio.Task[Any]] = set()


def limited(request: Request, most: int) -> Request:
    """The request, whose body ends with an error after so many bytes.

    Raises:
        HTTPException: 413, also while the body is read. It is no error of our tree, because the
            framework lets only its own ones through there.
    """
    told = request.headers.get("content-length", "0")
    if not told.isdecimal():
        raise HTTPException(400, "the header content-length is no number")
    if int(told) > most:
        raise _too_large(most)
    receive = request.receive
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _too_large(most)
        return message

    return Request(request.scope, counted, request._send)


def check_kind(request: Request) -> None:
    """Refuse a body that says itself that it is no JSON; one that says nothing may be.

    Raises:
        HTTPException: 415.
    """
    told = request.headers.get("content-type", "")
    kind = told.partition(";")[0].strip().lower()
    if not kind or kind == "application/json" or kind.endswith("+json"):
        return
    if request.headers.get("content-length") != "0":
        raise HTTPException(
            415, f"a body of type {kind[:80]!r} is not taken: send 'content-type: application/json'"
        )


async def within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """What this gives; after `seconds` it is answered that it takes too long.

    A thread cannot be stopped, so the work itself goes on to its end and nobody hears of it.

    Raises:
        OverloadedError: if it takes longer.
    """
    if not seconds:
        return await work
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        return task.result()
    _left_behind.add(task)
    task.add_done_callback(_over)
    raise OverloadedError(
        f"the service did not answer within {seconds:g} seconds",
        fix="ask for less, or try again later",
    )


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"a body may have at most {most} bytes here")


def _over(task: asyncio.Task[Any]) -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()
