"""The client's half of HTTP/1.1 (RFC 9112) without sockets: requests to bytes, replies back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Address", "Reply", "ReplyReader", "parse_url", "request_bytes"]

_MOST_HEAD = 256 * 1024  # bytes of status line and headers; far more than servers send
_PLAIN = "!$%&'()*+,-./:;=?@[]_~"  # stays as it is in a path and query
_BODY_METHODS = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class Address:
    """Where a connection goes: what connections are kept by."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(slots=True)
class Reply:
    """What a server answered; header names are in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def parse_url(url: str) -> tuple[Address, SplitResult]:
    """Where a URL leads, and its parts.

    >>> parse_url("http://localhost:8080/a?b=1")[0].port
    8080

    Raises:
        InvalidArgumentError: if it is not an http(s) URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it must start with http:// or https:// and name a host")
    except (ValueError, AttributeError, TypeError) as exc:
        raise InvalidArgumentError(
            f"{url!r:.200} is not a URL: {exc}", fix="such as http://localhost:8080/path"
        ) from exc
    return Address(parts.scheme, parts.hostname, port), parts


def request_bytes(
    method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes
) -> bytes:
    """A whole request, ready to be sent.

    Raises:
        InvalidArgumentError: if the method or a header has a line end or is not Latin-1.
    """
    target = quote(parts.path or "/", _PLAIN)
    if parts.query:
        target += "?" + quote(parts.query, _PLAIN)
    lines = [f"{method} {target} HTTP/1.1"]
    named = {name.lower(): value for name, value in headers.items()}
    if "host" not in named:
        lines.append(f"host: {parts.netloc.rpartition('@')[2]}")
    lines += [f"{name}: {value}" for name, value in named.items() if name != "content-length"]
    if body or method in _BODY_METHODS:
        lines.append(f"content-length: {len(body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise InvalidArgumentError(
            "a header holds a line end", fix="remove it: it would become another header"
        )
    try:
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    except UnicodeEncodeError as exc:
        raise InvalidArgumentError(
            f"a header cannot be sent: {exc}", fix="headers may hold Latin-1 text only"
        ) from exc


class ReplyReader:
    """Takes the bytes of one reply as they come.

    Args:
        method: The request's: a reply to HEAD has no body.

    >>> reader = ReplyReader("GET")
    >>> reader.feed(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nhi")
    b'hi'
    >>> reader.reply.status, reader.done, reader.keep_alive
    (200, True, True)
    """

    def __init__(self, method: str) -> None:
        self.reply = Reply(0)
        self.has_head = False
        self.done = False
        self.keep_alive = False
        """Whether the connection can carry another request once this reply is done."""
        self._no_body = method == "HEAD"
        self._held = bytearray()
        self._left = -1  # bytes of body or chunk still to come; -1: until the connection ends
        self._chunked = False
        self._trailer = False

    def feed(self, data: bytes) -> bytes:
        """The part of the body that `data` holds; empty `data` means the connection ended.

        Raises:
            ConnectionError: if the reply is cut off or not HTTP.
        """
        if not data:
            if self.has_head and not self._chunked and self._left < 0:
                self.done = True
                return b""
            raise _broken("the server closed the connection in the middle of its answer")
        self._held += data
        while not self.has_head:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                if len(self._held) > _MOST_HEAD:
                    raise _broken("the answer's headers are too long")
                return b""
            head = bytes(self._held[:end])
            del self._held[: end + 4]
            self._head(head)
        if self._chunked:
            return self._chunks()
        taken = bytes(self._held if self._left < 0 else self._held[: self._left])
        self._held.clear()
        if self._left >= 0:
            self._left -= len(taken)
            self.done = self._left == 0
        return taken

    def _head(self, head: bytes) -> None:
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = status_line.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
            raise _broken(f"the answer is not HTTP: {status_line[:60]!r}")
        if code.startswith("1"):  # interim: the real one follows
            return
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self.reply.status, self.reply.headers, self.has_head = int(code), headers, True
        self.keep_alive = version != "HTTP/1.0" and "close" not in headers.get("connection", "")
        length = headers.get("content-length", "")
        if self._no_body or self.reply.status in (204, 304):
            self._left = 0
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            self._chunked = True
        elif length:
            if not (length.isascii() and length.isdigit()):
                raise _broken(f"the answer has the length {length[:20]!r}")
            self._left = int(length)
        else:
            self.keep_alive = False
        self.done = self._left == 0 and not self._chunked

    def _chunks(self) -> bytes:
        held, parts, at = self._held, [], 0
        while not self.done:
            if self._left > 0:
                part = bytes(held[at : at + self._left])
                at += len(part)
                self._left -= len(part)
                parts.append(part)
                if self._left or at + 2 > len(held):
                    if not self._left:
                        self._left = -2  # the line end after the chunk has not come yet
                    break
                at += 2
                self._left = -1
                continue
            if self._left == -2:
                if at + 2 > len(held):
                    break
                at += 2
                self._left = -1
            end = held.find(b"\r\n", at)
            if end < 0:
                if len(held) - at > _MOST_HEAD:
                    raise _broken("a chunk's length is too long")
                break
            line = bytes(held[at:end])
            at = end + 2
            if self._trailer:
                self.done = not line
                continue
            try:
                self._left = int(line.partition(b";")[0], 16)
            except ValueError:
                raise _broken(f"a chunk has the length {line[:20]!r}") from None
            if self._left == 0:
                self._trailer, self._left = True, -1
        del held[:at]
        return b"".join(parts)


def _broken(reason: str) -> ConnectionError:
    return ConnectionError(reason)
