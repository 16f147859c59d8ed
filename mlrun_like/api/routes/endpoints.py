"""Model endpoints: lists with their health, documents, results and features."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import named_like, paged
from mlrun_like.api.routes.bodies import document_in, flag, labels_of, number, seen, text, when
from mlrun_like.api.routes.endpoints_data import (
    endpoint_metrics,
    endpoint_page,
    endpoint_rows,
    endpoint_series,
    features_of,
)
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.monitoring.endpoints.records import patch_model_endpoint, set_monitoring_mode
from mlrun_like.tracking.monitoring_abilities import EndpointQuery
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("model-endpoints")
_READ, _UPDATE = Needs("endpoint", "read"), Needs("endpoint", "update")
_LIST = "/projects/{project}/model-endpoints"
_ONE = _LIST + "/{uid}"
_MODE = "/projects/{project}/model-monitoring/mode"
_TYPES = ("all", "results", "metrics")
_DAY = 86400.0
_MOST = 50
_EXAMPLE = {
    "metadata": {"project": "fraud", "uid": "0a1b2c"},
    "spec": {"model": "cards:latest", "function_uri": "fraud/serve"},
    "status": {},
}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]
Change = Annotated[Any, Body(examples=[{"spec.monitoring_mode": "disabled"}])]
Mode = Annotated[Any, Body(examples=[{"mode": "disabled", "function": "serve"}])]
_SORTS = {
    "name": lambda row: str(row["name"]),
    "requests": lambda row: row["requests"],
    "last_request": lambda row: row["last_request"],
    "status": lambda row: row["status"],
    "drift": lambda row: row["drift_score"],
    "error_rate": lambda row: row["error_rate"],
    "created": lambda row: row["created"],
}


@ROUTES.get(
    "/model-endpoints",
    needs=Needs("endpoint", "read", scope="visible"),
    summary="List model endpoints of all projects",
)
def list_all(request: Request) -> Response:
    """Rows with their health, of the projects that the caller may see."""
    return _rows(request, seen(endpoint_rows(store_of(request), ""), caller_of(request).visible))


@ROUTES.get(_LIST, needs=_READ, summary="List model endpoints")
def list_endpoints(request: Request, project: str) -> Response:
    """`format=full` (default): documents; `summary`: rows with counters, drift, quality, latency,
    incidents. Filters: `name` (`~part`), `model`, `function`, `label`, `uid` (repeated),
    `top-level`, `start`, `end`."""
    query = request.query_params
    if (query.get("format") or "full") == "summary":
        return _rows(request, endpoint_rows(store_of(request), project))
    wanted = EndpointQuery(
        project,
        name=query.get("name") or "",
        model=query.get("model") or "",
        function=query.get("function") or "",
        labels=labels_of(request),
        uids=tuple(query.getlist("uid")),
        top_level=flag(request, "top-level") or flag(request, "top_level"),
        since=when(request, "start"),
        until=when(request, "end"),
    )
    rows = store_of(request).list_endpoints(wanted)
    sorts = {
        "name": lambda row: str(row["metadata"].get("name") or ""),
        "created": lambda row: str(row["metadata"].get("created") or ""),
    }
    shown, pages = paged(rows, request, key=lambda row: str(row["metadata"]["uid"]), sorts=sorts)
    return json_answer({"endpoints": shown, "pagination": pages})


@ROUTES.get(_ONE, needs=_READ, summary="Get a model endpoint", examples=_EXAMPLE)
def get_endpoint(request: Request, project: str, uid: str) -> Response:
    """Its document with its counters. `feature_analysis=true`: with features and distances."""
    store = store_of(request)
    document = store.read_endpoint(project, uid)
    if flag(request, "feature_analysis") or flag(request, "feature-analysis"):
        status = {**(document.get("status") or {}), "features": features_of(store, project, uid)}
        document = {**document, "status": status}
    return json_answer(document)


@ROUTES.get(_ONE + "/health", needs=_READ, summary="All that is known of a model endpoint")
def health(request: Request, project: str, uid: str) -> Response:
    """Counters, results over `days` (7), features with histograms, quality, windows, incidents."""
    span = number(request, "days", 7, 365, 1) * _DAY
    return json_answer(endpoint_page(store_of(request), project, uid, span))


@ROUTES.get(_ONE + "/features", needs=_READ, summary="Drift of a model endpoint's features")
def features(request: Request, project: str, uid: str) -> Response:
    """Distances and histograms of each feature: of training, and of the newest window."""
    rows = features_of(store_of(request), project, uid)
    sorts = {"score": lambda row: row["score"], "name": lambda row: str(row["name"])}
    shown, pages = paged(
        rows, request, key=lambda row: str(row["name"]), sorts=sorts, default="-score"
    )
    return json_answer({"features": shown, "pagination": pages})


@ROUTES.get(_ONE + "/metrics", needs=_READ, summary="Names of results and metrics")
def metrics(request: Request, project: str, uid: str) -> Response:
    """What applications give for an endpoint. `type`: all, results or metrics."""
    kind = request.query_params.get("type") or "all"
    if kind not in _TYPES:
        raise InvalidArgumentError(f"type {kind[:40]!r} is unknown", fix=", ".join(_TYPES))
    rows = endpoint_metrics(store_of(request), project, uid, kind)
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["full_name"]),
        sorts={"name": lambda row: str(row["full_name"])},
        default="name",
    )
    return json_answer({"metrics": shown, "pagination": pages})


@ROUTES.get(_ONE + "/metrics-values", needs=_READ, summary="Results and metrics over time")
def metrics_values(request: Request, project: str, uid: str) -> Response:
    """`name` (repeated, `<project>.<app>.<result or metric>.<name>`), `start`, `end`. Points are
    end of the window, value, status."""
    names = request.query_params.getlist("name")
    if not 1 <= len(names) <= _MOST:
        raise InvalidArgumentError(f"give 1 to {_MOST} names", fix="?name=p.app.result.drift")
    found = endpoint_series(
        store_of(request), project, uid, names, when(request, "start"), when(request, "end")
    )
    return json_answer({"metrics": found})


@ROUTES.post(
    _LIST, needs=Needs("endpoint", "create"), summary="Make a model endpoint", status_code=201
)
def create_endpoint(request: Request, project: str, body: Given) -> Response:
    """Store an endpoint's document; its counters are the store's."""
    return json_answer(_stored(request, project, "", body), 201)


@ROUTES.put(_ONE, needs=_UPDATE, summary="Store a model endpoint")
def store_endpoint(request: Request, project: str, uid: str, body: Given) -> Response:
    """Replace an endpoint's document; its counters are the store's."""
    return json_answer(_stored(request, project, uid, body))


@ROUTES.patch(_ONE, needs=_UPDATE, summary="Change fields of a model endpoint")
def patch_endpoint(request: Request, project: str, uid: str, body: Change) -> Response:
    """Values by dotted path (`spec.active`) or bare name; null: back to the default."""
    changes = document_in(body, "a change of an endpoint")
    return json_answer(patch_model_endpoint(project, uid, changes).to_dict())


@ROUTES.delete(_ONE, needs=Needs("endpoint", "delete"), summary="Delete a model endpoint")
def delete_endpoint(request: Request, project: str, uid: str) -> Response:
    """Delete it with all that was recorded of it."""
    store = store_of(request)
    if not store.delete_endpoint(project, uid):
        raise NotFoundError(f"there is no model endpoint {uid!r:.80}", where=f"project {project!r}")
    store.delete_results(project, uid)
    return Response(status_code=204)


@ROUTES.post(_MODE, needs=_UPDATE, summary="Switch recording of requests on or off")
def mode(request: Request, project: str, body: Mode) -> Response:
    """`mode` enabled or disabled; `uid`, `name` or `function` choose endpoints, without them all of
    the project. Workers follow within seconds."""
    given = document_in(body, "a mode")
    found = set_monitoring_mode(
        project,
        text(given, "mode"),
        uid=text(given, "uid"),
        name=text(given, "name"),
        function=text(given, "function"),
    )
    return json_answer({"endpoints": [one.to_dict() for one in found]})


def _stored(request: Request, project: str, uid: str, body: Any) -> Document:
    given = document_in(body, "a model endpoint")
    made = ModelEndpoint.from_dict(given)
    if made.metadata.project not in ("", project) or (uid and made.metadata.uid not in ("", uid)):
        raise SpecError("the document's project and uid are not those of the path")
    made.metadata.project = project
    made.metadata.uid = made.metadata.uid or uid
    if not made.metadata.uid:
        raise SpecError("a model endpoint needs a uid", fix='"metadata": {"uid": ...}')
    store = store_of(request)
    store.store_endpoint(made.to_dict())
    return store.read_endpoint(project, made.metadata.uid)


def _rows(request: Request, rows: list[Document]) -> Response:
    query = request.query_params
    name, function, model = query.get("name", ""), query.get("function"), query.get("model")
    rows = [
        row
        for row in rows
        if named_like(str(row["name"]), name)
        and (not function or row["function"] == function)
        and (not model or str(row["model"]).partition(":")[0] == model.partition(":")[0])
    ]
    shown, pages = paged(
        rows,
        request,
        key=lambda row: f"{row['project']}/{row['uid']}",
        sorts=_SORTS,
        default="name",
    )
    return json_answer({"endpoints": shown, "pagination": pages})
