"""The hot path of one endpoint: requests go into a bounded queue, and nothing else happens.

What a request costs here is a tuple and an append: of its values, packed, if they are one row of
numbers, else of references. The recorder's thread takes the queue a few times a second, so
references do not live long.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.recording.packed import Packer

if TYPE_CHECKING:
    from mlrun_like.monitoring.recording.columns import RawItem
    from mlrun_like.monitoring.recording.packed import PackedItem

__all__ = ["Channel"]

_PRESSING = 8
"""A queue is taken before its time when one part of so many is full."""


class Channel:
    """Takes the requests of one endpoint.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        wake: Called when there is something to do, and nobody is awake.
        on: Whether requests are recorded; may change while the model serves.
        percentage: Share of requests whose rows are kept, more than 0, at most 100.
        every: One request of so many is kept.

    Attributes:
        awake: Whether the thread looks at the queue by itself.
        feature_names: Names of the model's inputs.
        label_names: Names of its predictions.
        dropped: Requests that were not taken, since the start.
        taken: Requests that were taken, since the start.
    """

    def __init__(
        self,
        project: str,
        endpoint: str,
        wake: Callable[[], None],
        *,
        on: bool = True,
        percentage: float = 100.0,
        every: int = 1,
    ) -> None:
        self.project, self.endpoint = project, endpoint
        self.on = on
        self.percentage, self.every = percentage, every
        self.sampled = percentage < 100 or every > 1
        self.awake = False
        self.feature_names: Sequence[str] = ()
        self.label_names: Sequence[str] = ()
        self.feature_stats: dict[str, Any] = {}
        self.dropped = 0
        self.taken = 0
        self.register: Callable[[], bool] | None = None
        """Registers the endpoint, if it has to be: the store was away when the server started."""
        self.renew: Callable[[], bool] | None = None
        """Registers it anew if it vanishes while its model serves: the store was replaced."""
        self.polled = 0
        """`taken` when it was looked at last."""
        self._wake = wake
        self._limit = int(config.monitoring_queue)
        self._most_cells = int(config.monitoring_queue_cells)
        self._cells = 0
        self._loose = False
        self._seen = 0
        self._queue: deque[RawItem | PackedItem] = deque()
        self._pack = Packer().pack
        self._labels: deque[tuple[Any, Any, int, float]] = deque()
        self._lock = threading.Lock()
        self._undelivered = 0

    def push(
        self,
        event_id: Any,
        inputs: Any,
        outputs: Any,
        microseconds: float,
        time: Any = None,
        operation: str = "infer",
    ) -> None:
        """Take an answered request.

        Args:
            event_id: Its id, as the client sees it.
            inputs: Its rows; they must not change any more.
            outputs: The predictions.
            microseconds: How long it took.
            time: When it came, in seconds since 1970 or as a datetime; None: now.
            operation: What was asked for.
        """
        kept = True
        if self.sampled:
            self._seen += 1
            kept = (self._seen - 1) % self.every == 0 and (
                self.percentage >= 100 or random.uniform(0, 100) < self.percentage
            )
        if len(self._queue) >= self._limit:
            self._drop(1)
            return
        packed = self._pack(inputs, outputs)
        if packed is None:
            cells = _cells(inputs)
            if type(outputs) is list:
                cells += len(outputs)
        else:
            cells = packed[1][0] + 1
        if self._cells + cells > self._most_cells:
            self._drop(1)
            return
        self._cells += cells
        moment = now() if time is None else time
        # plain tuples: naming their fields would cost as much as all the rest
        if packed is None:
            self._loose = True
            self._queue.append(
                (event_id, inputs, outputs, microseconds, moment, operation, None, kept)
            )
        else:
            body, layout = packed
            self._queue.append((event_id, body, layout, microseconds, moment, operation, kept))
        if not self.awake:
            self._wake()

    def push_error(
        self,
        event_id: Any,
        inputs: Any,
        error: Any,
        microseconds: float,
        time: Any = None,
        operation: str = "infer",
    ) -> None:
        """Take a request that failed; these are always kept. Arguments as `push`'s."""
        cells = _cells(inputs)
        if len(self._queue) >= self._limit or self._cells + cells > self._most_cells:
            self._drop(1)
            return
        self._cells += cells
        # not the exception itself: its traceback holds every frame of the request
        told = (type(error).__name__, str(error)[:500])
        moment = now() if time is None else time
        self._loose = True
        self._queue.append((event_id, inputs, None, microseconds, moment, operation, told, True))
        if not self.awake:
            self._wake()

    def push_label(
        self, event_id: Any, label: Any, row: int = 0, time: float | None = None
    ) -> bool:
        """Take a label that came later; False: too many wait."""
        if len(self._labels) >= self._limit:
            return False
        self._labels.append((event_id, label, row, now() if time is None else time))
        if not self.awake:
            self._wake()
        return True

    def take(self) -> list[RawItem | PackedItem]:
        """What waits, which is then the caller's."""
        queue = self._queue
        self._loose = False
        found = []
        for _ in range(len(queue)):
            found.append(queue.popleft())
        self._cells = 0
        self.taken += len(found)
        return found

    def take_labels(self) -> list[tuple[Any, Any, int, float]]:
        """The labels that wait, which are then the caller's."""
        return [self._labels.popleft() for _ in range(len(self._labels))]

    def take_dropped(self) -> int:
        """Requests that were dropped since this was asked last."""
        with self._lock:
            count, self._undelivered = self._undelivered, 0
            return count

    def lose(self, count: int, told: int = 0) -> None:
        """Count requests that were taken and could not be recorded after all.

        Args:
            count: How many.
            told: Requests that were counted as dropped before, which nobody was told.
        """
        self._drop(count)
        with self._lock:
            self._undelivered += told

    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    def pressing(self) -> bool:
        """Whether what waits should not wait for the next batch: references, or many requests."""
        return (
            self._loose
            or bool(self._labels)
            or len(self._queue) * _PRESSING > self._limit
            or self._cells * _PRESSING > self._most_cells
        )

    def forget(self) -> None:
        """In a forked child: what waits is the parent's."""
        self._lock = threading.Lock()
        self._queue.clear()
        self._labels.clear()
        self._cells = self._undelivered = 0
        self.dropped = self.taken = 0
        self.awake = False

    def _drop(self, count: int) -> None:
        with self._lock:
            self.dropped += count
            self._undelivered += count


def _cells(inputs: Any) -> int:
    """About how many values a request holds, judged by its first row."""
    if type(inputs) is not list or not inputs:
        return 1
    row = inputs[0]
    kind = type(row)
    if kind is list and row:
        first = row[0]
        wide = len(first) if type(first) is str or type(first) is list else 0
        return len(inputs) * len(row) + wide
    if kind is str or kind is dict or kind is bytes:
        return len(inputs) * len(row)
    return len(inputs)
