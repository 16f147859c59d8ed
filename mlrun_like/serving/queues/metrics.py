"""Metrics of a function that reads a queue, for Prometheus."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving.observe.metrics import Metrics

if TYPE_CHECKING:
    from mlrun_like.serving.queues.consuming import StreamWorker

__all__ = ["StreamMetrics", "metrics_on"]


class StreamMetrics(Collector):
    """What a worker has done and what waits for it; asks the stream when it is collected.

    All names begin with `mlrun_like_serving_`:

    | name | type | labels |
    |---|---|---|
    | stream_records_total | counter | function |
    | stream_dead_letters_total | counter | function |
    | stream_depth | gauge | function, stream |

    Args:
        worker: The worker.
    """

    def __init__(self, worker: StreamWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now; a stream that cannot be reached has no depth."""
        worker, prefix = self._worker, "mlrun_like_serving_stream_"
        for name, text, value in (
            ("records", "Records acknowledged.", worker.done),
            ("dead_letters", "Events that failed for good.", worker.dead),
        ):
            counter = CounterMetricFamily(prefix + name, text, labels=["function"])
            counter.add_metric([worker.function], value)
            yield counter
        labels = ["function", "stream"]
        depth = GaugeMetricFamily(prefix + "depth", "Records that wait.", labels=labels)
        with contextlib.suppress(MLRunLikeError):
            found = worker.source.depth(worker.group)
            depth.add_metric([worker.function, worker.source.name], found)
        yield depth

    def describe(self) -> list[Metric]:
        """Nothing, so that registering asks no stream."""
        return []


@contextlib.contextmanager
def metrics_on(worker: StreamWorker, port: int, host: str = "127.0.0.1") -> Iterator[int]:
    """Answer `GET /metrics` on a port while the block runs: the worker's and the graph's metrics.

    Args:
        worker: The worker.
        port: The port; 0: a free one.
        host: The address to listen on; by default only this machine can ask.

    Yields:
        The port.
    """
    graph = Metrics(steps=False)
    worker.server.observe(graph)
    registry = CollectorRegistry()
    registry.register(StreamMetrics(worker))
    registry.register(graph)
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        graph.close()
