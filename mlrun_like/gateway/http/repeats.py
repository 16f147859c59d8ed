"""Requests whose head is that of the one before on the same connection: they are not read again.

Most clients that keep a connection send the same head over and over. The same bytes, read from the
same state, mean the same: where such a request goes, and whether its caller may send it, is taken
from the one before, until a function is deployed or changed. Heads that say something about the
connection, or that ask for a password, are always read; rates are always counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrun_like.gateway.http.admission import rated
from mlrun_like.gateway.http.exchange import Exchange

if TYPE_CHECKING:
    from mlrun_like.gateway.http.protocol import FrontProtocol

__all__ = ["Repeat"]

_LONGEST = 4096  # bytes of a head that is remembered
_ID = b"x-request-id"


class Repeat:
    """A head that may come again.

    Args:
        data: The request that had it, which came alone.
        exchange: The same, read.
        trusted: Whether nobody counts how often it comes.
        table: The router's table that it was routed by.
    """

    __slots__ = (
        "_counted", "_gate", "_head_only", "_headers", "_lines", "_place", "_trigger", "_who",
        "head", "table", "whole",
    )  # fmt: skip

    def __init__(self, data: bytes, exchange: Exchange, trusted: bool, table: object) -> None:
        self.whole, self.table = len(data), table
        self.head = data[: len(data) - len(exchange.body)]
        self._headers = [pair for pair in exchange.headers if pair[0] != _ID]
        self._lines = exchange.lines.partition(b"\r\n")[2]
        self._place = exchange.method, exchange.target, exchange.inner
        self._who, self._trigger = exchange.client, exchange.trigger
        self._head_only = exchange.head_only
        gate = exchange.gate
        assert gate is not None
        self._gate = gate
        self._counted = ""
        if gate.buckets is not None and not trusted:
            self._counted = exchange.client if gate.open else "caller:" + exchange.client

    @classmethod
    def of(cls, connection: FrontProtocol, data: bytes, exchange: Exchange) -> Repeat | None:
        """The head of a request that came alone in `data`, if it can be used again."""
        gate, trusted = exchange.gate, connection.site.trusted
        if gate is None or not exchange.keep or exchange.large or exchange.refusal is not None:
            return None
        if len(data) - len(exchange.body) > _LONGEST:
            return None
        if gate.guard.kind == "basic" and not trusted:
            return None
        return cls(data, exchange, trusted, connection.front.router.table)

    def fill(self, exchange: Exchange, data: bytes, identity: bytes) -> None:
        """Make the exchange that this head stands for."""
        exchange.gate = self._gate
        exchange.method, exchange.target, exchange.inner = self._place
        exchange.client = self._who
        exchange.headers = [*self._headers, (_ID, identity)]
        exchange.id, exchange.lines = identity, b"x-request-id: %b\r\n%b" % (identity, self._lines)
        exchange.body = data[len(self.head) :]
        if self._head_only:
            exchange.head_only = True
        if self._trigger:
            exchange.trigger = self._trigger
        if self._counted:
            exchange.refusal = rated(self._gate, self._counted)
