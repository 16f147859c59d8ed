"""Merges concurrent requests into calls of a function of many rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from mlrun_like.errors import ConflictError
from mlrun_like.serving.batching.lane import Lane
from mlrun_like.serving.batching.options import BatchOptions
from mlrun_like.serving.batching.queue import LIVE
from mlrun_like.serving.batching.run import Runner

__all__ = ["Batcher"]


class Batcher:
    """Merges concurrent requests into calls of `call(list of rows) -> one result per row`.

    A plain call runs on the event loop while it takes about a millisecond or less, else in a
    thread of the batcher's own; an `async` one is awaited. It does not see the callers' context
    variables, since its rows belong to several. Instead of a result it may put an exception: the
    caller of that row gets it.

    Args:
        call: The function; a list (or the caller's sequence) in, a list or array out.
        options: The limits: `BatchOptions`, a mapping of them, or True for the defaults.
        name: Shown in errors and metrics.

    Attributes:
        numbers: Counts for metrics (`BatchNumbers`).
        times: Measured costs and arrival rate (`CallTimes`).

    >>> async def main():
    ...     batcher = Batcher(lambda rows: [row * 2 for row in rows])
    ...     return await asyncio.gather(batcher.submit([1]), batcher.submit([2, 3]))
    >>> asyncio.run(main())
    [[2], [4, 6]]
    """

    def __init__(
        self,
        call: Callable[[Any], Any],
        options: BatchOptions | Mapping[str, Any] | bool = True,
        *,
        name: str = "",
    ) -> None:
        self.options = BatchOptions.of(options)
        self.name = name or getattr(call, "__name__", "") or type(call).__name__
        self._runner = Runner(call, self.options, self.name)
        self.numbers = self._runner.numbers
        self.times = self._runner.times
        self._lanes: dict[asyncio.AbstractEventLoop, Lane] = {}
        self._closed = False
        LIVE.add(self)

    @property
    def queue_depth(self) -> int:
        """Rows that wait for a call."""
        return sum(lane.waiting.rows for lane in self._open_lanes())

    @property
    def in_flight(self) -> int:
        """Rows in calls that run now."""
        return sum(lane.in_flight for lane in self._open_lanes())

    def submit(self, rows: Sequence[Any]) -> Coroutine[Any, Any, list[Any]]:
        """The results of these rows, in their order, to be awaited.

        Args:
            rows: One caller's rows; more than `max_rows` take several calls.

        Raises:
            OverloadedError: if they would wait longer than the target, or too many wait.
            ConflictError: if the batcher is closed.
            Exception: what the call raised for one of these rows.
        """
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        return (lane or self._new_lane(loop)).submit(rows)

    def close(self) -> None:
        """Refuse new rows, give an error to those that wait, and end the threads."""
        self._closed = True
        LIVE.discard(self)
        lanes, self._lanes = self._lanes, {}
        for loop, lane in lanes.items():
            if loop.is_running():
                loop.call_soon_threadsafe(lane.close)
        self._runner.close()

    def _open_lanes(self) -> list[Lane]:
        return [lane for loop, lane in self._lanes.items() if not loop.is_closed()]

    def _new_lane(self, loop: asyncio.AbstractEventLoop) -> Lane:
        if self._closed:
            raise ConflictError(f"the batched call of {self.name!r} is closed")
        # a copy, as other threads may read it; loops that ended are forgotten
        lanes = {old: lane for old, lane in self._lanes.items() if not old.is_closed()}
        lanes[loop] = lane = Lane(loop, self._runner, self.options, self.name)
        self._lanes = lanes
        return lane
