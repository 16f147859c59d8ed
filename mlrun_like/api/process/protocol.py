"""Reads requests from connections: no head of a request may be huge, or take for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["CarefulProtocol"]

_LARGEST_HEAD = 64 << 10
_HEAD_SECONDS = 20.0


class CarefulProtocol(HttpToolsProtocol):
    """As uvicorn's, which takes heads of any size, and waits for them without end."""

    _head_size = 0
    _in_head = True
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_patience()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > _LARGEST_HEAD and not self._body_came(data):
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_size = 0
        self._no_patience()
        super().on_headers_complete()

    @staticmethod
    def _body_came(data: bytes) -> bool:
        # one read may hold the whole head and much of a body
        return b"\r\n\r\n" in data

    def _await_head(self) -> None:
        self._no_patience()
        self._patience = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._in_head and not self.transport.is_closing():
            self.transport.close()

    def _no_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
