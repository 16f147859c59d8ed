"""Monitoring in Prometheus' format, read from the store at each scrape.

All names begin with `mlrun_like_monitoring_`. `endpoint` is `function/model:version`, `uid` its id.

| name | type | labels |
|---|---|---|
| endpoint_info | gauge, 1 | project, endpoint, uid, function, model, mode |
| requests_total, errors_total, dropped_total | counter | project, endpoint, uid |
| last_request_timestamp_seconds | gauge | project, endpoint, uid |
| latency_seconds | gauge | project, endpoint, uid, quantile |
| drift_status, drift_score | gauge | project, endpoint, uid |
| quality_score | gauge | project, endpoint, uid, result |
| windows_lag_seconds | gauge | project, endpoint, uid |
| result_value, result_status | gauge | project, endpoint, uid, application, result, kind |
| incidents | gauge | project, severity, state |
| runs, ended_runs, run_seconds | gauge | project, kind, state |
| left_out | gauge | family |

Statuses are MLRun's: -1 not judged, 0 none, 1 potential, 2 detected. A family has at most
20,000 lines; `left_out` counts those beyond. Format: https://prometheus.io/docs/instrumenting/
exposition_formats/
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlrun_like.monitoring.pages.health import EndpointHealth, survey
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.survey_abilities import SurveyStore

__all__ = ["CONTENT_TYPE", "PREFIX", "MonitoringCollector", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `render` gives, for the header of the answer."""

PREFIX = "mlrun_like_monitoring_"
"""How all names begin."""

_MOST = 20_000
_LONGEST = 200  # characters of a label's value
_WHO = ("project", "endpoint", "uid")
_RESULT = (*_WHO, "application", "result", "kind")


class MonitoringCollector(Collector):
    """The numbers of a store, as prometheus_client asks for them.

    `prometheus_client.REGISTRY.register(MonitoringCollector())` adds them to a program's own.

    Args:
        project: Only this project; empty: all.
        store: The store; None: the configured one.
    """

    def __init__(self, project: str = "", store: Any = None) -> None:
        self.project = project
        self._store = store

    def describe(self) -> list[Metric]:
        """Nothing: a registry need not ask the store only to learn names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, each of at most 20,000 lines."""
        store = self._store if self._store is not None else open_store()
        health = survey(store, self.project, parts=0)
        found = [*_endpoints(health), *_results(health)]
        if isinstance(store, SurveyStore):
            found += _counts(store, self.project)
        left_out = _gauge("left_out", "Lines that were left out, by family", ("family",))
        for family in found:
            beyond = len(family.samples) - _MOST
            if beyond > 0:
                left_out.add_metric([family.name], beyond)
                del family.samples[_MOST:]
            yield family
        yield left_out


def render(project: str = "", store: Any = None) -> bytes:
    """Everything as Prometheus text.

    Args:
        project: Only this project; empty: all.
        store: The store; None: the configured one.

    >>> b"mlrun_like_monitoring_left_out" in render("no-such-project")
    True
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MonitoringCollector(project, store))
    return generate_latest(registry)


def _gauge(name: str, text: str, labels: Iterable[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=list(labels))


def _counter(name: str, text: str) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, labels=list(_WHO))


def _clean(value: Any) -> str:
    """A label's value: lone surrogates cannot be written in UTF-8."""
    return str(value)[:_LONGEST].encode("utf-8", "replace").decode()


def _who(one: EndpointHealth) -> list[str]:
    return [_clean(one.row.project), _clean(one.name), _clean(one.row.uid)]


def _endpoints(health: Iterable[EndpointHealth]) -> list[Metric]:
    info = _gauge("endpoint_info", "What an endpoint is", (*_WHO, "function", "model", "mode"))
    requests = _counter("requests", "Requests of an endpoint")
    errors = _counter("errors", "Requests of an endpoint that failed")
    dropped = _counter("dropped", "Requests that the recorder could not keep")
    last = _gauge("last_request_timestamp_seconds", "When an endpoint was last asked", _WHO)
    latency = _gauge("latency_seconds", "Latency of the last hour's requests", (*_WHO, "quantile"))
    status = _gauge("drift_status", "-1 not judged, 0 none, 1 possible, 2 detected", _WHO)
    score = _gauge("drift_score", "The number that decided on drift", _WHO)
    quality = _gauge("quality_score", "How good the predictions were", (*_WHO, "result"))
    lag = _gauge("windows_lag_seconds", "How far the applications are behind", _WHO)
    for one in health:
        row, who = one.row, _who(one)
        info.add_metric([*who, _clean(row.function), _clean(row.model), _clean(row.mode)], 1)
        requests.add_metric(who, row.requests)
        errors.add_metric(who, row.errors)
        dropped.add_metric(who, row.dropped)
        status.add_metric(who, one.drift_status)
        if row.last_request is not None:
            last.add_metric(who, row.last_request)
        if one.lag is not None:
            lag.add_metric(who, one.lag)
        for share in (0.5, 0.95, 0.99) if one.latency else ():
            latency.add_metric([*who, str(share)], (one.latency_ms(share) or 0.0) / 1000.0)
        if one.drift is not None and not math.isnan(one.drift.value):
            score.add_metric(who, one.drift.value)
        if one.quality is not None:
            result = f"{one.quality.application}.{one.quality.name}"
            quality.add_metric([*who, _clean(result)], one.quality.value)
    return [info, requests, errors, dropped, last, latency, status, score, quality, lag]


def _results(health: Iterable[EndpointHealth]) -> list[Metric]:
    values = _gauge("result_value", "The newest number of an application", _RESULT)
    states = _gauge("result_status", "How serious the newest result is", _RESULT)
    for one in health:
        who = _who(one)
        for result in one.results:
            words = [_clean(result.application), _clean(result.name)]
            labels = [*who, *words, result.kind or result.type]
            values.add_metric(labels, result.value)
            if result.type == "result":
                states.add_metric(labels, result.status)
    return [values, states]


def _counts(store: SurveyStore, project: str) -> list[Metric]:
    incidents = _gauge("incidents", "Incidents by state", ("project", "severity", "state"))
    for found in store.count_activations(project):
        incidents.add_metric([_clean(found.project), found.severity, found.state], found.incidents)
    labels = ("project", "kind", "state")
    runs = _gauge("runs", "Runs by kind (such as pipeline) and state", labels)
    ended = _gauge("ended_runs", "Runs that are over", labels)
    seconds = _gauge("run_seconds", "Seconds that the runs which are over took together", labels)
    for one in store.count_runs(project):
        words = [_clean(one.project), _clean(one.kind) or "local", _clean(one.state)]
        runs.add_metric(words, one.runs)
        ended.add_metric(words, one.ended)
        seconds.add_metric(words, max(0.0, one.seconds))
    return [incidents, runs, ended, seconds]
