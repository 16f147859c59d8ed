"""The body of a request from an ASGI server, within its limits."""

from __future__ import annotations

from collections.abc import Awaitable

from mlrun_like.serving.event import Response
from mlrun_like.serving.web.answer import refusal
from mlrun_like.serving.web.eager import begin
from mlrun_like.serving.web.mounts import Message, Receive
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.request import RawHeaders
from mlrun_like.serving.web.watch import within

__all__ = ["begun", "declared_length", "receive_body", "too_large", "too_slow"]


def declared_length(headers: RawHeaders) -> int:
    """What `Content-Length` says; -1 if it says nothing (readable)."""
    for name, value in headers:
        if name == b"content-length":
            return int(value[:20]) if value.isdigit() else -1
    return -1


def too_large(most: int) -> Response:
    """The answer to a body over the limit."""
    return refusal(
        413,
        "too_large",
        f"the body is larger than {most} bytes",
        "send less at a time, or raise the setting max_body_size",
    )


def too_slow(seconds: float) -> Response:
    """The answer to a request that does not arrive."""
    return refusal(
        408,
        "slow",
        f"the request did not arrive within {seconds:g} s",
        "send it faster, or raise the setting serving_io_timeout",
    )


def begun(receive: Receive) -> tuple[Message | None, Awaitable[Message] | None]:
    """The first message if it has the whole body, else what to await for it.

    Nearly every body is there, and then a limit in time would be most of the cost.
    """
    message, rest = begin(receive())
    if message is None:
        return None, rest
    if message["type"] == "http.request" and not message.get("more_body", False):
        return message, None
    return None, _known(message)


async def receive_body(
    headers: RawHeaders, coming: Awaitable[Message], receive: Receive, options: WebOptions
) -> bytes | Response | None:
    """The whole body, or the answer that refuses it, or None if the client has gone.

    Args:
        headers: Those of the request.
        coming: Its first message.
        receive: ASGI's.
        options: The limits.
    """
    if declared_length(headers) > options.max_body:
        return too_large(options.max_body)
    work = _read(coming, receive, options.max_body)
    try:
        return await (within(options.io_timeout, work) if options.io_timeout else work)
    except TimeoutError:
        return too_slow(options.io_timeout)


async def _read(coming: Awaitable[Message], receive: Receive, most: int) -> bytes | Response | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await coming
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            return too_large(most)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        coming = receive()


async def _known(message: Message) -> Message:
    return message
