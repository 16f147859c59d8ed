"""Alerts: definitions, templates, their tests; events that set them off."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import named_like, paged
from mlrun_like.api.routes.alerts_data import alert_document, alert_rows
from mlrun_like.api.routes.bodies import document_in, flag, number, seen, when
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.monitoring.alerts.checking import check_name
from mlrun_like.monitoring.alerts.configs import (
    delete_alert_config,
    get_alert_config,
    reset_alert_config,
    store_alert_config,
)
from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.monitoring.alerts.events import generate_event, list_events
from mlrun_like.monitoring.alerts.templates import (
    delete_alert_template,
    get_alert_template,
    list_alert_templates,
    store_alert_template,
)
from mlrun_like.monitoring.alerts.trying import try_notifications
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("alerts")
_READ, _UPDATE, _RUN = Needs("alert", "read"), Needs("alert", "update"), Needs("alert", "run")
_EXAMPLE = {
    "project": "fraud",
    "name": "drift",
    "summary": "{{entity}} drifts",
    "severity": "high",
    "entities": {"kind": "model-endpoint-result", "project": "fraud", "ids": ["*"]},
    "trigger": {"events": ["data-drift-detected"]},
    "criteria": {"count": 1, "period": "1h"},
    "notifications": [
        {"notification": {"kind": "console", "name": "log", "message": "drift", "when": []}}
    ],
}
_EVENT = {
    "kind": "data-drift-detected",
    "entity": {"kind": "model-endpoint-result", "project": "fraud", "ids": ["a1b2.app.result.r"]},
    "value_dict": {"value": 0.8},
}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]
Told = Annotated[Any, Body(examples=[_EVENT])]
Template = Annotated[Any, Body(examples=[{"template_name": "Mine", "trigger": {"events": []}}])]
_LIST = "/projects/{project}/alerts"
_ONE = _LIST + "/{name}"
_SORTS = {
    "name": lambda row: str(row["name"]),
    "severity": lambda row: str(row.get("severity")),
    "updated": lambda row: str(row.get("updated") or ""),
}


@ROUTES.get(
    "/alerts", needs=Needs("alert", "read", scope="visible"), summary="List alerts of all projects"
)
def list_all(request: Request) -> Response:
    """Alerts of all projects that the caller may see; filters as for one project."""
    return _listed(request, seen(alert_rows(store_of(request), "*"), caller_of(request).visible))


@ROUTES.get(_LIST, needs=_READ, summary="List alerts")
def list_alerts(request: Request, project: str) -> Response:
    """Definitions with their state and how many incidents are open. Filters: `name`, `severity`,
    `state` (active, inactive)."""
    return _listed(request, alert_rows(store_of(request), project))


@ROUTES.get(_ONE, needs=_READ, summary="Get an alert", examples=_EXAMPLE)
def get_alert(request: Request, project: str, name: str) -> Response:
    """The definition, its state and how often it went off. Secret values are not shown."""
    return json_answer(alert_document(get_alert_config(name, project)))


@ROUTES.put(_ONE, needs=_UPDATE, summary="Store an alert", examples=_EXAMPLE)
def store_alert(request: Request, project: str, name: str, body: Given) -> Response:
    """Make or change an alert. Secret values of notifications go to the project's secrets.
    `force-reset=true`: forget events counted so far."""
    given = document_in(body, "an alert")
    given = {**given, "project": given.get("project") or project, "name": given.get("name") or name}
    for key in ("id", "created", "updated", "state", "count", "open_incidents"):
        given.pop(key, None)  # what was read may be sent back
    if given["project"] != project or given["name"] != name:
        raise SpecError("the alert's project and name are those of the path")
    check_name(name, "an alert")
    reset = flag(request, "force-reset") or flag(request, "force_reset")
    made = store_alert_config(name, AlertConfig.from_dict(given), project, reset)
    return json_answer(alert_document(made))


@ROUTES.delete(_ONE, needs=Needs("alert", "delete"), summary="Delete an alert")
def delete_alert(request: Request, project: str, name: str) -> Response:
    """Its incidents end; their history stays."""
    if not delete_alert_config(name, project):
        raise NotFoundError(f"there is no alert {name!r:.80}", where=f"project {project!r}")
    return Response(status_code=204)


@ROUTES.post(_ONE + "/reset", needs=_UPDATE, summary="Reset an alert")
def reset_alert(request: Request, project: str, name: str) -> Response:
    """Let it go off again: events counted so far are forgotten, its incidents end."""
    reset_alert_config(name, project)
    return json_answer(alert_document(get_alert_config(name, project)))


@ROUTES.post(_ONE + "/test", needs=_RUN, summary="Try the notifications of an alert")
def try_alert(request: Request, project: str, name: str) -> Response:
    """Send each notification once, marked as a test; says what became of each."""
    return json_answer({"notifications": try_notifications(name, project)})


@ROUTES.post(
    "/projects/{project}/events/{name}",
    needs=Needs("event", "create"),
    summary="Tell that something happened",
    examples={"id": "5f0c"},
)
def tell_event(request: Request, project: str, name: str, body: Told) -> Response:
    """Alerts judge it at their next pass. 400 if the kind is unknown, or does not happen to such
    an entity."""
    data = document_in(body, "an event")
    return json_answer({"id": generate_event(name, data, project)})


@ROUTES.get(
    "/projects/{project}/happenings",
    needs=Needs("event", "read"),
    summary="What happened in a project",
)
def happenings(request: Request, project: str) -> Response:
    """The event log. Filters: `kind`, `entity`, `start`, `end`; `limit` (1000): the first so
    many from `start` on."""
    query = request.query_params
    rows = list_events(
        project,
        query.get("kind") or "",
        query.get("entity") or "",
        when(request, "start"),
        when(request, "end"),
        number(request, "limit", 1000, 10_000, 1),
    )
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["id"]),
        sorts={"time": lambda row: row["time"]},
        default="-time",
    )
    return json_answer({"events": shown, "pagination": pages})


@ROUTES.get(
    "/alert-templates",
    needs=Needs("alert", "read", scope="visible"),
    summary="List templates of alerts",
)
def list_templates(request: Request) -> Response:
    """Those of the platform first, then the service's own; they are for all projects."""
    rows = [template.to_dict() for template in list_alert_templates()]
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["template_name"]),
        sorts={"name": lambda row: str(row["template_name"])},
    )
    return json_answer({"templates": shown, "pagination": pages})


@ROUTES.get(
    "/alert-templates/{name}",
    needs=Needs("alert", "read", scope="visible"),
    summary="Get a template of alerts",
)
def get_template(request: Request, name: str) -> Response:
    """The template."""
    return json_answer(get_alert_template(name).to_dict())


@ROUTES.put(
    "/alert-templates/{name}",
    needs=Needs("alert", "update", scope="server"),
    summary="Store a template of alerts",
)
def store_template(request: Request, name: str, body: Template) -> Response:
    """Make or change a template; those of the platform stay as they are (409)."""
    given = {**document_in(body, "a template")}
    if given.setdefault("template_name", name) != name:
        raise SpecError(f"the template is called {given['template_name']!r:.80}, not {name!r:.80}")
    return json_answer(store_alert_template(given).to_dict())


@ROUTES.delete(
    "/alert-templates/{name}",
    needs=Needs("alert", "delete", scope="server"),
    summary="Delete a template of alerts",
)
def delete_template(request: Request, name: str) -> Response:
    """Alerts made from it stay."""
    delete_alert_template(name)
    return Response(status_code=204)


def _listed(request: Request, rows: list[Document]) -> Response:
    query = request.query_params
    name, severity, state = query.get("name", ""), query.get("severity"), query.get("state")
    rows = [
        row
        for row in rows
        if named_like(str(row["name"]), name)
        and (not severity or row.get("severity") == severity)
        and (not state or row.get("state") == state)
    ]
    shown, pages = paged(
        rows,
        request,
        key=lambda row: f"{row.get('project')}/{row['name']}",
        sorts=_SORTS,
        default="name",
    )
    return json_answer({"alerts": shown, "pagination": pages})
