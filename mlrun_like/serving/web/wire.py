"""Bytes of HTTP/1.1 answers."""

from __future__ import annotations

import http

from mlrun_like.serving.web.request import RawHeaders

__all__ = ["CLOSE", "CONTINUE", "JSON_HEAD", "LAST", "chunk", "head"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"connection: close\r\n"
LAST = b"0\r\n\r\n"
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Status"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("latin-1")


_STATUS = {status: _status_line(status) for status in range(100, 600)}


def head(status: int, headers: RawHeaders, more: bytes = b"") -> bytes:
    """Status line and headers; `more` holds further whole lines.

    >>> head(200, [(b"a", b"b")])
    b'HTTP/1.1 200 OK\\r\\na: b\\r\\n\\r\\n'
    """
    lines = [b"%b: %b\r\n" % pair for pair in headers]
    start = _STATUS.get(status) or _status_line(status)
    return b"".join([start, *lines, more, b"\r\n"])


def chunk(data: bytes) -> bytes:
    """One part of a body of unknown length.

    >>> chunk(b"hello")
    b'5\\r\\nhello\\r\\n'
    """
    return b"%x\r\n%b\r\n" % (len(data), data)
