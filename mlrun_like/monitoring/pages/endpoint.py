"""What is known of one endpoint, as plain data: the same for pages and for an API."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.pages.health import EndpointHealth, survey
from mlrun_like.monitoring.pages.incidents import incident_rows
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.monitoring_abilities import SeriesStore
from mlrun_like.tracking.survey_abilities import SurveyStore
from mlrun_like.tracking.window_abilities import WindowStore
from mlrun_like.types import Document

__all__ = ["endpoint_data", "feature_rows"]

_DAY = 86400.0
_MOST_RESULTS = 20_000
_MOST_WINDOWS = 50
_FAR = 1e19  # beyond it are the outer bins of MLRun's histograms
_LABEL = "mlrun/endpoint-id"


def endpoint_data(store: Any, project: str, uid: str, *, span: float = 7 * _DAY) -> Document:
    """Counters, results over time, features, quality, windows, incidents, links of an endpoint.

    Args:
        store: The store.
        project: The project.
        uid: The endpoint.
        span: Seconds up to now that are shown of series.

    Raises:
        NotFoundError: if there is no such endpoint.
    """
    document = store.read_endpoint(project, uid)
    found = next((one for one in survey(store, project) if one.row.uid == uid), None)
    if found is None:
        raise NotFoundError(f"there is no model endpoint {uid!r:.80}", where=f"project {project!r}")
    moment = now()
    series, words = _series(store, project, uid, moment - span)
    stats = store.read_window_stats(project, uid) if isinstance(store, WindowStore) else {}
    return {
        **found.to_dict(),
        "time": moment,
        "span": span,
        "metadata": document.get("metadata") or {},
        "spec": document.get("spec") or {},
        "results": _results(found),
        "series": series,
        "kinds": words,
        "requests_over_time": _requests(store, project, uid, moment),
        "features": feature_rows(document, stats),
        "features_time": max((when for when, _ in stats.values()), default=None),
        "quality_windows": _quality(store, project, uid, moment - span),
        "windows": _windows(store, project, uid),
        "open_incidents": incident_rows(store, project, entity=uid, limit=20),
        "artifacts": _artifacts(store, project, uid),
    }


def _results(found: EndpointHealth) -> list[Document]:
    return [
        {**one._asdict(), "value": _finite(one.value)}
        for one in sorted(found.results, key=lambda one: (-one.status, one.application, one.name))
    ]


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _series(
    store: Any, project: str, uid: str, start: float
) -> tuple[dict[str, list[list[Any]]], dict[str, Document]]:
    """Points (end of window, value, status) by `application.name`, and what each is about."""
    series: dict[str, list[list[Any]]] = {}
    words: dict[str, Document] = {}
    if isinstance(store, WindowStore):
        for one in store.list_results(project, uid, start=start, limit=_MOST_RESULTS):
            name = f"{one.application}.{one.name}"
            series.setdefault(name, []).append([one.end, _finite(one.value), one.status])
            words[name] = {"type": one.type, "kind": one.kind, "application": one.application}
    return series, words


def _requests(store: Any, project: str, uid: str, moment: float) -> list[list[float]]:
    if not isinstance(store, SurveyStore):
        return []
    step = 900.0
    start = (moment - _DAY) // step * step
    rows = store.count_requests(project, start, moment + step, step, uid)
    known = {row.time: row for row in rows}
    if not known:
        return []
    found = []
    for at in range(int(_DAY / step) + 1):
        row = known.get(start + at * step)
        found.append([start + at * step, row.requests if row else 0, row.errors if row else 0])
    return found


def _quality(store: Any, project: str, uid: str, start: float) -> list[Document]:
    if not isinstance(store, SeriesStore):
        return []
    rows = store.list_quality(project, uid, start)
    return [{"first": row.first, "last": row.last, **row.body} for row in rows]


def _windows(store: Any, project: str, uid: str) -> list[Document]:
    if not isinstance(store, WindowStore):
        return []
    rows = store.list_windows(project, uid, limit=_MOST_WINDOWS)
    return [{"application": application, **row._asdict()} for _, application, row in rows]


def _artifacts(store: Any, project: str, uid: str) -> list[Document]:
    query = ArtifactQuery(project=project, labels={_LABEL: uid}, limit=20)
    found = []
    for one in store.list_artifacts(query):
        metadata, spec = one.get("metadata") or {}, one.get("spec") or {}
        key = str(spec.get("db_key") or metadata.get("key") or "")
        found.append(
            {
                "key": key,
                "kind": one.get("kind") or "artifact",
                "uri": f"store://artifacts/{project}/{key}@{metadata.get('uid', '')}",
                "updated": metadata.get("updated") or "",
                "application": (metadata.get("labels") or {}).get("mlrun/app-name", ""),
            }
        )
    return found


def feature_rows(document: Document, stats: Mapping[str, tuple[float, Document]]) -> list[Document]:
    """Each feature's distances, and its histograms as training and the newest window saw it.

    Args:
        document: The endpoint.
        stats: Newest statistics by name: `drift_measures`, `current_stats`.
    """
    status = document.get("status") or {}
    expected = _mapping(status.get("feature_stats"))
    current = _mapping(_newest(stats, "current_stats") or status.get("current_stats"))
    measures = _mapping(_newest(stats, "drift_measures") or status.get("drift_measures"))
    names = list(dict.fromkeys([*expected, *current, *measures]))
    found: list[Document] = []
    for name in names:
        one = _mapping(measures.get(name))
        before, now_ = _mapping(expected.get(name)), _mapping(current.get(name))
        if not (one or before or now_):
            continue  # a total such as tvd_mean
        distances = {key: _finite(one.get(key)) for key in ("tvd", "hellinger", "kld")}
        known = [distances[key] for key in ("tvd", "hellinger") if distances[key] is not None]
        score = sum(value for value in known if value is not None) / len(known) if known else None
        found.append(
            {
                "name": name,
                **distances,
                "score": score,
                "expected": {key: _finite(before.get(key)) for key in _TOLD},
                "actual": {key: _finite(now_.get(key)) for key in _TOLD},
                "expected_hist": _histogram(before.get("hist")),
                "actual_hist": _histogram(now_.get("hist")),
            }
        )
    return sorted(found, key=lambda one: -1.0 if one["score"] is None else one["score"])[::-1]


_TOLD = ("count", "mean", "std", "min", "max")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _newest(stats: Mapping[str, tuple[float, Document]], name: str) -> Document | None:
    return stats[name][1] if name in stats else None


def _histogram(value: Any) -> Document | None:
    """Counts and inner edges; outer bins without an end say how much lies beyond."""
    if not (isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2):
        return None
    counts, edges = value
    if not isinstance(counts, Sequence) or not isinstance(edges, Sequence):
        return None
    amounts = [_finite(one) for one in counts]
    places = [_finite(one) for one in edges]
    if None in amounts or None in places or len(places) != len(amounts) + 1 or not amounts:
        return None
    below = above = 0.0
    numbers = [one for one in places if one is not None]
    shares = [one for one in amounts if one is not None]
    if numbers[0] < -_FAR and len(shares) > 1:
        below, shares, numbers = shares[0], shares[1:], numbers[1:]
    if numbers[-1] > _FAR and len(shares) > 1:
        above, shares, numbers = shares[-1], shares[:-1], numbers[:-1]
    return {"edges": numbers, "counts": shares, "below": below, "above": above}
