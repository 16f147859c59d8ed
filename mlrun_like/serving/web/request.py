"""A request as an event: what the steps may ask for, each part made when somebody does."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode, decode_body
from mlrun_like.serving.event import Event

__all__ = ["HttpEvent", "RawHeaders", "refused", "unpacked"]

RawHeaders = list[tuple[bytes, bytes]]

_JSON = b"application/json"
_JSON_TEXT = "application/json"
_READ = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"mlrun-event-id",
        b"mlrun-event-path",
        b"request-timeout",
    }
)
_LONGEST = 365 * 86400.0


def refused(what: str, fix: str, status: int) -> InvalidArgumentError:
    """The error for a request that is turned away with a status of its own."""
    error = InvalidArgumentError(what, fix=fix)
    error.status = status
    return error


class _Made:
    """A field made from the raw request when it is first read."""

    def __init__(self, make: Callable[[HttpEvent], Any]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, event: Any, owner: type | None = None) -> Any:
        if event is None:
            return self
        value = event.__dict__[self._name] = self._make(event)
        return value


def _headers(event: HttpEvent) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in event.raw_headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _query(event: HttpEvent) -> dict[str, str]:
    text = event.query_string.decode("latin-1")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1000))
    except ValueError as exc:
        raise InvalidArgumentError(f"the query string cannot be read: {exc}") from exc


class HttpEvent(Event):
    """An event that came over HTTP.

    `headers` (by lower-case name) and `query` (the URL's parameters by name, the last of equal
    ones) are dictionaries, made when they are first read.

    >>> event = HttpEvent.of("GET", "/a", b"n=1", [(b"x-user", b"me")])
    >>> event.query, event.headers
    ({'n': '1'}, {'x-user': 'me'})
    """

    headers: Any = _Made(_headers)
    query: Any = _Made(_query)
    raw_headers: RawHeaders
    query_string: bytes = b""

    @classmethod
    def of(cls, method: str, path: str, query: bytes, headers: RawHeaders) -> HttpEvent:
        """The event of a request, still without its body.

        Args:
            method: In capitals.
            path: Decoded, without the query.
            query: As in the URL.
            headers: Names in lower case, and values.
        """
        event = cls.__new__(cls)
        event.method = method
        event.path = path
        event.raw_headers = headers
        if query:
            event.query_string = query
        return event

    def read(self, body: bytes, most: int, timeout: float = 0.0) -> None:
        """Take the body in, decoded by its type, and what headers say about the event.

        `MLRUN-EVENT-ID` and `MLRUN-EVENT-PATH` name its id and path, as for MLRun;
        `Request-Timeout` says how many seconds the caller waits.

        Args:
            body: As it came.
            most: Bytes that it may have once it is unpacked.
            timeout: Seconds a request may take; 0: no limit.

        Raises:
            InvalidArgumentError: if the body is not what its type promises, is compressed in an
                unknown way (status 415), or too large once it is not (413).
        """
        kind = ""
        for name, value in self.raw_headers:
            if name in _READ:
                if name == b"content-type":
                    kind = _JSON_TEXT if value == _JSON else value.decode("latin-1")
                elif name == b"mlrun-event-id":
                    self.id = value.decode("latin-1")
                elif name == b"mlrun-event-path":
                    self.path = value.decode("latin-1")
                elif name == b"request-timeout":
                    timeout = min(_seconds(value), timeout or math.inf)
                else:
                    body = unpacked(body, value, most)
        if timeout:
            self.deadline = time.monotonic() + timeout
        if kind is _JSON_TEXT and body:  # nearly all are
            self.content_type = kind
            self.body = decode(body)
            return
        if kind:
            self.content_type = kind
        self.body = decode_body(body, kind)


def _seconds(value: bytes) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise InvalidArgumentError(
            f"the header Request-Timeout is {value[:40]!r}, not a number of seconds above 0",
            fix="send for example Request-Timeout: 2.5",
        )
    return min(seconds, _LONGEST)


def unpacked(body: bytes, encoding: bytes, most: int) -> bytes:
    """A body without its compression; never more than `most` bytes are made.

    >>> unpacked(zlib.compress(b"a" * 9), b"deflate", 9)
    b'aaaaaaaaa'

    Raises:
        InvalidArgumentError: if it is not compressed as it says; with the status 415 if the
            compression is unknown, 413 if it hides more than `most` bytes.
    """
    name = encoding.decode("latin-1").strip().lower()
    if name in ("", "identity") or not body:
        return body
    if name not in ("gzip", "x-gzip", "deflate"):
        raise refused(
            f"the body is compressed with {name[:40]!r}", "send it as gzip or as it is", 415
        )
    try:
        machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
        content = machine.decompress(body, most + 1)
    except zlib.error as exc:
        raise InvalidArgumentError(f"the body is not {name}: {exc}") from exc
    if len(content) > most:
        raise refused(
            f"the body is larger than {most} bytes once it is unpacked",
            "send less at a time, or raise the setting max_body_size",
            413,
        )
    if not machine.eof:
        raise InvalidArgumentError(f"the body is not {name}: its end is missing")
    return content
