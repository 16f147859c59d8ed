"""How often who may ask: users, tokens, addresses, and those who guess passwords."""

from __future__ import annotations

import time

from mlrun_like.errors import RateLimitError
from mlrun_like.gateway.http.limits import Buckets, address_of
from mlrun_like.tracking.access_abilities import AuditStore

__all__ = ["Limits", "refuse_guessing"]

_PAIR, _ADDRESS, _NAME = 8, 40, 100
_SPAN = 80.0
"""Seconds in which so many tries may be wrong: of a name at an address, an address, a name."""


class Limits:
    """The limits of one process; what they remember is bounded.

    Args:
        rate: Requests per second of one user or token; 0: any number.
        address_rate: Requests per second of one address without login; 0: any number.
    """

    def __init__(self, rate: float, address_rate: float) -> None:
        self._callers = Buckets(rate, max(1, int(4 * rate))) if rate else None
        self._addresses = Buckets(address_rate, max(1, int(4 * address_rate)))
        self._open = address_rate <= 0
        self._guesses = {
            "pair": Buckets(_PAIR / _SPAN, _PAIR),
            "address": Buckets(_ADDRESS / _SPAN, _ADDRESS),
            "name": Buckets(_NAME / _SPAN, _NAME),
        }

    def caller(self, key: str) -> None:
        """Count a request of a caller. Raises RateLimitError."""
        if self._callers is not None:
            _refuse(self._callers.take(key), "this caller asks too often")

    def address(self, address: str) -> None:
        """Count a request without login. Raises RateLimitError."""
        if not self._open:
            wait = self._addresses.take(address_of((address, 0)))
            _refuse(wait, "this address asks too often")

    def guess(self, name: str, address: str) -> None:
        """Count a try to log in. Raises RateLimitError."""
        place = address_of((address, 0))
        name = name[:200].casefold()
        for kind, key in (("pair", f"{name}\0{place}"), ("address", place), ("name", name)):
            _refuse(self._guesses[kind].take(key), "too many tries to log in")


def refuse_guessing(store: AuditStore, name: str, address: str) -> None:
    """As `Limits.guess`, over all processes of the service, and over restarts: the audit log knows
    who was wrong.

    Raises:
        RateLimitError: if too many tries were wrong.
    """
    place = address_of((address, 0))
    pair = by_address = by_name = 0
    for known, where in store.wrong_logins(time.time() - _SPAN):
        here = address_of((where, 0)) == place
        by_address += here
        by_name += known == name
        pair += here and known == name
    if pair >= _PAIR or by_address >= _ADDRESS or by_name >= _NAME:
        _refuse(_SPAN / _PAIR, "too many tries to log in")


def _refuse(wait: float, what: str) -> None:
    if wait > 0:
        raise RateLimitError(what, fix="wait, then try again", retry_after=wait)
