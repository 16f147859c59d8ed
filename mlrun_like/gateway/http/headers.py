"""Headers of requests: what clients may not say to functions, and the transaction id."""

from __future__ import annotations

import itertools
import os
import re

__all__ = ["DROPPED", "Transactions", "is_reserved", "told_of", "without_named"]

DROPPED = frozenset(
    {
        b"connection", b"expect", b"forwarded", b"http2-settings", b"keep-alive",
        b"proxy-authorization", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
        b"upgrade", b"x-real-ip",
    }
)  # fmt: skip
"""Headers that concern one connection (RFC 9110, section 7.6.1) or that we alone may set."""
_PREFIXES = (b"x-mlrun-like-", b"x-forwarded-")
_KEPT = frozenset({b"host", b"content-length", b"content-type", b"authorization", b"x-request-id"})
_SANE = re.compile(rb"[A-Za-z0-9._:/+=@~-]{1,128}")


def is_reserved(name: bytes) -> bool:
    """Whether a header of this name, in lower case, is the gateway's own.

    Names with `_` count as those with `-`: some frameworks make no difference between them.

    >>> is_reserved(b"x-forwarded-for"), is_reserved(b"x_mlrun_like_caller"), is_reserved(b"x-a")
    (True, True, False)
    """
    if b"_" in name:
        name = name.replace(b"_", b"-")
        if name in _KEPT:
            return True
    return name.startswith(_PREFIXES) or name in DROPPED


def without_named(
    headers: list[tuple[bytes, bytes]], connection: bytes
) -> list[tuple[bytes, bytes]]:
    """Headers without those that the header `Connection` names: they were for this gateway.

    >>> without_named([(b"x-a", b"1"), (b"x-b", b"2")], b"close, X-A")
    [(b'x-b', b'2')]
    """
    named = {word.strip().lower() for word in connection.split(b",")} - _KEPT
    return [pair for pair in headers if pair[0] not in named]


def told_of(peer: object, scheme: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Headers that tell functions who the client of a connection is.

    >>> told_of(("10.0.0.1", 4711), b"http")
    ((b'x-forwarded-for', b'10.0.0.1'), (b'x-forwarded-proto', b'http'))
    """
    host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    return (
        (b"x-forwarded-for", host.encode("latin-1", "replace")),
        (b"x-forwarded-proto", scheme),
    )


class Transactions:
    """Ids of requests, unique over restarts; cheaper than a random one for each.

    >>> Transactions().of(b"abc-1")
    b'abc-1'
    >>> len(Transactions().of(b"no spaces please"))
    24
    """

    def __init__(self) -> None:
        self._start = os.urandom(8).hex().encode()
        self._next = itertools.count(1).__next__

    def of(self, given: bytes | None) -> bytes:
        """The id that a client gave if it can go into logs, else a new one."""
        if given is not None and _SANE.fullmatch(given):
            return given
        return b"%b%08x" % (self._start, self._next())
