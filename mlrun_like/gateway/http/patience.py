"""What clients may not make us wait for: heads, bodies, reading of answers, unused connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrun_like.gateway.http.answers import CONTINUE, refusal
from mlrun_like.gateway.http.exchange import Exchange

if TYPE_CHECKING:
    from mlrun_like.gateway.http.protocol import FrontProtocol

__all__ = ["look"]

_LINGER = 3.0  # seconds in which a refused client must go on sending or read why
_LINGER_MOST = 30.0
_PROBE, _AGAIN = 0.4, 5.0  # seconds until a half-closed connection is asked whether it is there
_FIRST = 3  # times that it is asked soon: only the write behind the system's answer fails


def look(connection: FrontProtocol, now: float) -> None:
    """End a connection, or its request, if it takes too long.

    Args:
        connection: Which.
        now: Seconds of the loop's clock.
    """
    limits = connection.front.limits
    transport = connection.transport
    age = now - connection.since
    if connection.paused_at or (transport.is_closing() and connection.tunnel is None):
        _reads(connection, now)
    elif connection.lingering and transport.get_write_buffer_size():
        connection.lingering = now  # the answer before all else
        _reads(connection, now)
    elif connection.tunnel is not None:
        return
    elif connection.lingering:
        if now - connection.lingering > _LINGER or now - connection.linger_began > _LINGER_MOST:
            transport.abort()
    elif connection.current is not None or connection.waiting:
        current = connection.current
        if (
            connection.half_closed
            and age > (_PROBE if connection.half_closed <= _FIRST else _AGAIN)
            and not (current and (current.begun or current.old))
        ):
            # legal before any answer; if the client has really gone, its system resets us
            transport.write(CONTINUE)
            connection.half_closed += 1
            connection.since = now
    elif connection.reading:
        more = 0.0 if connection.in_head else connection.size / limits.slowest
        if age > limits.io_timeout + more:
            exchange = connection.arriving or Exchange(connection)
            what = f"the request did not arrive within {limits.io_timeout:g} s"
            exchange.refusal = refusal(408, "slow", what)
            connection.turn_away(exchange)
    elif age > (limits.io_timeout if connection.fresh else limits.keep_alive) or (
        connection.front.draining and age > limits.linger
    ):
        transport.close()


def _reads(connection: FrontProtocol, now: float) -> None:
    """An answer is on its way: the client must take it, at a rate that ends some day."""
    limits = connection.front.limits
    left = connection.transport.get_write_buffer_size()
    if not connection.unsent_since:
        connection.unsent_since, connection.unsent, connection.taken = now, left, 0
        return
    connection.taken += max(0, connection.unsent - left)
    connection.unsent = left
    if now - connection.unsent_since > limits.io_timeout + connection.taken / limits.slowest:
        connection.transport.abort()
