"""How often a caller may call: a bucket of permits for each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ["Buckets", "address_of"]

_MOST = 20_000  # callers that are remembered
_SECONDS = 2.0


class Buckets:
    """Token buckets by caller.

    Args:
        rate: Permits per second that come back.
        burst: Permits of a full bucket; 0: what the rate gives in two seconds, one at least.
        clock: Seconds; for tests.

    >>> buckets = Buckets(1.0, 2, clock=lambda: 0.0)
    >>> [buckets.take("anna") for _ in range(3)]
    [0.0, 0.0, 1.0]
    """

    def __init__(
        self, rate: float, burst: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = float(burst or max(1, math.ceil(rate * _SECONDS)))
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> float:
        """Take a permit: 0, or the seconds after which there is one."""
        now = self._clock()
        left, since = self._left.get(caller, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.rate)
        if left < 1.0:
            self._left[caller] = left, now
            return (1.0 - left) / self.rate
        self._left[caller] = left - 1.0, now
        if len(self._left) > _MOST:
            self._forget(now)
        return 0.0

    def is_empty(self, caller: str) -> bool:
        """Whether no permit is left; takes none."""
        left, since = self._left.get(caller, (self.burst, 0.0))
        return left + (self._clock() - since) * self.rate < 1.0

    def _forget(self, now: float) -> None:
        """Full buckets are as good as none; if that is not enough, the oldest half goes."""
        rate, burst = self.rate, self.burst
        self._left = {
            caller: (left, since)
            for caller, (left, since) in self._left.items()
            if left + (now - since) * rate < burst
        }
        if len(self._left) > _MOST // 2:
            self._left = dict(list(self._left.items())[len(self._left) // 2 :])


def address_of(peer: object) -> str:
    """Who a connection comes from: the address; of IPv6 the network, which is one customer's.

    >>> address_of(("10.0.0.1", 4711)), address_of(("2001:db8:1:2:3::4", 4711, 0, 0))
    ('10.0.0.1', '2001:db8:1:2::/64')
    """
    host = peer[0] if isinstance(peer, tuple) and peer else ""
    if not isinstance(host, str) or ":" not in host:
        return str(host)
    host = host.partition("%")[0]
    if host.startswith("::ffff:") and "." in host:
        return host[7:]
    left, _, right = host.partition("::")
    words = left.split(":") if left else []
    if "::" in host:
        tail = right.split(":") if right else []
        words += ["0"] * (8 - len(words) - len(tail)) + tail
    return ":".join(words[:4]) + "::/64"
