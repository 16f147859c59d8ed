"""The last steps of an answer that has its whole body: ETag, 304, compression."""

from __future__ import annotations

import gzip
from hashlib import blake2b

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["etag_of", "finish", "named"]

_SMALLEST = 1024
_IN_THREAD = 64 << 10
_LEVEL = 5
_SQUEEZED = ("text/", "application/json", "application/javascript", "image/svg+xml")


def etag_of(body: bytes) -> str:
    """The tag of a body.

    >>> etag_of(b"{}") == etag_of(b"{}")
    True
    """
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def named(header: str, tag: str) -> bool:
    """Whether a header `If-Match` or `If-None-Match` names this tag.

    >>> named('W/"a", "b"', '"b"'), named("*", '"b"'), named('"a"', '"b"')
    (True, True, False)
    """
    given = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in given or tag in given


async def finish(request: Request, response: Response) -> Response:
    """The answer with its ETag, or 304, and compressed if that is safe and worth it."""
    if not hasattr(response, "body") or response.status_code != 200:
        return response
    body = bytes(response.body)
    headers = response.headers
    kind = headers.get("content-type", "")
    kept_off = "no-store" in headers.get("cache-control", "")
    if request.method == "GET" and not kept_off and kind.startswith("application/json"):
        tag = headers.get("etag") or etag_of(body)
        headers["etag"] = tag
        wanted = request.headers.get("if-none-match")
        if wanted and named(wanted, tag):
            kept = {"etag": tag, "cache-control": headers.get("cache-control", "private, no-cache")}
            return Response(status_code=304, headers=kept)
    if kept_off or len(body) < _SMALLEST or not kind.startswith(_SQUEEZED):
        return response
    if kind.startswith("text/html") and request.scope.get("query_string"):
        # what a stranger puts into the address would let the length tell what else is in the page
        return response
    if "content-encoding" in headers:
        return response
    headers.add_vary_header("accept-encoding")
    if not _takes_gzip(request.headers.get("accept-encoding", "")):
        return response
    if len(body) > _IN_THREAD:
        response.body = await run_in_threadpool(gzip.compress, body, _LEVEL, mtime=0)
    else:
        response.body = gzip.compress(body, _LEVEL, mtime=0)
    headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(response.body))
    return response


def _takes_gzip(header: str) -> bool:
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
