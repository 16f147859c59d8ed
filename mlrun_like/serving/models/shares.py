"""Choosing by weight: exact shares in turn, or always the same choice for the same key."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Mapping

__all__ = ["Turns", "chosen_for"]


def chosen_for(key: str, weights: Mapping[str, float]) -> str:
    """The choice for a key: the same in every process, by weighted rendezvous hashing.

    When a weight changes, only keys that must move do: to a choice that grew, or away from one
    that shrank. https://datatracker.ietf.org/doc/draft-ietf-bess-weighted-hrw/

    >>> chosen_for("user-1", {"old": 1.0, "new": 0.0})
    'old'
    """
    best, found = -math.inf, ""
    for name, weight in weights.items():
        if weight <= 0:
            continue
        digest = hashlib.blake2b(f"{name}\0{key}".encode("utf-8", "replace"), digest_size=8)
        # between 0 and 1, neither included
        share = (int.from_bytes(digest.digest(), "big") + 0.5) / 2.0**64
        score = -weight / math.log(share)
        if score > best:
            best, found = score, name
    return found


class Turns:
    """Choices in turn, spread evenly: after 100 of them each has had its share, give or take one.

    The smooth weighted round robin of nginx.

    >>> turns = Turns({"a": 3, "b": 1})
    >>> [turns.next() for _ in range(4)]
    ['a', 'a', 'b', 'a']
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = dict(weights)
        self._total = sum(weights.values())
        self._credit = dict.fromkeys(weights, 0.0)
        self._lock = threading.Lock()

    def next(self) -> str:
        """The next choice."""
        with self._lock:
            credit = self._credit
            for name, weight in self._weights.items():
                credit[name] += weight
            found = max(credit, key=credit.__getitem__)
            credit[found] -= self._total
            return found
