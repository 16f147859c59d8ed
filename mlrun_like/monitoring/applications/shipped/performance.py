"""How the service behind an endpoint does: latency, errors, throughput."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ResultKindApp,
)
from mlrun_like.monitoring.applications.shipped.judging import Thresholds, judged
from mlrun_like.monitoring.recording.reading import EventCounts

__all__ = ["ServicePerformance"]

_NAMED = 5


class ServicePerformance(ModelMonitoringApplicationBase):
    """Latency, errors and throughput of a window.

    Gives the results `error_rate` (share of requests) and `latency_p99_ms`, and the metrics
    `latency_p50_ms`, `latency_p95_ms`, `requests` and `requests_per_second`. A request with many
    rows counts once.

    Args:
        error_rate: Two shares: worth a look, an incident.
        latency_ms: Two times of the slowest percent of requests; None: it is not judged.
    """

    NAME = "service-performance"
    empty_windows = True

    def __init__(
        self,
        error_rate: tuple[float, float] | list[float] = (0.01, 0.05),
        latency_ms: tuple[float, float] | list[float] | None = None,
    ) -> None:
        self.errors = Thresholds(*error_rate)
        self.latency = Thresholds(*(latency_ms or ()))

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Count the window's requests."""
        context, counted = monitoring_context, monitoring_context.counted
        found = _of_rows(context) if counted is None else _of_counts(counted)
        seconds = context.window.end - context.window.start
        results: list[Any] = [
            ModelMonitoringApplicationMetric("requests", found.requests),
            ModelMonitoringApplicationMetric("requests_per_second", found.requests / seconds),
        ]
        if not found.requests:
            return results
        kind = ResultKindApp.system_performance
        extra = {"errors": found.errors, "kinds": dict(found.kinds.most_common(_NAMED))}
        rate = found.errors / found.requests
        results.append(judged("error_rate", rate, kind, self.errors, **extra))
        if found.latency_ms:
            p50, p95, p99, most = found.latency_ms
            slow = {"p50_ms": p50, "p95_ms": p95, "max_ms": most}
            results += [
                judged("latency_p99_ms", p99, kind, self.latency, **slow),
                ModelMonitoringApplicationMetric("latency_p50_ms", p50),
                ModelMonitoringApplicationMetric("latency_p95_ms", p95),
            ]
        return results


class _Numbers(NamedTuple):
    """A window in short; `latency_ms` are the 50th, 95th, 99th percentile and the largest."""

    requests: int
    errors: int
    kinds: Counter[str]
    latency_ms: tuple[float, float, float, float] | None


def _of_rows(context: MonitoringApplicationContext) -> _Numbers:
    first = _first_rows(context)
    count = context.rows if first is None else int(first.sum())
    if not count:
        return _Numbers(0, 0, Counter(), None)
    status, kinds = (_chosen(context, name, first) for name in ("status", "error_kind"))
    failed = np.zeros(count, bool) if status is None else status == "error"
    named = Counter(map(str, kinds[failed])) if kinds is not None and failed.any() else Counter()
    taken = _chosen(context, "latency_us", first)
    taken = np.empty(0) if taken is None else np.asarray(taken, dtype="float64") / 1000
    taken = taken[~np.isnan(taken)]
    latency = None
    if len(taken):
        p50, p95, p99 = (float(one) for one in np.percentile(taken, [50, 95, 99]))
        latency = p50, p95, p99, float(taken.max())
    return _Numbers(count, int(failed.sum()), named, latency)


def _of_counts(counted: EventCounts) -> _Numbers:
    """Of all requests, where the rows are only some of them; latencies to 2 %."""
    latency = None
    if counted.latency:
        p50, p95, p99, most = (counted.latency_us(share) / 1000 for share in (0.5, 0.95, 0.99, 1))
        latency = p50, p95, p99, most
    kinds = Counter(dict(counted.error_kinds))
    return _Numbers(counted.requests, counted.errors, kinds, latency)


def _first_rows(context: MonitoringApplicationContext) -> Any:
    """Which events are the first row of a request; None: all."""
    rows = context.column("row") if context.rows else None
    if rows is None:
        return None
    numbers = np.asarray(rows, dtype="float64")
    first = np.isnan(numbers) | (numbers == 0)
    return None if first.all() else first


def _chosen(context: MonitoringApplicationContext, name: str, first: Any) -> Any:
    values = context.column(name)
    return values if values is None or first is None else values[first]
