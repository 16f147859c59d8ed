"""The gateway's end of a worker's socket: frames as they come, writes of one loop turn together."""

from __future__ import annotations

import asyncio
from typing import cast

from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.wire import FrameReader

__all__ = ["Channel"]

_TOGETHER = 1 << 16
"""Parts below are joined with what else is sent; longer ones go by themselves, uncopied."""


class Channel(asyncio.Protocol):
    """Frames over a transport."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._out: list[bytes] = []
        self._reading = False
        self._lost = False
        self._transport: asyncio.Transport | None = None

    def frame_received(self, number: int, kind: int, content: bytes) -> None:
        """A frame came."""
        raise NotImplementedError

    def broken(self, why: str) -> None:
        """What came was no frame."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        # uvloop's transports have the methods and not the classes of asyncio's
        self._transport = cast(asyncio.Transport, transport)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._reading = True
        try:
            for number, kind, content in self._reader.feed(data):
                self.frame_received(number, kind, content)
        except (MLRunLikeError, ValueError, LookupError, TypeError, AttributeError) as exc:
            self.broken(f"{type(exc).__name__}: {exc}")
        finally:
            self._reading = False
            self._flush()

    def abort(self) -> None:
        """Close the socket without sending what is held."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Send soon, with all that is sent in this turn of the loop."""
        out = self._out
        if not out and not self._reading:
            self._loop.call_soon(self._flush)
        out.append(data)

    def _flush(self) -> None:
        transport, out = self._transport, self._out
        if not out or transport is None:
            return
        self._out = []
        if self._lost:
            return
        if len(out) == 1:
            transport.write(out[0])
            return
        small: list[bytes] = []
        for part in out:
            if len(part) < _TOGETHER:
                small.append(part)
                continue
            if small:
                transport.write(b"".join(small))
                small.clear()
            transport.write(part)
        if small:
            transport.write(b"".join(small))
