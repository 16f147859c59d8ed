"""Connections that stop being HTTP: websockets and other upgrades, for services that proxy.

A service with a true attribute `proxies` has

    open(tunnel: Tunnel, call: Call) -> Sink | None

which is called for each request with `Connection: upgrade`, after its caller has passed auth, rate
limit and routing. The call is as for `submit`; its headers also have `connection` and `upgrade`.
From then on the service owns the connection: the sink gets every byte that comes, and
`tunnel.write` sends raw bytes; the answer's head (`HTTP/1.1 101 Switching Protocols ...`, or a
refusal) is the first of them. If the application refuses the upgrade, the service closes the tunnel
behind that answer: further requests on it would pass nobody. A service that has nobody to ask
answers by `call.reply` or `tunnel.refuse` and gives None. All other requests come by `submit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mlrun_like.gateway.http.answers import CLOSE, STATUS, refusal

if TYPE_CHECKING:
    from mlrun_like.gateway.http.exchange import Exchange
    from mlrun_like.gateway.http.protocol import FrontProtocol

__all__ = ["Sink", "Tunnel"]


class Sink(Protocol):
    """What the service does with the client's bytes. All are called on the event loop."""

    def data(self, data: bytes) -> None:
        """What the client sent."""

    def eof(self) -> None:
        """It sends nothing more; the tunnel stays open for what it reads."""

    def lost(self) -> None:
        """The client has gone; called once, also after `Tunnel.close`."""

    def pause(self) -> None:
        """The client is slow: write no more for now."""

    def resume(self) -> None:
        """It has taken most of what was written."""


class Tunnel:
    """The client's side of a connection that is no HTTP any more.

    Args:
        connection: It.
        head: The request that began it.
    """

    def __init__(self, connection: FrontProtocol, head: Exchange) -> None:
        self.head = head
        self.sink: Sink | None = None
        self._connection = connection
        self._transport = connection.transport

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        if not self._transport.is_closing():
            if not self.head.begun:
                self.head.begun = True
                word = data[9:12]
                self.head.status = int(word) if word.isdigit() and len(word) == 3 else 502
            self.head.sent += len(data)
            self._transport.write(data)

    def refuse(self, status: int, code: str, what: str) -> None:
        """Answer that there is no tunnel, and close it."""
        found = refusal(status, code, what)
        start = STATUS[status] + self._connection.front.date + self.head.lines + CLOSE
        self.write(start + found.content)
        self.close()

    def write_eof(self) -> None:
        """Say that nothing more will be sent."""
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def close(self) -> None:
        """End the connection once the client has read everything."""
        self._transport.close()

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Let the client wait with what it sends."""
        self._connection.pause_reading()

    def resume_reading(self) -> None:
        """Let it send again."""
        self._connection.resume_reading()
