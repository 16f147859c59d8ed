"""Websockets and other upgrades: the client's connection and the application's, tied together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlrun_like.gateway.applications.exchange import Exchange
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.http.answers import STATUS

if TYPE_CHECKING:
    from mlrun_like.gateway.http.tunnel import Tunnel

__all__ = ["TunnelAsker"]

Headers = list[tuple[bytes, bytes]]
_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n"


class TunnelAsker:
    """Gives the answer to an upgrade to a client, then whatever comes; a `tunnel.Sink` too.

    Args:
        tunnel: The client's side.
        call: The request for it.
        on_finished: Called when the tunnel has ended.
    """

    def __init__(self, tunnel: Tunnel, call: Call, on_finished: Callable[[Call], None]) -> None:
        self._tunnel, self._call, self._on_finished = tunnel, call, on_finished
        self.exchange: Exchange | None = None
        self._gone = False

    # What the application says (exchange.Asker) -------------------------------------------------

    def start(self, status: int, reason: bytes, headers: Headers, length: int | None) -> None:
        """See Asker."""
        self._call.status, self._call.started = status, True
        lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        if status == 101:
            self._tunnel.write(b"%b%b\r\n" % (_SWITCHING, lines))
            return
        lines += b"connection: close\r\n"  # without a length the body ends where this does
        if length is not None:
            lines += b"content-length: %d\r\n" % length
        self._tunnel.write(b"%b%b\r\n" % (STATUS.get(status, STATUS[502]), lines))

    def part(self, data: bytes) -> None:
        """See Asker."""
        self._tunnel.write(data)

    def end(self) -> None:
        """See Asker."""
        self._tunnel.close()
        self._over()

    def broken(self, why: str) -> None:
        """See Asker."""
        self._tunnel.abort()
        self._over()

    def refused(self, status: int, error: str, code: str, retry_after: float) -> None:
        """See Asker."""
        self._call.status = status
        if not self._gone:
            self._tunnel.refuse(status, code, error)
        self._over()

    def hold(self) -> None:
        """See Asker."""
        self._tunnel.pause_reading()

    def go_on(self) -> None:
        """See Asker."""
        if not self._gone:
            self._tunnel.resume_reading()

    # What the client says (tunnel.Sink) ---------------------------------------------------------

    def data(self, data: bytes) -> None:
        """See Sink."""
        if self.exchange is not None:
            self.exchange.feed(data)

    def eof(self) -> None:
        """See Sink."""
        if self.exchange is not None:
            self.exchange.finish()

    def lost(self) -> None:
        """See Sink."""
        self._gone = True
        if self.exchange is not None:
            self.exchange.abort()
        self._over()

    def pause(self) -> None:
        """See Sink."""
        if self.exchange is not None:
            self.exchange.pause()

    def resume(self) -> None:
        """See Sink."""
        if self.exchange is not None:
            self.exchange.resume()

    def _over(self) -> None:
        if not self._call.finished:
            self._call.finished = True
            self._call.status = self._call.status or 499
            self._on_finished(self._call)
