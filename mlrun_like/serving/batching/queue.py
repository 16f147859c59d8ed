"""Requests that wait for a batched call, and the numbers of what was done with them."""

from __future__ import annotations

import bisect
import math
import weakref
from collections import deque
from collections.abc import Hashable
from typing import Any

from mlrun_like.errors import OverloadedError
from mlrun_like.serving.batching.calls import Part, Request
from mlrun_like.serving.batching.options import BatchOptions

__all__ = ["LIVE", "WAIT_BOUNDS", "BatchNumbers", "Waiting", "refusal"]

WAIT_BOUNDS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0)
"""Upper bounds in milliseconds of the counts in `BatchNumbers.waits`; one more count follows."""


LIVE: weakref.WeakSet[Any] = weakref.WeakSet()
"""The batchers of this process that are in use."""


class BatchNumbers:
    """Counts of one batched call since it was created, for metrics.

    Args:
        max_rows: Most rows in a call.
    """

    def __init__(self, max_rows: int) -> None:
        self.size_bounds = (*(2**n for n in range((max_rows - 1).bit_length())), max_rows)
        """Upper bounds in rows of the counts in `sizes`."""
        self.sizes = [0] * len(self.size_bounds)
        """Calls by their number of rows."""
        self.waits = [0] * (len(WAIT_BOUNDS) + 1)
        """Requests by how long they waited for their first call."""
        self.wait_seconds = 0.0
        """Sum of these waiting times."""
        self.requests = 0
        """Requests whose first call has begun."""
        self.rows = 0
        """Rows in calls, without repetitions."""
        self.batches = 0
        """Calls, without repetitions."""
        self.repeated = 0
        """Calls that were made to find failing rows."""
        self.failed = 0
        """Requests that got an error from a call."""
        self.rejected = 0
        """Requests refused because too much was waiting."""

    def batch(self, rows: int) -> None:
        """Count a call."""
        self.rows += rows
        self.batches += 1
        self.sizes[bisect.bisect_left(self.size_bounds, rows)] += 1

    def started(self, seconds: float) -> None:
        """Count a request that waited so long."""
        self.requests += 1
        self.wait_seconds += seconds
        self.waits[bisect.bisect_left(WAIT_BOUNDS, seconds * 1e3)] += 1

    def lone(self, rows: int, failed: bool) -> None:
        """Count a request that had a call of its own at once."""
        self.requests += 1
        self.waits[0] += 1
        self.rows += rows
        self.batches += 1
        self.failed += failed
        self.sizes[0 if rows == 1 else bisect.bisect_left(self.size_bounds, rows)] += 1


class _Group:
    __slots__ = ("key", "requests", "rows")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.requests: deque[Request] = deque()
        self.rows = 0


class Waiting:
    """Requests in the order of their arrival, grouped by what may share a call.

    Groups take turns. A request whose caller left stays in its place, without rows, until its
    turn: leaving is cheap, however many leave at once.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._groups: dict[Hashable, _Group] = {}

    def add(self, request: Request, key: Hashable = None) -> None:
        """Let a request wait."""
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(key)
        request.group = group
        group.requests.append(request)
        group.rows += request.size
        self.rows += request.size

    def next_rows(self) -> int:
        """How many rows could share the next call; `rows` must not be 0."""
        return next(iter(self._groups.values())).rows

    def oldest(self) -> float:
        """When the request at the head came; `rows` must not be 0."""
        return next(iter(self._groups.values())).requests[0].arrived

    def leave(self, request: Request) -> None:
        """The caller does not wait any more: rows that are not in a call yet never will be."""
        group = request.group
        left = request.size - request.taken
        if group is None or not left:
            return
        self._forget(group, request, left)
        if not group.rows:
            self._groups.pop(group.key, None)

    def take(self, most: int) -> list[Part]:
        """Remove up to `most` rows for one call; the last request may be cut in two."""
        parts: list[Part] = []
        while self.rows and not parts:
            group = next(iter(self._groups.values()))
            self._take(group, most, parts)
            del self._groups[group.key]
            if group.rows:
                self._groups[group.key] = group
        return parts

    def clear(self) -> list[Request]:
        """Remove and return all requests."""
        found = [request for group in self._groups.values() for request in group.requests]
        self._groups.clear()
        self.rows = 0
        return found

    def _take(self, group: _Group, room: int, parts: list[Part]) -> None:
        queue = group.requests
        taken = 0
        while queue and room:
            request = queue[0]
            start = request.taken
            count = request.size - start
            if request.future.done():  # cancelled, or failed in an earlier call
                queue.popleft()
                if request.group is not None:
                    self._forget(group, request, count)
                continue
            if count > room:
                count = room
            else:
                queue.popleft()
            request.taken = start + count
            parts.append((request, start, start + count))
            room -= count
            taken += count
        group.rows -= taken
        self.rows -= taken

    def _forget(self, group: _Group, request: Request, rows: int) -> None:
        request.group = None
        request.rows = ()
        group.rows -= rows
        self.rows -= rows


def refusal(name: str, ahead: str, delay: float, options: BatchOptions) -> OverloadedError:
    """What a caller is told who would wait too long; it says when to try again."""
    return OverloadedError(
        f"{ahead} wait for {name!r}, one more would wait about {delay:.1f} s",
        where=f"step {name!r}",
        fix="try again later, or serve it with more workers; the limits are "
        f"target_queue_ms={options.target_queue_ms:g}, max_queue_rows={options.max_queue_rows}",
        retry_after=max(1.0, math.ceil(delay - options.target_queue_ms / 1e3)),
    )
