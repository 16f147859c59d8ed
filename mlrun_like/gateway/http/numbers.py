"""Counters of one function; adding to them is what a request pays, showing them is not."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["BOUNDS", "FunctionNumbers", "VersionNumbers"]

BOUNDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
)  # fmt: skip
"""Upper ends of the histograms' parts in seconds."""


class VersionNumbers:
    """What was counted of one version; version 0: requests that reached none."""

    __slots__ = (
        "bytes_in", "bytes_out", "cancelled", "delay", "delay_sum", "latency", "latency_sum",
        "statuses", "torn",
    )  # fmt: skip

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.latency = [0] * (len(BOUNDS) + 1)
        self.latency_sum = 0.0
        """From the last byte of the request to the last one of the answer."""
        self.delay = [0] * (len(BOUNDS) + 1)
        self.delay_sum = 0.0
        """Waiting for a replica."""
        self.bytes_in = self.bytes_out = 0
        self.torn = 0
        """Answers that broke off: a generator failed, or its worker died."""
        self.cancelled = 0
        """Clients that left before their answer."""

    def count(self, status: int, seconds: float, delay: float, size_in: int, size_out: int) -> None:
        """Note a request. Times in seconds; a delay below 0: it never reached a replica."""
        statuses = self.statuses
        statuses[status] = statuses.get(status, 0) + 1
        self.latency[bisect_left(BOUNDS, seconds)] += 1
        self.latency_sum += seconds
        if delay >= 0.0:
            self.delay[bisect_left(BOUNDS, delay)] += 1
            self.delay_sum += delay
        self.bytes_in += size_in
        self.bytes_out += size_out

    @property
    def requests(self) -> int:
        """All requests."""
        return sum(self.statuses.values())


class FunctionNumbers:
    """What was counted of a function.

    >>> numbers = FunctionNumbers()
    >>> numbers.of(1).count(200, 0.004, 0.001, 10, 20)
    >>> numbers.of(1).requests
    1
    """

    __slots__ = ("in_flight", "versions")

    def __init__(self) -> None:
        self.in_flight = 0
        """Requests that have arrived and are not answered yet."""
        self.versions: dict[int, VersionNumbers] = {}

    def of(self, version: int) -> VersionNumbers:
        """The counters of a version."""
        found = self.versions.get(version)
        if found is None:
            found = self.versions[version] = VersionNumbers()
        return found
