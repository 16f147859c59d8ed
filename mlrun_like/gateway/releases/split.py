"""Which version answers a request: by a header, by a caller's hash, or by weights."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Share

__all__ = ["SLOTS", "STICKY_CALLER", "Table", "check_shares", "settled"]

SLOTS = 1000
"""Weights are kept to a tenth of a percent."""
STICKY_CALLER = "caller"
"""Of `sticky`: the same caller (its name, else its address) always gets the same version."""
_STRIDE = 703
T = TypeVar("T")


class Table(Generic[T]):
    """A split of traffic, compiled: one look into a list for a request.

    Requests take the slots in steps of 703 of 1000, whose continued fraction has ones and twos
    only, so any part of the sequence is spread evenly (a Kronecker sequence: Niederreiter, Random
    Number Generation and Quasi-Monte Carlo Methods, 1992, section 3.1). Each 1000 requests in a row
    take every slot once: 10 % are 100 of 1000, and 8 to 12 of any 100. With
    `sticky` a slot is taken by a hash of the caller instead. The newest version has the lowest
    slots: a caller who got it keeps it while its weight grows.

    Args:
        shares: Who answers how much; weights add up to 100.
        targets: What `pick` gives for a version.
        sticky: Empty, `caller`, or the name of a header that tells callers apart.
        salt: Functions with different ones do not send the same callers to their canaries.

    >>> table = Table([Share(1, 90.0), Share(2, 10.0)], {1: "old", 2: "new"})
    >>> [table.next() for _ in range(1000)].count("new")
    100
    """

    def __init__(
        self, shares: Iterable[Share], targets: dict[int, T], sticky: str = "", salt: str = ""
    ) -> None:
        shares = list(shares)
        self._rules = [
            (share.header.lower().encode(), share.value.encode(), targets[share.version])
            for share in shares
            if share.header
        ]
        self._slots: list[T] = _slots(shares, targets)
        self._order = [self._slots[at * _STRIDE % SLOTS] for at in range(SLOTS)]
        self._at = 0
        self._sticky = b"" if sticky == STICKY_CALLER else sticky.lower().encode()
        self._by_caller = bool(sticky)
        self._seed = zlib.crc32(salt.encode())
        only = len({id(one) for one in self._slots}) == 1 and not self._rules
        self.only: T | None = self._slots[0] if only else None
        """The one that gets everything, if there is one."""
        self.pick: Callable[[Call], T] = (
            self._sticky_pick if sticky and not only else self._plain_pick
        )
        """Who answers a request."""

    def next(self) -> T:
        """Who is next by weight alone."""
        at = self._at
        self._at = at + 1 if at + 1 < SLOTS else 0
        return self._order[at]

    def _plain_pick(self, call: Call) -> T:
        if self._rules and (found := self._ruled(call)) is not None:
            return found
        at = self._at
        self._at = at + 1 if at + 1 < SLOTS else 0
        return self._order[at]

    def _sticky_pick(self, call: Call) -> T:
        if self._rules and (found := self._ruled(call)) is not None:
            return found
        if self._sticky:
            who = next((value for name, value in call.headers if name == self._sticky), b"")
        else:
            who = call.client.encode()
        if not who:
            return self.next()
        return self._slots[zlib.crc32(who, self._seed) % SLOTS]

    def _ruled(self, call: Call) -> T | None:
        for name, value in call.headers:
            for wanted, content, target in self._rules:
                if name == wanted and (not content or content == value):
                    return target
        return None


def _slots(shares: list[Share], targets: dict[int, T]) -> list[T]:
    weighted = sorted((one for one in shares if one.weight > 0), key=lambda one: -one.version)
    if not weighted:
        raise InvalidArgumentError("no version has a weight above 0", fix="weights add up to 100")
    total = sum(one.weight for one in weighted)
    found: list[T] = []
    reached = 0.0
    for share in weighted:
        reached += share.weight
        found.extend([targets[share.version]] * (round(reached / total * SLOTS) - len(found)))
    return found


def check_shares(shares: Iterable[Share], known: Iterable[int]) -> list[Share]:
    """The shares, if they make sense; those of no weight and no header are left out.

    Raises:
        InvalidArgumentError: if a version is not there, a weight is out of range, or they do not
            add up to 100.

    >>> check_shares([Share(1, 100.0), Share(2)], [1, 2])
    [Share(version=1, weight=100.0, header='', value='')]
    """
    known, found, total = sorted(known), [], 0.0
    for share in shares:
        if share.version not in known:
            raise InvalidArgumentError(
                f"there is no version {share.version!r}",
                fix=f"versions: {', '.join(map(str, known)) or 'none'}",
            )
        weight = share.weight
        number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not number or not 0 <= weight <= 100:
            raise InvalidArgumentError(
                f"weight {weight!r:.40} of version {share.version} must be a number from 0 to 100"
            )
        total += weight
        if weight or share.header:
            found.append(share)
    if abs(total - 100) > 0.05:
        raise InvalidArgumentError(
            f"weights add up to {total:g}, not to 100", fix='{"1": 90, "2": 10}'
        )
    return found


def settled(version: int) -> list[Share]:
    """All traffic for one version.

    >>> settled(2)
    [Share(version=2, weight=100.0, header='', value='')]
    """
    return [Share(version, 100.0)]
