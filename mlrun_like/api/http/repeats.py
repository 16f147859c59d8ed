"""`Idempotency-Key`: a request that is sent twice is done once, also when both come at once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from hashlib import sha256

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.tracking.kept_answers import KeptAnswer, KeptAnswers

__all__ = ["KEPT_SECONDS", "once"]

KEPT_SECONDS = 86_400.0
_LONGEST = 255
_MOST = 1 << 20
_KEPT_HEADERS = ("content-type", "location", "etag", "cache-control")
_NOT_KEPT = frozenset({401, 403, 408, 412, 429})
_Handler = Callable[[Request], Awaitable[Response]]


async def once(
    request: Request, user: str, answers: KeptAnswers, handle: _Handler, patience: float
) -> Response:
    """Answer a request that has an `Idempotency-Key`.

    Args:
        request: The request.
        user: Who asks; keys of others are other keys.
        answers: Where first answers are kept.
        handle: Does it.
        patience: Seconds after which one that began and never ended is taken for dead.

    Raises:
        ConflictError: if the key belongs to another request, or its first one still goes on.
        InvalidArgumentError: if the key cannot be used.
    """
    key = request.headers["idempotency-key"]
    if not 1 <= len(key) <= _LONGEST or not key.isprintable() or not key.isascii():
        raise InvalidArgumentError(
            "the header Idempotency-Key cannot be used",
            fix=f"send 1 to {_LONGEST} printable letters, for example a new UUID",
        )
    digest = await _digest(request)
    owner = uuid.uuid4().hex
    begin = answers.begin
    end = time.monotonic() + patience
    pause = 0.02
    while True:
        earlier = await run_in_threadpool(begin, user, key, digest, owner, patience)
        if earlier is None:
            break
        if earlier.digest != digest:
            raise ConflictError(
                f"the Idempotency-Key {key!r} was sent with another request",
                fix="make a new key for each request",
            )
        if earlier.status:
            return _again(earlier)
        if time.monotonic() > end:
            raise ConflictError(
                "the first request with this Idempotency-Key still goes on",
                fix="ask again later with the same key",
            )
        await asyncio.sleep(pause)
        pause = min(0.5, 2 * pause)
    try:
        response = await handle(request)
    except BaseException:
        await run_in_threadpool(answers.forget, user, key, owner)
        raise
    if response.status_code >= 500 or response.status_code in _NOT_KEPT:
        await run_in_threadpool(answers.forget, user, key, owner)
        return response
    await run_in_threadpool(answers.keep, user, key, owner, _kept(digest, response))
    return response


def _kept(digest: str, response: Response) -> KeptAnswer:
    body = bytes(getattr(response, "body", b""))
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    secret = "no-store" in headers.get("cache-control", "")
    whole = hasattr(response, "body") and len(body) <= _MOST and not secret
    if not whole:
        headers["not-kept"] = "secret" if secret else "size"
    text = orjson.dumps(headers).decode()
    return KeptAnswer(digest, response.status_code, text, body if whole else b"")


def _again(earlier: KeptAnswer) -> Response:
    headers = orjson.loads(earlier.headers)
    why = headers.pop("not-kept", "")
    if why:
        raise ConflictError(
            f"this was done before (status {earlier.status}), and its answer was not kept",
            where="it held a secret" if why == "secret" else "it was too large",
            fix="look at what it made, or make a new one with a new Idempotency-Key",
        )
    headers["idempotency-replayed"] = "true"
    return Response(earlier.body, earlier.status, headers=headers)


async def _digest(request: Request) -> str:
    digest = sha256()
    for part in (request.method.encode(), request.scope["path"].encode("utf-8", "replace")):
        digest.update(part + b"\0")
    digest.update(request.scope.get("query_string", b"") + b"\0")
    digest.update(await request.body())
    return digest.hexdigest()
