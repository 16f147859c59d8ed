"""MLRun's Grafana proxy as plain functions: what its data source asks of `/grafana-proxy`.

`POST /grafana-proxy/model-endpoints/query` and `/search` bring a body whose `target` is a text
such as `target_endpoint=list_endpoints;project=x`; the answers are those of Grafana's SimpleJson
data source: tables, time series, lists of texts. An API mounts `query` and `search`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.endpoints.document import EndpointType
from mlrun_like.monitoring.pages.health import survey
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.registry import resolve
from mlrun_like.tracking.abilities import ProjectStore
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import EndpointQuery
from mlrun_like.tracking.window_abilities import WindowStore
from mlrun_like.types import Document

__all__ = ["QUERIES", "SEARCHES", "query", "search"]

_HOUR = 3600.0
_READING = "mlrun_like.monitoring.recording.reading"  # loads pyarrow
_MOST_POINTS = 5000
_NOW = re.compile(r"now(?:-(\d+)([smhdw]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TOTALS = (
    "tvd_sum", "tvd_mean", "hellinger_sum", "hellinger_mean", "kld_sum", "kld_mean",
)  # fmt: skip


def query(body: Mapping[str, Any]) -> list[Document]:
    """Answer `POST .../query`.

    Args:
        body: As Grafana sends it: `targets` (the first one counts), `rangeRaw`.

    Returns:
        Tables (`columns`, `rows`, `type`) or series (`target`, `datapoints`).

    Raises:
        InvalidArgumentError: if no target is named, or it is not one of `QUERIES`.
        NotFoundError: if there is no such endpoint.

    >>> query({"targets": [{"target": "target_endpoint=list_endpoints;project=none"}]})[0]["rows"]
    []
    """
    targets = body.get("targets")
    first = targets[0] if isinstance(targets, Sequence) and targets else {}
    text = first.get("target") if isinstance(first, Mapping) else ""
    asked = _parameters(text, QUERIES)
    # Grafana escapes what it puts in the place of a variable.
    asked = {key: value.replace("\\", "") for key, value in asked.items()}
    return QUERIES[asked["target_endpoint"]](body, asked)


def search(body: Mapping[str, Any]) -> list[str]:
    """Answer `POST .../search`.

    Args:
        body: As Grafana sends it: `target`.

    Raises:
        InvalidArgumentError: if no target is named, or it is not one of `SEARCHES`.
    """
    asked = _parameters(body.get("target"), SEARCHES)
    return SEARCHES[asked["target_endpoint"]](asked)


def _parameters(text: Any, known: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(text, str) or not text:
        raise InvalidArgumentError(
            "the request has no target", fix='"target": "target_endpoint=list_endpoints;project=x"'
        )
    found = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, sign, value = part.partition("=")
        if not sign:
            raise InvalidArgumentError(f"{part!r:.80} of the target is not name=value")
        found[key.strip()] = value.strip()
    name = found.get("target_endpoint", "")
    if name not in known:
        raise InvalidArgumentError(
            f"target_endpoint {name!r:.60} is not known.{nearest(name, list(known))}",
            fix=f"use one of: {', '.join(known)}",
        )
    return found


def _table(columns: Sequence[tuple[str, str]], rows: list[list[Any]]) -> list[Document]:
    told = [{"text": text, "type": kind} for text, kind in columns]
    return [{"columns": told, "rows": rows, "type": "table"}]


def _list_endpoints(body: Mapping[str, Any], asked: Mapping[str, str]) -> list[Document]:
    store: Any = open_store()
    project = asked.get("project", "")
    names = filter(None, asked.get("labels", "").split(","))
    labels = {
        key: value if sign else None for key, sign, value in (n.partition("=") for n in names)
    }
    wanted = EndpointQuery(
        project, model=asked.get("model", ""), function=asked.get("function", ""), labels=labels
    )
    health = {one.row.uid: one for one in survey(store, project, parts=0)}
    counted = store.count_requests(project, now() - _HOUR, now() + 1.0, _HOUR + 1.0)
    requests = {row.endpoint: row.requests for row in counted}
    rows = []
    for document in store.list_endpoints(wanted):
        metadata, spec, status = (document.get(key) or {} for key in ("metadata", "spec", "status"))
        if asked.get("filter_router") and status.get("endpoint_type") == EndpointType.ROUTER:
            continue
        one = health.get(metadata.get("uid", ""))
        mean = one.latency_ms(0.5) if one else None
        rows.append(
            [
                metadata.get("uid"),
                spec.get("function_uri"),
                spec.get("model"),
                spec.get("model_class"),
                status.get("first_request"),
                status.get("last_request"),
                "N/A",  # MLRun's table has this column and no number for it
                status.get("error_count"),
                one.drift_status if one else -1,
                requests.get(metadata.get("uid", ""), 0.0) / _HOUR,
                None if mean is None else mean * 1000.0,
            ]
        )
    columns = [
        ("endpoint_id", "string"), ("endpoint_function", "string"), ("endpoint_model", "string"),
        ("endpoint_model_class", "string"), ("first_request", "time"), ("last_request", "time"),
        ("accuracy", "number"), ("error_count", "number"), ("drift_status", "number"),
        ("predictions_per_second", "number"), ("latency_avg_1h", "number"),
    ]  # fmt: skip
    return _table(columns, rows)


def _document(asked: Mapping[str, str]) -> tuple[Document, dict[str, Any], dict[str, Any]]:
    """An endpoint, what its newest window looked like, and how far that is from training."""
    store: Any = open_store()
    project, uid = asked.get("project", ""), asked.get("endpoint_id", "")
    if not project or not uid:
        raise InvalidArgumentError("the target needs project and endpoint_id")
    document: Document = store.read_endpoint(project, uid)
    status = document.get("status") or {}
    stats = store.read_window_stats(project, uid) if isinstance(store, WindowStore) else {}
    found = [
        stats[name][1] if name in stats else status.get(name) or {}
        for name in ("current_stats", "drift_measures")
    ]
    return document, found[0], found[1]


def _inside(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _features(body: Mapping[str, Any], asked: Mapping[str, str]) -> list[Document]:
    document, current, measures = _document(asked)
    stats = (document.get("status") or {}).get("feature_stats") or {}
    rows = [
        [
            name,
            *(_inside(current.get(name), key) for key in ("min", "mean", "max")),
            *(_inside(before, key) for key in ("min", "mean", "max")),
            *(_inside(measures.get(name), key) for key in ("tvd", "hellinger", "kld")),
        ]
        for name, before in stats.items()
    ]
    numbers = (
        "actual_min", "actual_mean", "actual_max", "expected_min", "expected_mean", "expected_max",
        "tvd", "hellinger", "kld",
    )  # fmt: skip
    return _table([("feature_name", "string"), *((name, "number") for name in numbers)], rows)


def _overall(body: Mapping[str, Any], asked: Mapping[str, str]) -> list[Document]:
    _, _, measures = _document(asked)
    rows = [[measures.get(name) for name in _TOTALS]] if measures else []
    return _table([(name, "number") for name in _TOTALS], rows)


def _incoming(body: Mapping[str, Any], asked: Mapping[str, str]) -> list[Document]:
    _document(asked)
    chosen = body.get("rangeRaw")
    span = chosen if isinstance(chosen, Mapping) else {}
    start, end = _moment(span.get("from", "now-1h")), _moment(span.get("to", "now"))
    read_events = resolve(f"{_READING}:read_events")
    features_of = resolve(f"{_READING}:features_of")
    frame = read_events(asked["project"], asked["endpoint_id"], start, end)
    step = max(1, -(-len(frame) // _MOST_POINTS))
    frame, names = frame.iloc[::step], features_of(frame)
    times = [int(moment * 1000) for moment in frame["time"]]
    found = []
    for name in names:
        column = frame[name]
        if column.dtype.kind not in "biuf":
            continue
        points = zip(column.tolist(), times, strict=True)
        data = [[float(value), moment] for value, moment in points if value == value]
        found.append({"target": name, "datapoints": data})
    return found


def _moment(value: Any) -> float:
    """Seconds since 1970 of `now`, `now-6h`, or a moment."""
    match = _NOW.fullmatch(str(value))
    if match is None:
        return seconds_of(value)
    return now() - (int(match[1]) * _SECONDS[match[2]] if match[1] else 0)


def _projects(asked: Mapping[str, str]) -> list[str]:
    store: Any = open_store()
    names = {row.project for row in store.survey_endpoints()}
    if isinstance(store, ProjectStore):
        names |= {one["metadata"]["name"] for one in store.list_projects()}
    return sorted(names)


QUERIES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], list[Document]]] = {
    "list_endpoints": _list_endpoints,
    "individual_feature_analysis": _features,
    "overall_feature_analysis": _overall,
    "incoming_features": _incoming,
}
"""What `query` can be asked for."""

SEARCHES: Mapping[str, Callable[[Mapping[str, str]], list[str]]] = {"list_projects": _projects}
"""What `search` can be asked for."""
