"""Small requests of the gateway's own: does an application listen, does it answer?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import orjson

from mlrun_like.gateway.applications.listening import Listener, listeners_of

__all__ = ["probe", "published"]

_TIME = 5.0


async def probe(listener: Listener, request: Mapping[str, Any], below: int = 500) -> bool:
    """Whether a request is answered with a status below a number.

    Args:
        listener: Where.
        request: `path`, and perhaps `method` and `body`.
        below: The number.
    """
    writer = None
    try:
        async with asyncio.timeout(_TIME):
            reader, writer = await asyncio.open_connection(listener.host, listener.port)
            writer.write(_bytes(request, listener))
            line = await reader.readline()
            fields = line.split(maxsplit=2)
            return len(fields) > 1 and fields[1].isdigit() and int(fields[1]) < below
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def published(keeper: int, internal_port: int, listener: Listener) -> list[Listener]:
    """Where a container answers: who publishes its port may accept before it does.

    Args:
        keeper: Process above the container's.
        internal_port: Where it listens; in the machine's own network nothing is published.
        listener: Where its port is published.
    """
    rows = await asyncio.to_thread(listeners_of, keeper) if keeper else []
    for row in (*(one for one in rows if one.port == internal_port), listener):
        if await probe(row, {"path": "/"}, below=1000):
            return [row]
    return []


def _bytes(request: Mapping[str, Any], listener: Listener) -> bytes:
    body = request.get("body")
    data = b"" if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
    method = str(request.get("method") or ("POST" if data else "GET")).upper()
    path = str(request.get("path") or "/")
    if any(c.isspace() for c in method + path):
        raise ValueError(path)
    kind = "" if isinstance(body, str) or not data else "content-type: application/json\r\n"
    return (
        f"{method} {path} HTTP/1.1\r\nhost: {listener.host}:{listener.port}\r\n{kind}"
        f"content-length: {len(data)}\r\nconnection: close\r\n\r\n"
    ).encode() + data
