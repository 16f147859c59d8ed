"""Bodies that come in parts: what a handler's generator says about the answer, and its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from mlrun_like.gateway.worker.answers import head_of, is_response, parts_of, raw_of

__all__ = ["END", "beginning", "part_of", "spread"]

END = object()
"""What stands for the first value of an empty generator."""


def beginning(first: Any, whole: Any) -> tuple[bytes, bytes]:
    """The START of a stream and its first part."""
    if whole is None:
        status, kind, headers, body = (
            (200, "text/plain", {}, b"") if first is END else parts_of(first)
        )
        return head_of(status, kind, headers), body
    body = b"" if first is END else part_of(first)
    copied = SimpleNamespace(
        body=body,
        headers=whole.headers,
        status_code=whole.status_code,
        content_type=whole.content_type,
    )
    status, kind, headers, body = parts_of(copied)
    return head_of(status, kind, headers), body


def part_of(value: Any) -> bytes:
    """A later value as bytes; of a Response its body."""
    return raw_of(value.body if is_response(value) else value)


async def spread(values: Any) -> AsyncIterator[Any]:
    """A plain generator as an `async` one."""
    try:
        for value in values:
            yield value
            await asyncio.sleep(0)  # others get their turn
    finally:
        values.close()
