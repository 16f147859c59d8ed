"""How all endpoints are, from a few queries: what the overview and Prometheus show."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.recording.latency import merge_buckets, quantile
from mlrun_like.tracking.alert_abilities import ActivationFilter, AlertStore
from mlrun_like.tracking.survey_abilities import BatchNumbers, EndpointRow, SurveyStore
from mlrun_like.tracking.window_abilities import ResultRow, WindowCursor, WindowStore
from mlrun_like.types import Document

__all__ = [
    "DRIFT_WORDS",
    "EndpointHealth",
    "lags_of",
    "level_of",
    "survey",
]

DRIFT_WORDS = {-1: "not judged", 0: "no drift", 1: "possible drift", 2: "drift detected"}
"""What a status means, for results about drift."""

_LEVELS = {-1: "none", 0: "ok", 1: "warn", 2: "bad"}
_DRIFT = ("data_drift", "concept_drift")
_OPEN = ("open", "acknowledged")
_RECENT = 3600.0  # seconds whose batches tell the latency
_MOST_BATCHES = 20_000


@dataclass
class EndpointHealth:
    """One endpoint, as dashboards show it.

    Args:
        row: Its counters.
        results: The newest number of each application and name.
        requests: Requests in each part of the span, oldest first.
        errors: Failed ones.
        latency: Times of recent requests in buckets, see `recording.latency`.
        incidents: How many are open.
        lag: Seconds between the last request and the end of the last finished window of the
            slowest application; None: no application has finished a window.
    """

    row: EndpointRow
    results: list[ResultRow] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    latency: Mapping[str, int] = field(default_factory=dict)
    incidents: int = 0
    lag: float | None = None

    @property
    def name(self) -> str:
        """`function/model:version`, as people know it."""
        model = self.row.model or self.row.name or self.row.uid[:12]
        return f"{self.row.function}/{model}" if self.row.function else model

    @property
    def drift(self) -> ResultRow | None:
        """The result about drift that decides: the most serious, then the highest."""
        found = [one for one in self.results if one.type == "result" and one.kind in _DRIFT]
        return max(found, key=lambda one: (one.status, one.value), default=None)

    @property
    def drift_status(self) -> int:
        """-1 not judged, 0 none, 1 possible, 2 detected."""
        return self.drift.status if self.drift else -1

    @property
    def worst(self) -> int:
        """The most serious status of any result."""
        return max((one.status for one in self.results if one.type == "result"), default=-1)

    @property
    def quality(self) -> ResultRow | None:
        """The most serious result about the model's performance."""
        found = [one for one in self.results if one.kind == "model_performance"]
        return max(found, key=lambda one: one.status, default=None)

    @property
    def error_rate(self) -> float | None:
        """The share of requests of the span that failed; without any, of all that ever were."""
        asked, failed = sum(self.requests), sum(self.errors)
        if not asked:
            asked, failed = self.row.requests, self.row.errors
        return failed / asked if asked else None

    def latency_ms(self, share: float) -> float | None:
        """A quantile of the latency of recent requests in milliseconds."""
        found = quantile(self.latency, share) if self.latency else math.nan
        return None if math.isnan(found) else found / 1000.0

    def to_dict(self) -> Document:
        """As plain data."""
        drift, quality = self.drift, self.quality
        return {
            **self.row._asdict(),
            "title": self.name,
            "drift_status": self.drift_status,
            "drift_score": drift.value if drift else None,
            "drift_result": f"{drift.application}.{drift.name}" if drift else "",
            "quality": quality.value if quality else None,
            "quality_status": quality.status if quality else -1,
            "quality_result": f"{quality.application}.{quality.name}" if quality else "",
            "status": self.worst,
            "error_rate": self.error_rate,
            "latency_p50_ms": self.latency_ms(0.5),
            "latency_p95_ms": self.latency_ms(0.95),
            "latency_p99_ms": self.latency_ms(0.99),
            "requests_series": self.requests,
            "errors_series": self.errors,
            "incidents": self.incidents,
            "lag": self.lag,
        }


def level_of(status: int) -> str:
    """The colour of a result's status.

    >>> level_of(2), level_of(-1)
    ('bad', 'none')
    """
    return _LEVELS.get(status, "none")


def survey(
    store: Any, project: str = "", *, span: float = 86400.0, parts: int = 24
) -> list[EndpointHealth]:
    """All endpoints of a project, with what is known of each.

    Args:
        store: The store.
        project: The project; empty: all.
        span: Seconds up to now whose requests are counted.
        parts: In how many parts the span is counted; 0: not at all.
    """
    if not isinstance(store, SurveyStore):
        return []
    moment = now()
    found = {(row.project, row.uid): EndpointHealth(row) for row in store.survey_endpoints(project)}
    by_uid = defaultdict(list)
    for (_, uid), one in found.items():
        by_uid[uid].append(one)
    if isinstance(store, WindowStore):
        for result in store.latest_results(project):
            known = found.get((result.project, result.endpoint))
            if known is not None:
                known.results.append(result)
        _add_lags(found, store.read_cursors(project))
    _add_latency(found, store.batch_numbers(project, moment - _RECENT, _MOST_BATCHES))
    if parts:
        step = span / parts
        # Whole steps, so that one page's parts are those of the next.
        end = (math.floor(moment / step) + 1) * step
        for one in found.values():
            one.requests, one.errors = [0.0] * parts, [0.0] * parts
        for counted in store.count_requests(project, end - span, end, step):
            place = min(parts - 1, round((counted.time - (end - span)) / step))
            for one in by_uid[counted.endpoint]:
                one.requests[place] += counted.requests
                one.errors[place] += counted.errors
    if isinstance(store, AlertStore):
        _add_incidents(by_uid, store, project)
    return list(found.values())


def _add_lags(
    found: Mapping[tuple[str, str], EndpointHealth], cursors: Iterable[WindowCursor]
) -> None:
    for key, lag in lags_of({key: one.row for key, one in found.items()}, cursors).items():
        found[key].lag = lag


def lags_of(
    rows: Mapping[tuple[str, str], EndpointRow], cursors: Iterable[WindowCursor]
) -> dict[tuple[str, str], float]:
    """Seconds that the slowest application is behind the last request, by project and uid."""
    done: dict[tuple[str, str], float] = {}
    for cursor in cursors:
        key = (cursor.project, cursor.endpoint)
        if key in rows:
            done[key] = min(done.get(key, math.inf), cursor.done)
    return {key: max(0.0, (rows[key].last_request or 0.0) - end) for key, end in done.items()}


def _add_latency(
    found: Mapping[tuple[str, str], EndpointHealth], batches: Iterable[BatchNumbers]
) -> None:
    parts: dict[tuple[str, str], list[Mapping[str, int]]] = defaultdict(list)
    for batch in batches:
        told = batch.summary.get("latency")
        if isinstance(told, Mapping):
            parts[batch.project, batch.endpoint].append(told)
    for key, buckets in parts.items():
        if key in found:
            found[key].latency = merge_buckets(buckets)


def _add_incidents(
    by_uid: Mapping[str, list[EndpointHealth]], store: AlertStore, project: str
) -> None:
    for incident in store.list_activations(project or "*", ActivationFilter(states=_OPEN)):
        uid = incident.entity_id.partition(".")[0]
        for one in by_uid.get(uid, ()):
            if one.row.project == incident.project:
                one.incidents += 1
