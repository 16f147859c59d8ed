"""Bodies of requests that ask for another protocol, which this gateway does not change to."""

from __future__ import annotations

from typing import Any, Protocol

import httptools

__all__ = ["CountedBody"]


class _Reader(Protocol):
    """Who gets the body."""

    parser: Any

    def on_body(self, body: bytes) -> None:
        """A part of it."""

    def on_message_complete(self) -> None:
        """It is there."""


class CountedBody:
    """Stands in for the parser until so many bytes have come.

    httptools takes what follows the head of such a request for the other protocol. For us it is
    the body, as `Content-Length` says: read as requests, it would be what the client's proxy never
    saw as one.

    Args:
        reader: Who gets the body.
        size: Its bytes.
    """

    def __init__(self, reader: _Reader, size: int) -> None:
        self._reader, self._left = reader, size

    def feed_data(self, data: bytes) -> None:
        """See httptools.HttpRequestParser.

        Raises:
            HttpParserUpgrade: when the body is there: what is behind it is for a new parser.
        """
        taken = min(len(data), self._left)
        self._left -= taken
        self._reader.on_body(data[:taken])
        if not self._left:
            self._reader.on_message_complete()
            raise httptools.HttpParserUpgrade(taken)
