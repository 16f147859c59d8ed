"""How often who may ask: users, tokens, addresses, and those who guess passwords."""

from __future__ import annotations

from mlrun_like.errors import RateLimitError
from mlrun_like.gateway.http.limits import Buckets, address_of

__all__ = ["Limits"]


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
            "pair": Buckets(0.1, 8),
            "address": Buckets(0.5, 40),
            "name": Buckets(1.0, 100),
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


def _refuse(wait: float, what: str) -> None:
    if wait > 0:
        raise RateLimitError(what, fix="wait, then try again", retry_after=wait)
