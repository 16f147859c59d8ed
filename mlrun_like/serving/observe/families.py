"""Rows of counters as Prometheus metric families."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from mlrun_like.serving.batching.queue import WAIT_BOUNDS
from mlrun_like.serving.observe.numbers import GAUGE, Key

__all__ = ["PREFIX", "REQUEST_BOUNDS", "STEP_BOUNDS", "families"]

PREFIX = "mlrun_like_serving_"
REQUEST_BOUNDS = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
)  # fmt: skip
"""Upper bounds in seconds of the buckets of request times; one more bucket follows."""
STEP_BOUNDS = (
    1e-6, 1e-5, 1e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
)  # fmt: skip
"""The same for the times of steps."""

_Family = tuple[str, str, tuple[str, ...]]
"""Name, line of help, labels."""

_BOUNDS: Mapping[str, Sequence[float]] = {
    "requests": REQUEST_BOUNDS,
    "steps": STEP_BOUNDS,
    "batch_wait": [milliseconds / 1e3 for milliseconds in WAIT_BOUNDS],
}
_HISTOGRAMS: Mapping[str, _Family] = {
    "requests": ("request_seconds", "Time from an event's arrival to its answer.", ("status",)),
    "steps": ("step_seconds", "Time of one call of a step.", ("step",)),
    "batch_rows": ("batch_rows", "Rows in one batched call.", ("step",)),
    "batch_wait": ("batch_wait_seconds", "Time a request waited for its batch.", ("step",)),
}
_COUNTERS: Mapping[str, _Family] = {
    "errors": ("step_errors", "Calls of a step that failed.", ("step", "error")),
    "batch_repeated": ("batch_repeated", "Batched calls made to find failing rows.", ("step",)),
    "batch_failed": ("batch_failed", "Requests that got an error from a batched call.", ("step",)),
    "recorded": (
        "recorder_requests",
        "Requests taken for model monitoring.",
        ("project", "uid"),
    ),
    "recorder_dropped": (
        "recorder_dropped",
        "Requests that model monitoring had no room for.",
        ("project", "uid"),
    ),
    "batch_rejected": ("batch_rejected", "Requests refused as too much was waiting.", ("step",)),
}
_GAUGES: Mapping[str, _Family] = {
    "recorder_waiting": (
        "recorder_waiting",
        "Requests that are not written yet.",
        ("project", "uid"),
    ),
    "batch_queue": ("batch_queue_rows", "Rows that wait for a batched call.", ("step",)),
    "batch_in_flight": ("batch_in_flight_rows", "Rows in batched calls that run.", ("step",)),
}


def families(totals: Mapping[Key, Sequence[float]]) -> Iterator[Metric]:
    """The families of these rows.

    The first word of a key is the family, the others are labels. Rows of histograms are a sum and
    the counts of the buckets; the key of `batch_rows` ends with the bounds of its buckets.

    >>> [family.name for family in families({("errors", "step", "ValueError"): [2.0]})]
    ['mlrun_like_serving_in_flight', 'mlrun_like_serving_step_errors']
    """
    yield GaugeMetricFamily(
        PREFIX + "in_flight", "Events that are being answered.", value=_in_flight(totals)
    )
    counted = CounterMetricFamily(
        PREFIX + "requests", "Events answered, by HTTP status.", labels=["status"]
    )
    for key, row in totals.items():
        if key[0] == "requests":
            counted.add_metric(list(key[1:]), sum(row[1:]))
    found: list[Metric] = [counted]
    for word, (name, text, labels) in _HISTOGRAMS.items():
        histogram = HistogramMetricFamily(PREFIX + name, text, labels=labels)
        for key, row in totals.items():
            if key[0] == word:
                edges = _BOUNDS.get(word) or [float(edge) for edge in key[-1].split(",")]
                histogram.add_metric(list(key[1:2]), _buckets(row[1:], edges), row[0])
        found.append(histogram)
    for word, (name, text, labels) in _COUNTERS.items():
        counter = CounterMetricFamily(PREFIX + name, text, labels=labels)
        for key, row in totals.items():
            if key[0] == word:
                counter.add_metric(list(key[1:]), row[0])
        found.append(counter)
    for word, (name, text, labels) in _GAUGES.items():
        gauge = GaugeMetricFamily(PREFIX + name, text, labels=labels)
        for key, row in totals.items():
            if key[:2] == (GAUGE, word):
                gauge.add_metric(list(key[2:]), row[0])
        found.append(gauge)
    yield from (family for family in found if family.samples)


def _in_flight(totals: Mapping[Key, Sequence[float]]) -> float:
    return max(0.0, sum(row[0] - row[1] for key, row in totals.items() if key == (GAUGE, "events")))


def _buckets(counts: Sequence[float], edges: Iterable[float]) -> list[tuple[str, float]]:
    """Counts as running totals with their upper bounds."""
    found = []
    total = 0.0
    for edge, count in zip([*edges, math.inf], counts, strict=False):
        total += count
        found.append(("+Inf" if edge == math.inf else repr(float(edge)), total))
    return found
