"""What a process counts; adding is what a request pays, showing is not."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

__all__ = ["BOUNDS", "Numbers"]

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the histograms' parts in seconds."""


class Numbers:
    """The numbers of one process of the service.

    >>> numbers = Numbers()
    >>> numbers.count("GET", "/healthz", 200, 0.004)
    >>> numbers.requests
    {('GET', '/healthz', 200): 1}
    """

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        self.seconds: dict[str, list[float]] = {}
        """Route -> the parts of its histogram, then the sum."""
        self.in_flight = 0
        self.streams = 0
        self.refused: dict[str, int] = {}
        self.store_seconds = 0.0
        """How long the store took at the last look."""
        self.leader = 0

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note a request."""
        key = (method, route, status)
        self.requests[key] = self.requests.get(key, 0) + 1
        parts = self.seconds.get(route)
        if parts is None:
            parts = self.seconds[route] = [0.0] * (len(BOUNDS) + 2)
        parts[bisect_left(BOUNDS, seconds)] += 1
        parts[-1] += seconds

    def plain(self) -> dict[str, Any]:
        """As plain data, for the other processes."""
        return {
            "requests": [[*key, count] for key, count in self.requests.items()],
            "seconds": self.seconds,
            "in_flight": self.in_flight,
            "streams": self.streams,
            "store_seconds": self.store_seconds,
            "leader": self.leader,
        }

    def add(self, other: dict[str, Any], *, alive: bool) -> None:
        """Add the numbers of another process; one that has ended has only counters left."""
        for method, route, status, count in other["requests"]:
            key = (method, route, status)
            self.requests[key] = self.requests.get(key, 0) + count
        for route, parts in other["seconds"].items():
            mine = self.seconds.setdefault(route, [0.0] * (len(BOUNDS) + 2))
            for place, value in enumerate(parts):
                mine[place] += value
        if alive:
            self.in_flight += other["in_flight"]
            self.streams += other["streams"]
            self.leader = max(self.leader, other["leader"])
            self.store_seconds = max(self.store_seconds, other["store_seconds"])
