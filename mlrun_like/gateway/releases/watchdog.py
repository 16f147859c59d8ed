"""Watches a new version: does it pass a limit, and may the rollout take its next step?

Numbers are judged in windows, so that a fault that begins late is not hidden by the good requests
before it. Within a window a look is taken whenever its requests have grown by a quarter. The levels
of all looks of a rollout add up to 5 % (see `comparing.py`): a version that is as good as the old
one is rolled back in less than one rollout of twenty, and in practice far more seldom, since the
default also allows a difference. One that fails always is rolled back after `samples` requests.
"""

from __future__ import annotations

import bisect
from collections import deque
from typing import Any

from mlrun_like.gateway.releases.comparing import (
    difference_low,
    level,
    mean_low,
    quantile,
    quantile_high,
    ratio_low,
    share_low,
)
from mlrun_like.gateway.releases.rollout import Limits, Rollout

__all__ = ["Tally", "Watchdog", "judge"]

_KEPT = 2000
_WINDOW = 60.0
_GROWTH = 1.25


class Tally:
    """What became of the requests of one version.

    >>> tally = Tally()
    >>> tally.add(200, 0.01), tally.add(503, 0.03)
    (None, None)
    >>> tally.requests, tally.errors, round(tally.mean, 3)
    (2, 1, 0.02)
    """

    __slots__ = ("errors", "requests", "seconds", "times")

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self.seconds = 0.0
        self.times: deque[float] = deque(maxlen=_KEPT)
        """Of the last 2,000."""

    def add(self, status: int, took: float) -> None:
        """One more request."""
        self.requests += 1
        self.seconds += took
        self.times.append(took)
        if status >= 500:
            self.errors += 1

    def copy(self) -> Tally:
        """The same numbers, that do not change any more."""
        other = Tally()
        other.requests, other.errors, other.seconds = self.requests, self.errors, self.seconds
        other.times.extend(self.times)
        return other

    @property
    def mean(self) -> float:
        """Seconds a request took."""
        return self.seconds / self.requests if self.requests else 0.0

    def numbers(self) -> dict[str, Any]:
        """For `ps`; times in milliseconds."""
        ordered = sorted(self.times)
        return {
            "requests": self.requests,
            "errors": self.errors,
            "error_rate": self.errors / self.requests if self.requests else 0.0,
            "mean_ms": round(self.mean * 1e3, 3),
            "p50_ms": round(quantile(ordered, 0.5) * 1e3, 3),
            "p95_ms": round(quantile(ordered, 0.95) * 1e3, 3),
        }


class Watchdog:
    """Judges a rollout; it changes nothing.

    Args:
        plan: What is allowed.
        now: Seconds, of any clock that does not go back.
        old: Requests of the old version before the rollout: what the new one is compared with
            while the old one gets too few.
    """

    def __init__(self, plan: Rollout, now: float, old: Tally | None = None) -> None:
        self.plan = plan
        self._before = old
        self._looks = 0
        self.begin(now)

    def begin(self, now: float) -> None:
        """A new step begins."""
        self._since = now
        self._done = 0
        self._open(now)

    def _open(self, now: float) -> None:
        self._opened, self._looked = now, 0
        self.new, self.old = Tally(), Tally()

    def passed_new(self, status: int, took: float) -> None:
        """The new version answered."""
        self._done += 1
        self.new.add(status, took)

    def passed_old(self, status: int, took: float) -> None:
        """The old one did."""
        self.old.add(status, took)

    def look(self, now: float) -> str:
        """Why the new version must go; empty: nothing speaks against it."""
        count, plan = self.new.requests, self.plan
        if count < max(plan.samples, 1):
            return ""
        if count >= self._looked * _GROWTH:
            self._looked = count
            self._looks += 1
            old = self.old
            before = self._before
            if before is not None and old.requests < min(count, before.requests):
                old = before
            if reason := judge(plan.limits, self.new, old, level(self._looks)):
                return reason
        if now - self._opened >= _WINDOW:
            self._open(now)
        return ""

    def left(self, now: float) -> tuple[int, float]:
        """Requests and seconds that the step still needs."""
        return (
            max(0, self.plan.requests - self._done),
            max(0.0, self.plan.seconds - (now - self._since)),
        )


def judge(limits: Limits, new: Tally, old: Tally, z: float) -> str:
    """Which limit the new version passes for sure, in words; empty: none.

    Args:
        limits: What is allowed.
        new: Requests of the new version.
        old: Requests of the old one; none: only absolute limits count, and `error_increase`
            against a version that never fails.
        z: How many standard errors are sure.
    """
    errors = _errors(limits, new, old, z)
    return errors or _latency(limits, new, old, z)


def _errors(limits: Limits, new: Tally, old: Tally, z: float) -> str:
    hits, count = new.errors, new.requests
    told = f"{hits} of {count} requests failed ({100 * hits / max(1, count):.3g} %)"
    if limits.errors and share_low(hits, count, z) > limits.errors:
        return f"error rate: {told}, allowed are {100 * limits.errors:g} %"
    if not limits.error_increase:
        return ""
    if not old.requests:
        if share_low(hits, count, z) > limits.error_increase:
            return f"error rate: {told}, allowed are {100 * limits.error_increase:g} %"
        return ""
    low = difference_low((hits, count), (old.errors, old.requests), z)
    if low > limits.error_increase:
        rate = 100 * old.errors / old.requests
        return (
            f"error rate: {told}, the old version fails {rate:.3g} %; allowed are "
            f"{100 * limits.error_increase:g} points more"
        )
    return ""


def _latency(limits: Limits, new: Tally, old: Tally, z: float) -> str:
    times = list(new.times)
    mean = sum(times) / max(1, len(times))
    if limits.latency_mean and mean_low(times, z) > limits.latency_mean:
        return f"mean latency {_ms(mean)}, allowed are {_ms(limits.latency_mean)}"
    before = list(old.times)
    if limits.latency_factor and ratio_low(times, before, z) > limits.latency_factor:
        return (
            f"mean latency {_ms(mean)}, {mean / (sum(before) / len(before)):.3g} times the old "
            f"version's; allowed are {limits.latency_factor:g} times"
        )
    ordered = sorted(times)
    if limits.latency_p95 and _above(ordered, limits.latency_p95, z):
        return (
            f"95th percentile of latency {_ms(quantile(ordered, 0.95))}, "
            f"allowed are {_ms(limits.latency_p95)}"
        )
    if limits.latency_p95_factor:
        most = limits.latency_p95_factor * quantile_high(sorted(before), 0.95, z)
        if _above(ordered, most, z):
            return (
                f"95th percentile of latency {_ms(quantile(ordered, 0.95))}, the old version's is "
                f"{_ms(quantile(sorted(before), 0.95))}; allowed are "
                f"{limits.latency_p95_factor:g} times"
            )
    return ""


def _above(ordered: list[float], most: float, z: float) -> bool:
    """Whether the 95th percentile is surely above a value."""
    above = len(ordered) - bisect.bisect_right(ordered, most)
    return share_low(above, len(ordered), z) > 0.05


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"
