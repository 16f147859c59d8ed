"""HTTP/1.1 from the client's side, without input and output (h11 does the protocol)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, Literal, NamedTuple

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.serving.remote.address import Address

__all__ = ["MOST_BYTES", "Answer", "Fault", "Wire", "http11"]

MOST_BYTES = 1 << 30
"""Bytes of an answer that are taken."""

_MOST_HEADERS = 1 << 16
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "host"})


class Answer(NamedTuple):
    """What a server said.

    Args:
        status: Its status code.
        headers: Values by lower-case name; those that came several times are joined by commas.
        body: The content, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fault(NamedTuple):
    """Why there is no answer.

    Args:
        kind: `unsent`: nothing reached the server; `lost`: the connection ended before the whole
            answer; `late`: the time was over; `broken`: the answer is not HTTP, or too large;
            `untrusted`: the server's certificate was not accepted.
        text: What happened.
    """

    kind: Literal["unsent", "lost", "late", "broken", "untrusted"]
    text: str


def http11() -> ModuleType:
    """The package h11.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    return require("h11", feature="calling other servers", extra="remote")


class Wire:
    """The state of one connection.

    Args:
        h11: The package.
    """

    def __init__(self, h11: ModuleType) -> None:
        self._h11 = h11
        self._connection: Any = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)
        self._status = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = 0
        self.heard = False
        """Whether anything came since the request."""
        self.reusable = False
        """Whether another request may follow."""

    def request(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes | None
    ) -> bytes:
        """The bytes of a request.

        Raises:
            InvalidArgumentError: if the method or a header cannot be sent.
        """
        h11 = self._h11
        self._parts.clear()
        self._size = self._status = 0
        self.heard = self.reusable = False
        try:
            fields = [("host", headers.get("host", address.authority).encode("latin-1"))]
            fields += [(name, value.encode("latin-1")) for name, value in _sent(headers)]
            if body is not None or method in ("POST", "PUT", "PATCH"):
                fields.append(("content-length", b"%d" % len(body or b"")))
            head = h11.Request(method=method, target=address.target, headers=fields)
            data: bytes = self._connection.send(head)
            if body:
                data += self._connection.send(h11.Data(data=body))
            self._connection.send(h11.EndOfMessage())
        except (h11.LocalProtocolError, UnicodeError) as exc:
            raise InvalidArgumentError(
                f"this request cannot be sent: {exc}",
                where=f"{method[:20]} {address.shown}",
                fix="look at the method, and at line ends or other characters in the headers",
            ) from exc
        return data

    def receive(self, data: bytes) -> Answer | Fault | None:
        """Take bytes that came, `b""` for the end; the answer when it is complete."""
        h11 = self._h11
        self.heard = self.heard or bool(data)
        try:
            self._connection.receive_data(data)
            while True:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    return None
                kind = type(event)
                if kind is h11.Data:
                    self._size += len(event.data)
                    if self._size > MOST_BYTES:
                        return Fault("broken", f"the answer is larger than {MOST_BYTES} bytes")
                    self._parts.append(bytes(event.data))
                elif kind is h11.Response:
                    self._status = event.status_code
                    self._headers = _joined(event.headers)
                elif kind is h11.EndOfMessage:
                    return self._complete()
                elif kind is not h11.InformationalResponse or event.status_code == 101:
                    return Fault("lost", "the server ended the connection")
        except h11.RemoteProtocolError as exc:
            if not data:
                return Fault("lost", "the server ended the connection before the whole answer")
            return Fault("broken", f"the answer is not HTTP: {exc}")

    def _complete(self) -> Answer | Fault:
        connection, h11 = self._connection, self._h11
        both = (connection.our_state, connection.their_state)
        if both == (h11.DONE, h11.DONE) and not connection.trailing_data[0]:
            connection.start_next_cycle()
            self.reusable = True
        body = b"".join(self._parts)
        self._parts.clear()
        coding = self._headers.get("content-encoding", "identity").lower()
        if coding != "identity" and body:
            try:
                body = _unpacked(body, coding)
            except (zlib.error, ValueError) as exc:
                return Fault("broken", f"the answer cannot be decompressed: {exc}")
        return Answer(self._status, self._headers, body)


def _sent(headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, value in headers.items():
        if name not in _OURS:
            yield name, value
    if "accept-encoding" not in headers:
        yield "accept-encoding", "identity"


def _joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _unpacked(body: bytes, coding: str) -> bytes:
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"its coding {coding[:30]!r} is not known")
    opener = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, whichever it is
    found = opener.decompress(body, MOST_BYTES)
    if opener.unconsumed_tail or not opener.eof:
        raise ValueError("it is cut off or too large")
    return found
