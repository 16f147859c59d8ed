"""Metrics of a server as Prometheus text."""

from __future__ import annotations

import weakref
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from mlrun_like.serving.batching import live_batchers
from mlrun_like.serving.batching.queue import BatchNumbers
from mlrun_like.serving.engine.clock import call_later
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.families import REQUEST_BOUNDS, STEP_BOUNDS, families
from mlrun_like.serving.observe.numbers import GAUGE, Key, Numbers, Row, add_rows
from mlrun_like.serving.observe.sources import numbers_of_sources
from mlrun_like.serving.observer import Observer

if TYPE_CHECKING:
    from mlrun_like.serving.server import GraphServer

__all__ = ["CONTENT_TYPE", "Metrics", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `Metrics.render` gives, for the header of the answer."""

_MOST_KINDS = 200  # of errors; names are the users' and could be without end
_EVERY = 1.0  # seconds between looks at the batchers, for the other processes


class Metrics(Observer):
    """Counts events, times and errors; about half a microsecond per event.

    All names begin with `mlrun_like_serving_`:

    | name | type | labels |
    |---|---|---|
    | requests_total | counter | status |
    | request_seconds | histogram | status |
    | in_flight | gauge | |
    | step_seconds | histogram | step |
    | step_errors_total | counter | step, error |
    | batch_rows, batch_wait_seconds | histogram | step |
    | batch_queue_rows, batch_in_flight_rows | gauge | step |
    | batch_repeated_total, batch_failed_total, batch_rejected_total | counter | step |
    | recorder_requests_total, recorder_dropped_total | counter | project, uid |
    | recorder_waiting | gauge | project, uid |

    It is also a collector: `prometheus_client.REGISTRY.register(metrics)` adds these metrics to a
    program's own.

    Args:
        folder: A folder that all worker processes of a server share; every one of them then shows
            the sums of all. What dead workers counted stays. None: this process only.
        steps: Whether steps are measured too, not only whole events.

    Raises:
        InvalidArgumentError: if the folder cannot be used.

    >>> from mlrun_like.serving.event import Event, Response
    >>> metrics = Metrics()
    >>> event = Event()
    >>> metrics.begin(event); metrics.end(event, Response("yes"), None)
    >>> b'mlrun_like_serving_requests_total{status="200"} 1.0' in metrics.render()
    True
    """

    def __init__(self, folder: str | Path | None = None, *, steps: bool = True) -> None:
        self.steps = steps
        self.numbers = Numbers(folder)
        self._batches: dict[int, tuple[str, BatchNumbers, list[float]]] = {}
        self._shared = folder is not None
        self._open = True
        self.numbers.on_change(self._begin)
        self._begin()
        _live.add(self)

    def _begin(self) -> None:
        self._events: Row = self.numbers.row((GAUGE, "events"), 2)
        self._requests: dict[int, Row] = {}
        self._steps: dict[str, Row] = {}
        self._errors: dict[tuple[str, str], Row] = {}
        # After a fork: what the parent counted is in the parent's numbers.
        self._batches = {
            id(each.numbers): (each.name, each.numbers, _vector(each.numbers))
            for each in live_batchers()
            if id(each.numbers) in self._batches
        }
        if self._shared:
            _tick(weakref.ref(self))

    # The hot path ----------------------------------------------------------------------------

    def begin(self, event: Event) -> None:
        """An event enters the graph."""
        self._events[0] += 1.0
        event._metrics_begin = perf_counter()  # type: ignore[attr-defined]

    def end(self, event: Event, response: Response | None, error: BaseException | None) -> None:
        """The event is answered, or failed."""
        begin = event.__dict__.get("_metrics_begin")
        if begin is None:
            return
        seconds = perf_counter() - begin
        if response is not None:
            status = response.status_code
        else:
            # Neither an answer nor an error: the caller left (nginx's number for that).
            status = 499 if error is None else getattr(error, "status", 500)
        row = self._requests.get(status)
        if row is None:
            row = self._request_row(status)
        row[bisect_left(REQUEST_BOUNDS, seconds) + 1] += 1.0
        row[0] += seconds
        self._events[1] += 1.0

    def before_step(self, event: Event, step: str, body: Any) -> float:
        """A step is about to be called."""
        return perf_counter()

    def after_step(
        self, event: Event, step: str, token: Any, body: Any, error: BaseException | None
    ) -> None:
        """The step gave this body, or failed."""
        seconds = perf_counter() - token
        row = self._steps.get(step)
        if row is None:
            row = self._steps[step] = self.numbers.row(("steps", step), len(STEP_BOUNDS) + 2)
        row[bisect_left(STEP_BOUNDS, seconds) + 1] += 1.0
        row[0] += seconds
        if error is not None:
            self._error_row(step, type(error).__name__)[0] += 1.0

    def _request_row(self, status: Any) -> Row:
        known = isinstance(status, int) and 100 <= status <= 599
        label = str(int(status)) if known else "other"
        row = self.numbers.row(("requests", label), len(REQUEST_BOUNDS) + 2)
        if known:
            self._requests[status] = row
        return row

    def _error_row(self, step: str, kind: str) -> Row:
        if len(self._errors) >= _MOST_KINDS and (step, kind) not in self._errors:
            kind = "other"
        row = self._errors.get((step, kind))
        if row is None:
            row = self._errors[step, kind] = self.numbers.row(("errors", step, kind), 1)
        return row

    # Reading ---------------------------------------------------------------------------------

    def render(self) -> bytes:
        """All metrics as Prometheus text, of all workers if they share a folder."""
        return _text(list(self.collect()))

    def collect(self) -> Iterator[Metric]:
        """The metric families, as prometheus_client asks for them."""
        self.take_batches()
        return families(self.numbers.totals())

    def describe(self) -> list[Metric]:
        """Nothing: names are known only once there are numbers."""
        return []

    def take_batches(self) -> None:
        """Copy the numbers of this process's batchers and other sources into its rows."""
        for key, value in numbers_of_sources().items():
            self.numbers.row(key, 1)[0] = value
        waiting: dict[str, list[float]] = {}
        for batcher in live_batchers():
            numbers = batcher.numbers
            if id(numbers) not in self._batches:
                self._batches[id(numbers)] = (batcher.name, numbers, [0.0] * len(_vector(numbers)))
            gauges = waiting.setdefault(batcher.name, [0.0, 0.0])
            gauges[0] += batcher.queue_depth
            gauges[1] += batcher.in_flight
        sums: dict[tuple[str, tuple[int, ...]], list[float]] = {}
        for name, numbers, base in list(self._batches.values()):
            gauges = waiting.setdefault(name, [0.0, 0.0])
            known = sums.setdefault((name, numbers.size_bounds), [0.0] * len(base))
            for place, value in enumerate(_vector(numbers)):
                known[place] += value - base[place]
        for (name, bounds), vector in sums.items():
            self._write_batches(name, bounds, vector)
        for name, (queued, running) in waiting.items():
            self.numbers.row((GAUGE, "batch_queue", name), 1)[0] = queued
            self.numbers.row((GAUGE, "batch_in_flight", name), 1)[0] = running

    def _write_batches(self, name: str, bounds: tuple[int, ...], vector: list[float]) -> None:
        edges = ",".join(map(str, bounds))
        sizes, waits = vector[: len(bounds) + 1], vector[len(bounds) + 1 : -3]
        for key, values in (
            (("batch_rows", name, edges), [*sizes, 0.0]),
            (("batch_wait", name), waits),
        ):
            row = self.numbers.row(key, len(values))
            for place, value in enumerate(values):
                row[place] = value
        for word, value in zip(("repeated", "failed", "rejected"), vector[-3:], strict=True):
            self.numbers.row((f"batch_{word}", name), 1)[0] = value

    def close(self) -> None:
        """Let go of the shared file; what was counted stays. Calling it twice is harmless."""
        if self._open:
            self._open = False
            _live.discard(self)
            self.take_batches()
            self.numbers.close()


def render(server: GraphServer | None = None) -> bytes:
    """Prometheus text of a server's metrics, or of all servers of this process.

    Without any `Metrics` there are only the numbers of batched calls, which are always kept.
    """
    if server is None:
        found = list(_live)
    else:
        found = [each for each in server.observers if isinstance(each, Metrics)]
    if len(found) < 2:
        return (found or [Metrics(steps=False)])[0].render()
    sums: dict[Key, list[float]] = {}
    folders: set[Path | None] = set()
    for number, each in enumerate(found):
        each.take_batches()
        folder = each.numbers.folder
        if folder is not None and folder in folders:
            continue
        folders.add(folder)
        totals = each.numbers.totals()
        if number:  # every one of them has all batchers and sources of the process
            totals = {key: row for key, row in totals.items() if not _of_process(key)}
        add_rows(sums, totals)
    return _text(list(families(sums)))


def _text(found: list[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(found))
    return generate_latest(registry)


def _of_process(key: Key) -> bool:
    word = key[1] if key[0] == GAUGE else key[0]
    return word.startswith(("batch_", "record"))


class _Families(Collector):
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        return self._found


_live: weakref.WeakSet[Metrics] = weakref.WeakSet()


def _vector(numbers: BatchNumbers) -> list[float]:
    """What counts upwards: rows and sizes, seconds and waits, repeated, failed, rejected."""
    return [
        numbers.rows, *numbers.sizes, numbers.wait_seconds, *numbers.waits,
        numbers.repeated, numbers.failed, numbers.rejected,
    ]  # fmt: skip


def _tick(metrics: weakref.ref[Metrics]) -> None:
    found = metrics()
    if found is not None and found._open:
        found.take_batches()
        call_later(_EVERY, lambda: _tick(metrics))
