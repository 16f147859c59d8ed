"""Browsers before an application with bearer tokens: `?token=...` once, then a cookie.

A browser cannot send `Authorization` when somebody opens a page. So a GET with `?token=` of a
caller is answered with a redirect to the same address without it, and a cookie for the
application's path that scripts cannot read and other sites cannot use (`HttpOnly; SameSite=Lax`).
The function sees neither. Other kinds of functions take tokens in the header only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from mlrun_like.gateway.http.answers import Refusal
from mlrun_like.gateway.http.auth import Caller

if TYPE_CHECKING:
    from mlrun_like.gateway.http.exchange import Exchange
    from mlrun_like.gateway.http.gate import Gate

__all__ = ["COOKIE", "credentials", "enter"]

COOKIE = b"mlrun-like-token"
_PARAMETER = "token"
_ODD = frozenset(b' ",;\\') | frozenset(range(33)) | frozenset(range(127, 256))  # RFC 6265, 4.1.1


def credentials(exchange: Exchange, given: bytes) -> bytes:
    """What stands for `Authorization`: the header, else the cookie, which is taken away.

    Args:
        exchange: The request; its headers are changed.
        given: The header's value.
    """
    headers = []
    for name, value in exchange.headers:
        if name == b"cookie" and COOKIE in value:
            rest = []
            for part in value.split(b";"):
                key, _, secret = part.strip().partition(b"=")
                if key != COOKIE:
                    rest.append(part.strip())
                elif not given:
                    given = b"Bearer " + secret
            if not rest:
                continue
            value = b"; ".join(rest)
        headers.append((name, value))
    exchange.headers = headers
    return given


def enter(gate: Gate, exchange: Exchange, scheme: bytes) -> Refusal | None:
    """The redirect with the cookie, if the address has a right token; it is taken out of logs.

    Args:
        gate: Of the application.
        exchange: The request; the token is taken out of its target.
        scheme: `http` or `https`.
    """
    path, mark, query = exchange.target.partition(b"?")
    if not mark or exchange.method not in (b"GET", b"HEAD") or b"token=" not in query:
        return None
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    token = next((value for name, value in pairs if name == _PARAMETER), "").encode("latin-1")
    if not token or _ODD & set(token):
        return None
    rest = urlencode([pair for pair in pairs if pair[0] != _PARAMETER])
    exchange.target = path + (b"?" + rest.encode() if rest else b"")
    if not isinstance(gate.guard.find(b"Bearer " + token), Caller):
        return None
    shortened = path == gate.prefix or path.startswith(gate.prefix + b"/")
    where = gate.prefix if shortened else b"/"
    cookie = b"%b=%b; Path=%b; HttpOnly; SameSite=Lax" % (COOKIE, token, where)
    if scheme == b"https":
        cookie += b"; Secure"
    # one slash: `//host` would lead to another place
    target = b"/" + exchange.target.lstrip(b"/")
    lines = b"location: %b\r\nset-cookie: %b\r\ncache-control: no-store\r\n" % (target, cookie)
    lines += b"referrer-policy: no-referrer\r\ncontent-length: 0\r\n\r\n"
    return Refusal(303, lines)
