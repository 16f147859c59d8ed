"""Monitoring of a project's models: whether it is on, its applications and their windows."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in, number
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.monitoring.applications.definitions import read_settings
from mlrun_like.monitoring.applications.registering import (
    disable,
    enable,
    list_applications,
    remove_application,
)
from mlrun_like.monitoring.pages.work import work_data
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES", "monitoring_state"]

ROUTES = Routes("model-monitoring", prefix="/projects/{project}/model-monitoring")
_READ, _UPDATE = Needs("monitoring", "read"), Needs("monitoring", "update")
_MOST = 5000
_EXAMPLE = {"base_period": 10, "deploy_histogram_data_drift_app": True}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]


@ROUTES.get("", needs=_READ, summary="Whether a project's models are watched")
def state(request: Request, project: str) -> Response:
    """On or off, the length of a window, applications, and how far each has come."""
    return json_answer(monitoring_state(store_of(request), project))


@ROUTES.put("", needs=_UPDATE, summary="Watch a project's models")
def start(request: Request, project: str, body: Given = None) -> Response:
    """`base_period`: minutes of a window; `deploy_histogram_data_drift_app`: use the default
    applications; `default_applications`: which of them."""
    given = document_in(body or {}, "settings of monitoring")
    period, default = given.get("base_period", 10), given.get("deploy_histogram_data_drift_app")
    names = given.get("default_applications")
    if isinstance(period, bool) or not isinstance(period, int) or not 1 <= period <= 100_000:
        raise SpecError(f"base_period {period!r:.40} is no whole number of minutes from 1")
    if names is not None and not (
        isinstance(names, list) and all(isinstance(name, str) for name in names)
    ):
        raise SpecError("default_applications are a list of names")
    wanted = True if default is None else bool(default)
    enable(project, period, deploy_histogram_data_drift_app=wanted, applications=names)
    _noted(store_of(request), project, enabled=True, base_period=period)
    return json_answer(monitoring_state(store_of(request), project))


@ROUTES.delete("", needs=_UPDATE, summary="Stop watching a project's models")
def stop(request: Request, project: str) -> Response:
    """No application is called any more; what was recorded and found stays."""
    disable(project, delete_histogram_data_drift_app=False)
    _noted(store_of(request), project, enabled=False)
    return json_answer(monitoring_state(store_of(request), project))


@ROUTES.get("/applications", needs=_READ, summary="List monitoring applications")
def applications(request: Request, project: str) -> Response:
    """What looks at windows of requests."""
    rows = list_applications(project)
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["metadata"]["name"]),
        sorts={"name": lambda row: str(row["metadata"]["name"])},
        default="name",
    )
    return json_answer({"applications": shown, "pagination": pages})


@ROUTES.get("/applications/{name}", needs=_READ, summary="Get a monitoring application")
def application(request: Request, project: str, name: str) -> Response:
    """Its document, and how far it has come on each endpoint."""
    for row in list_applications(project):
        if row["metadata"]["name"] == name:
            cursors = [
                cursor._asdict()
                for cursor in store_of(request).read_cursors(project)
                if cursor.application == name
            ]
            return json_answer({**row, "cursors": cursors})
    raise NotFoundError(f"there is no application {name!r:.80}", where=f"project {project!r}")


@ROUTES.delete(
    "/applications/{name}",
    needs=Needs("monitoring", "delete"),
    summary="Remove a monitoring application",
)
def delete_application(request: Request, project: str, name: str) -> Response:
    """It is not called any more; `delete-results=true`: what it found goes, too."""
    results = request.query_params.get("delete-results", "").lower() in ("1", "true", "yes")
    if not remove_application(project, name, delete_results=results):
        raise NotFoundError(f"there is no application {name!r:.80}", where=f"project {project!r}")
    return Response(status_code=204)


@ROUTES.get("/windows", needs=_READ, summary="Windows that were looked at")
def windows(request: Request, project: str) -> Response:
    """What became of the newest `limit` windows. Filters: `endpoint`, `application`, `state`."""
    query = request.query_params
    rows = store_of(request).list_windows(
        project,
        query.get("endpoint") or "",
        query.get("application") or "",
        query.get("state") or "",
        number(request, "limit", 1000, _MOST, 1),
    )
    made = [
        {"endpoint": endpoint, "application": application, **row._asdict()}
        for endpoint, application, row in rows
    ]
    shown, pages = paged(
        made,
        request,
        key=lambda row: f"{row['endpoint']}/{row['application']}/{row['start']}",
        sorts={"end": lambda row: row["end"]},
        default="-end",
    )
    return json_answer({"windows": shown, "pagination": pages})


@ROUTES.get("/work", needs=_READ, summary="Runs and pipelines of a project over time")
def work(request: Request, project: str) -> Response:
    """How many runs ended how in the last `days` (7), the slowest and the failed."""
    span = number(request, "days", 7, 365, 1) * 86400.0
    return json_answer(work_data(store_of(request), project, span=span))


def monitoring_state(store: SqlStore, project: str) -> Document:
    """Whether a project's models are watched, by what, and how far that is.

    Args:
        store: The store.
        project: The project.
    """
    settings = read_settings(project)
    return {
        "project": project,
        "enabled": settings.enabled,
        "settings": vars(settings),
        "applications": [row["metadata"]["name"] for row in list_applications(project)],
        "cursors": [cursor._asdict() for cursor in store.read_cursors(project)],
        "leases": {
            name: {"owner": owner, "seconds": seconds}
            for name, (owner, seconds) in store.read_leases("monitoring").items()
        },
    }


def _noted(store: SqlStore, project: str, **values: Any) -> None:
    """The project's document says the same, so that a client that loads it agrees."""
    try:
        document = store.read_project(project)
    except NotFoundError:
        return
    spec = document.setdefault("spec", {})
    spec["monitoring"] = {**(spec.get("monitoring") or {}), **values}
    store.store_project(document)
