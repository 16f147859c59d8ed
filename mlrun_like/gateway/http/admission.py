"""Whether a request may pass, decided by its head, before its body costs anything."""

from __future__ import annotations

import math
from concurrent.futures import Future
from typing import TYPE_CHECKING

from mlrun_like.gateway.http.answers import Refusal, refusal
from mlrun_like.gateway.http.auth import Caller
from mlrun_like.gateway.http.browsers import credentials, enter
from mlrun_like.gateway.http.checks import is_host
from mlrun_like.gateway.http.gate import Gate
from mlrun_like.gateway.http.pages import page

if TYPE_CHECKING:
    from mlrun_like.gateway.http.exchange import Exchange
    from mlrun_like.gateway.http.protocol import FrontProtocol

__all__ = ["admit", "decide", "rated"]

_Noted = dict[bytes, bytes]
_NOTHING_HERE = refusal(404, "route", "nothing is here")


def admit(connection: FrontProtocol, exchange: Exchange, noted: _Noted) -> Refusal | None:
    """Find the function of a request, and whether the caller may call it.

    Fills in the exchange: `gate`, `inner`, `id`, `client`, `lines`, and `pending` if a thread has
    to look at a password first.

    Args:
        connection: Where it came in.
        exchange: The request.
        noted: Headers that the gateway itself looks at.
    """
    front, site, peer = connection.front, connection.site, connection.peer
    exchange.client = peer
    exchange.id = identity = front.transactions.of(noted.get(b"x-request-id"))
    exchange.lines = b"x-request-id: %b\r\n" % identity
    target, host = exchange.target, noted.get(b"host", b"")
    if target[:1] != b"/" or exchange.method == b"CONNECT":
        scheme, mark, rest = target.partition(b"://")  # the form for proxies (RFC 9112, 3.2.2)
        host, slash, path = rest.partition(b"/")
        if not mark or scheme.lower() not in (b"http", b"https") or not is_host(host):
            return refusal(400, "http", f"{target[:100]!r} is no path")
        exchange.headers = [
            (name, host if name == b"host" else value) for name, value in exchange.headers
        ]
        target = slash + path or b"/"
    if target[:3] == b"/-/" and not site.port:
        return _own(connection, exchange, noted, target, host)
    found = front.router.find(host, exchange.method, target, site.port)
    if isinstance(found, Refusal):
        return found
    exchange.gate, exchange.inner = gate, inner = found
    if not gate.plain:
        if gate.cors is not None:
            exchange.lines += gate.cors.lines(exchange.headers)
        refused = _may(connection, exchange, noted)
        if refused is not None:
            return refused
    headers = exchange.headers
    headers.append((b"x-request-id", identity))
    if site.trusted:
        _find_trigger(exchange)
        return None
    headers += connection.told
    headers.append((b"x-forwarded-host", host))
    if len(inner) != len(target):
        headers.append(gate.told)
    return None


def _own(
    connection: FrontProtocol, exchange: Exchange, noted: _Noted, target: bytes, host: bytes
) -> Refusal | None:
    """The gateway's own addresses."""
    front, site = connection.front, connection.site
    found = page(front, exchange.method, target)
    gate = front.control
    if found is not None:
        return found
    if gate is None or (gate.open and not site.trusted):
        return _NOTHING_HERE
    exchange.gate, exchange.inner = gate, target
    refused = _may(connection, exchange, noted)
    if refused is None:
        exchange.headers.append((b"x-request-id", exchange.id))
        if not site.trusted:
            exchange.headers += (*connection.told, (b"x-forwarded-host", host))
    return refused


def _may(connection: FrontProtocol, exchange: Exchange, noted: _Noted) -> Refusal | None:
    """Whether the caller may; decided later if `exchange.pending` is set."""
    gate, peer = exchange.gate, connection.peer
    assert gate is not None
    if exchange.method == b"OPTIONS" and gate.cors is not None:
        if b"origin" in noted and b"access-control-request-method" in noted:
            lines = gate.cors.preflight(exchange.headers)
            if lines is None:
                what = f"pages of this origin may not call {gate.key} like this"
                return refusal(403, "cors", what)
            exchange.lines = b"x-request-id: %b\r\n" % exchange.id
            return Refusal(204, lines + b"\r\n")
        if gate.methods and b"OPTIONS" not in gate.methods:
            return gate.not_allowed
    if connection.site.trusted:
        return None
    if gate.broken is not None:
        return gate.broken
    if gate.open:
        return rated(gate, peer)
    if gate.guard.kind == "basic" and gate.failures.is_empty(peer):
        return refusal(
            429, "failures", "too many wrong passwords came from here",
            headers=b"retry-after: 1\r\n",
        )  # fmt: skip
    given = noted.get(b"authorization", b"")
    if gate.proxies and gate.guard.kind == "bearer":
        entered = enter(gate, exchange, connection.site.scheme)
        if entered is not None:
            return entered
        given = credentials(exchange, given)
    found = gate.guard.find(given)
    # what the gateway looked at is not for the function, which could call others with it
    exchange.headers = [pair for pair in exchange.headers if pair[0] != b"authorization"]
    if isinstance(found, Future):
        exchange.pending = found
        return None
    return decide(exchange, peer, found)


def decide(exchange: Exchange, peer: str, found: Caller | Refusal) -> Refusal | None:
    """The rest of the decision, once it is known who calls."""
    gate = exchange.gate
    assert gate is not None
    if isinstance(found, Refusal):
        if gate.guard.kind == "basic" and found.status == 401 and exchange.pending is not None:
            gate.failures.take(peer)
        return found
    exchange.client = found.name
    if not found.may(exchange.method, exchange.inner.partition(b"?")[0]):
        method = exchange.method.decode("latin-1")
        what = f"caller {found.name!r} may not {method} this path of {gate.key}"
        return refusal(403, "forbidden", what)
    exchange.headers.append((b"x-mlrun-like-caller", found.header))
    return rated(gate, "caller:" + found.name)


def rated(gate: Gate, who: str) -> Refusal | None:
    """Count a request of a caller; gives what to answer if there were too many."""
    if gate.buckets is None:
        return None
    wait = gate.buckets.take(who)
    if not wait:
        return None
    options = gate.options
    what = f"{gate.key} takes {options.rate_limit:g} requests per second of one caller"
    lines = b"retry-after: %d\r\n" % math.ceil(wait)
    return refusal(429, "rate_limit", what, "send fewer, or wait as Retry-After says", lines)


def _find_trigger(exchange: Exchange) -> None:
    """Which trigger it comes from; only trusted connections may say so."""
    for name, value in exchange.headers:
        if name == b"x-mlrun-like-trigger-name":
            exchange.trigger = value.decode("latin-1")
            return
