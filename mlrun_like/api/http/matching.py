"""`If-Match`: a document is changed only if it is still what the caller has read."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.finishing import etag_of, named
from mlrun_like.errors import ConflictError, NotFoundError, PreconditionError
from mlrun_like.tracking.window_abilities import LeaseStore

__all__ = ["still_the_same"]

_SECONDS = 60.0
_TRIES = 60
_Handler = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def still_the_same(
    request: Request, read: _Handler | None, leases: LeaseStore
) -> AsyncIterator[None]:
    """Hold a document for the length of a change, after a look whether it is the expected one.

    Of two changes that expect the same, one wins, whichever processes get them.

    Args:
        request: The change; its header `If-Match` names the expected tag.
        read: Answers GET of the same address; None: nobody does.
        leases: Says who may change it now.

    Raises:
        PreconditionError: if it is another one, or there is none.
        ConflictError: if somebody else does not stop to change it.
    """
    wanted = request.headers["if-match"]
    path = request.scope["path"]
    if read is None:
        raise PreconditionError(f"{path} cannot be read, so If-Match cannot hold", where=path)
    name, owner = f"change/{path}", uuid.uuid4().hex
    for attempt in range(_TRIES):
        if name in await run_in_threadpool(leases.claim_leases, [name], owner, _SECONDS):
            break
        await asyncio.sleep(min(0.5, 0.01 * 2**attempt))
    else:
        raise ConflictError(f"{path} is being changed by others", fix="try again")
    try:
        tag = await _tag(request, read)
        if not tag or not named(wanted, tag):
            raise PreconditionError(
                f"{path} has changed since it was read" if tag else f"{path} is not there",
                where=f"If-Match: {wanted[:100]}",
                fix="read it again, and send its ETag",
            )
        yield
    finally:
        await run_in_threadpool(leases.release_leases, [name], owner)


async def _tag(request: Request, read: _Handler) -> str:
    scope: dict[str, Any] = {**request.scope, "method": "GET"}
    scope["headers"] = [
        pair
        for pair in request.scope["headers"]
        if pair[0] not in (b"content-length", b"content-type", b"if-match")
    ]

    async def nothing() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    try:
        response = await read(Request(scope, nothing))
    except NotFoundError:
        return ""
    if response.status_code != 200 or not hasattr(response, "body"):
        return ""
    return response.headers.get("etag") or etag_of(bytes(response.body))
