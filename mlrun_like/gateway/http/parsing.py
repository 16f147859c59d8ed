"""Requests from bytes: what httptools calls while it reads a connection."""

from __future__ import annotations

import collections
from typing import Any

import httptools

from mlrun_like.gateway.http.admission import admit
from mlrun_like.gateway.http.answers import Refusal, refusal
from mlrun_like.gateway.http.checks import (
    COMMON,
    DOUBLED,
    HOP,
    MOST_HEAD,
    MOST_HEADERS,
    MOST_URL,
    NOTED,
    PASSED,
    SIMPLE,
    TOO_LONG_HEAD,
    TOO_LONG_URL,
    is_host,
    stays,
    too_large,
    wrong,
)
from mlrun_like.gateway.http.counted import CountedBody
from mlrun_like.gateway.http.exchange import Exchange
from mlrun_like.gateway.http.front import Front, Site
from mlrun_like.gateway.http.headers import is_reserved, without_named

__all__ = ["RequestReader"]

_LARGE = 16 * 1024  # bodies above this count against the limit of all


class RequestReader:
    """The reading half of a connection: complete requests wait in `waiting`.

    Args:
        front: What all connections share.
        site: Where this one came in.
    """

    def __init__(self, front: Front, site: Site) -> None:
        self.front, self.site = front, site
        self.parser: Any = httptools.HttpRequestParser(self)
        self.waiting: collections.deque[Exchange] = collections.deque()
        self.arriving: Exchange | None = None
        """The request whose body is arriving."""
        self.since = 0.0
        """When something last happened, by the front's clock."""
        self.reading = self.in_head = False
        """Whether a request, or its head, has begun to arrive."""
        self.deaf = False
        """Whether nothing of what the client sends matters any more."""
        self.size = 0
        """Bytes of the body that is arriving."""
        self.rest = b""
        """What came behind a request that asks for a tunnel."""
        self._framing = self._fed = self._behind = 0
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._noted: dict[bytes, bytes] = {}
        self.rare = False
        """Whether a header came that changes how the request is read or passed on."""
        self._body: bytes | bytearray = b""

    def wait(self, exchange: Exchange, expects: bool) -> None:
        """A thread looks at the caller's password; nothing more is read until then."""
        raise NotImplementedError

    def turn_away(self, exchange: Exchange) -> None:
        """Answer a request whose body is not wanted, and end the connection."""
        raise NotImplementedError

    def invite(self) -> None:
        """Tell the client to send the body."""
        raise NotImplementedError

    def read(self, data: bytes) -> None:
        """Take in what has come."""
        before = self.size
        self._fed = fed = len(data)
        self._framing += fed
        while True:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as exc:
                data = self._upgraded(data[exc.args[0] :] if exc.args else b"")
                if not data:
                    return
            except httptools.HttpParserError as exc:
                self.broken(str(exc))
                return
        if not self.reading:
            return
        if self.in_head:
            if len(self._url) > MOST_URL:
                self._fail(TOO_LONG_URL)
            elif self._framing > MOST_HEAD:
                self._fail(TOO_LONG_HEAD)
        elif before == self.size and self._framing > MOST_HEAD + 16 * self.size:
            self.broken("there is too much around the body's parts")

    def broken(self, why: str) -> None:
        """What has come is not HTTP/1.1."""
        self._fail(refusal(400, "http", f"the request is not HTTP/1.1: {why:.100}"))

    # What httptools calls ------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.reading = self.in_head = True
        self.since = self.front.now
        self.size = self._framing = 0
        self._url = b""
        self._headers = []
        self._noted = {}
        self.rare = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # behind a chunked body: nobody looks at these
        name = name.lower()
        if name in COMMON:
            self._headers.append((name, value))
        elif name in NOTED:
            noted, value = self._noted, value.strip()
            if name in noted:
                if name == b"connection" or name == b"expect":
                    value = noted[name] + b"," + value
                else:
                    noted[DOUBLED] = name
                    self.rare = True
            noted[name] = value
            if name not in SIMPLE:
                self.rare = True
                if name not in PASSED:
                    return
            self._headers.append((name, value))
        elif name[:1] != b"x" and b"_" not in name:
            if name not in HOP:
                self._headers.append((name, value))
        elif self.site.trusted or not is_reserved(name):
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        if self.deaf:
            return
        parser, noted, headers, url = self.parser, self._noted, self._headers, self._url
        self.arriving = exchange = Exchange(self)  # type: ignore[arg-type]
        exchange.method = method = parser.get_method()
        exchange.target = url
        exchange.headers = headers
        version = parser.get_http_version()
        if version == "1.1":
            if not parser.should_keep_alive():
                exchange.keep = False
        else:
            exchange.old, exchange.keep = True, False
        if method == b"HEAD":
            exchange.head_only = True
        is_long = self._framing + self._fed > MOST_URL
        if (
            self.rare
            or is_long
            or version != "1.1"
            or len(headers) > MOST_HEADERS
            or not is_host(noted.get(b"host"))
        ):
            exchange.refusal = wrong(version, url, headers, noted, is_long)
            if exchange.refusal is not None:
                self.turn_away(exchange)
                return
            found = self._pass_rare(exchange, noted)
        else:
            found = self._pass(exchange, noted)
        if found is not None:
            exchange.refusal = found
            if not stays(method, url, noted):
                self.turn_away(exchange)
        elif self.rare and b"expect" in noted:
            self._expected(exchange, noted[b"expect"])

    def _pass(self, exchange: Exchange, noted: dict[bytes, bytes]) -> Refusal | None:
        """The decision about a head that is right: where it goes, and how much may follow."""
        found = admit(self, exchange, noted)  # type: ignore[arg-type]
        gate = exchange.gate
        if found is not None or gate is None:
            return found
        if exchange.pending is not None:
            self.wait(exchange, b"expect" in noted)
        length = noted.get(b"content-length")
        if length is not None:
            size = int(length)
            if size > gate.max_body:
                return too_large(gate.max_body)
            if size > _LARGE:
                return self.front.reserve(exchange, size)
        return None

    def _pass_rare(self, exchange: Exchange, noted: dict[bytes, bytes]) -> Refusal | None:
        """The same for one whose headers say something about the connection, or how to read it."""
        named = noted.get(b"connection", b"")
        if named and named.lower() not in (b"close", b"keep-alive"):
            exchange.headers = without_named(exchange.headers, named)
        if b"idempotency-key" in noted:
            exchange.repeatable = True
        found, gate = self._pass(exchange, noted), exchange.gate
        if b"upgrade" in noted and self.parser.should_upgrade():
            self._behind = int(noted.get(b"content-length") or 0)
            if b"transfer-encoding" in noted:
                return refusal(501, "http", "an upgrade with a body in chunks is not read here")
            if found is None and gate is not None and gate.proxies and not self._behind:
                exchange.upgrade = True
                exchange.headers += [
                    (name, noted[name]) for name in (b"connection", b"upgrade") if name in noted
                ]
        return found

    def _expected(self, exchange: Exchange, value: bytes) -> None:
        if value.strip().lower() != b"100-continue":
            exchange.refusal = refusal(417, "expect", "only 100-continue can be expected")
            self.turn_away(exchange)
        elif exchange.pending is None and not exchange.old:
            self.invite()

    def on_body(self, body: bytes) -> None:
        exchange = self.arriving
        fed = len(body)
        self.size = size = self.size + fed
        if exchange is None or self.deaf or exchange.refusal is not None:
            return
        if size == fed:
            self._body = body
        else:
            if type(self._body) is bytes:
                self._body = bytearray(self._body)
            self._body += body
        gate = exchange.gate
        if gate is not None and size > gate.max_body:
            self._too_much(exchange, too_large(gate.max_body))
        elif size > _LARGE and size > exchange.large:  # chunked: the length is not known before
            found = self.front.reserve(exchange, size * 2)
            if found is not None:
                self._too_much(exchange, found)

    def _too_much(self, exchange: Exchange, found: Refusal) -> None:
        self._body = b""
        exchange.refusal = found
        self.turn_away(exchange)

    def on_message_complete(self) -> None:
        if self._behind:
            return  # its head asks for another protocol: the body comes now
        self.reading = False
        exchange, self.arriving = self.arriving, None
        if exchange is None or self.deaf:
            return
        if self.size and exchange.refusal is None:
            exchange.body = bytes(self._body)  # bytes as they are cost nothing here
            self._body = b""
        self.waiting.append(exchange)
        if not exchange.keep:
            self.deaf = True

    # Ends ----------------------------------------------------------------------------------------

    def _upgraded(self, rest: bytes) -> bytes:
        """A request asked for another protocol; gives what shall be read as HTTP/1.1 behind it."""
        last = self.waiting[-1] if self.waiting else None
        if self.deaf:
            return b""
        if self._behind:
            self.parser, self._behind = CountedBody(self, self._behind), 0
            return rest
        if last is not None and last.upgrade and last.refusal is None:
            self.rest, self.deaf = rest, True
            return b""
        self.parser = httptools.HttpRequestParser(self)  # we stay with HTTP/1.1
        return rest

    def _fail(self, found: Refusal) -> None:
        if self.deaf:
            return
        exchange = self.arriving
        if exchange is None:
            exchange = Exchange(self)  # type: ignore[arg-type]
            exchange.target = self._url[:MOST_URL]
        exchange.refusal = exchange.refusal or found
        self.turn_away(exchange)
