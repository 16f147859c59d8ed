"""Pages of alerts: incidents over time, one incident, definitions and silences."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import Form, asking, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.alerts import incident_page, incidents_page
from mlrun_like.api.pages.parts.definitions import definitions_page
from mlrun_like.api.pages.parts.look import look_of, place
from mlrun_like.api.pages.words import state_badge
from mlrun_like.api.routes.alerts_data import alert_rows
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.page import Html, element
from mlrun_like.errors import MLRunLikeError, NotFoundError, SpecError
from mlrun_like.monitoring.alerts.configs import (
    delete_alert_config,
    get_alert_config,
    list_alerts_configs,
    reset_alert_config,
    store_alert_config,
)
from mlrun_like.monitoring.alerts.definition import AlertConfig
from mlrun_like.monitoring.alerts.incidents import acknowledge, add_note, resolve_activation
from mlrun_like.monitoring.alerts.silences import end_silence, list_silences, silence
from mlrun_like.monitoring.alerts.templates import list_alert_templates
from mlrun_like.monitoring.pages.incidents import incident_data, incident_rows

__all__ = ["ROUTES"]

ROUTES = Routes("pages-alerts", page=True)
_LIST = "/projects/{project}/alerts"
_DEFINED = _LIST + "/definitions"
_ONE = _LIST + "/{number}"
_READ, _UPDATE = Needs("alert", "read"), Needs("alert", "update")
_Sent = Annotated[Form, Depends(read_form)]
_ALL = ("open", "acknowledged", "resolved")


@ROUTES.get(_LIST, needs=_READ, summary="Incidents of a project")
def incidents(request: Request, project: str) -> Response:
    """Incidents over time."""
    look = look_of(request, project)
    rows = incident_rows(store_of(request), project, states=_ALL, limit=500)
    parts = incidents_page(rows, look, request.query_params.get("state", ""))
    return html_answer(frame(request, "Alerts", parts, project=project, here="alerts"))


@ROUTES.get(_DEFINED, needs=_READ, summary="Definitions of alerts")
def definitions(request: Request, project: str) -> Response:
    """What is watched, what is silent."""
    return _definitions(request, project)


@ROUTES.post(_DEFINED, needs=Needs("alert", "create"), summary="Make an alert by a form")
def create(request: Request, project: str, form: _Sent) -> Response:
    """Make an alert from a template."""
    name = form["name"].strip()
    try:
        if any(one.name == name for one in list_alerts_configs(project)):
            raise SpecError(f"there is an alert {name!r} already", fix="choose another name")
        kind = form["notification"] or "console"
        store_alert_config(
            name,
            AlertConfig(
                project,
                name,
                template=form["template"],
                entities={
                    "kind": form["kind"],
                    "project": project,
                    "ids": [form["ids"].strip() or "*"],
                },
                notifications=[{"kind": kind, "name": kind}],
            ),
            project=project,
        )
    except MLRunLikeError as exc:
        return _definitions(request, project, exc)
    return moved(place(project, "alerts", "definitions"), "created")


@ROUTES.post(_DEFINED + "/{name}/reset", needs=_UPDATE, summary="Reset an alert by a form")
def reset(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Let it go off again."""
    reset_alert_config(name, project)
    return moved(place(project, "alerts", "definitions"), "saved")


@ROUTES.post(_DEFINED + "/{name}/silence", needs=_UPDATE, summary="Pause an alert by a form")
def pause(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Tell nobody for a while."""
    get_alert_config(name, project)
    silence({"name": name}, form["duration"] or "1d", who=_who(request), project=project)
    return moved(place(project, "alerts", "definitions"), "saved")


@ROUTES.get(
    _DEFINED + "/{name}/delete", needs=Needs("alert", "delete"), summary="Ask before it is deleted"
)
def delete_page(request: Request, project: str, name: str) -> Response:
    """What would go."""
    get_alert_config(name, project)
    back = place(project, "alerts", "definitions")
    parts = [
        asking(request, place(project, "alerts", "definitions", name, "delete"),
               f"Delete the alert {name}? Nobody is told of it any more; its incidents stay.",
               [f"alert {name}"], verb="Delete the alert", back=back)
    ]  # fmt: skip
    return html_answer(
        frame(request, f"Delete {name}", parts, project=project, here="alerts",
              crumbs=[("Alerts", place(project, "alerts")), ("Definitions", back)])
    )  # fmt: skip


@ROUTES.post(
    _DEFINED + "/{name}/delete", needs=Needs("alert", "delete"), summary="Delete an alert by a form"
)
def delete(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Delete it; its incidents stay."""
    if not delete_alert_config(name, project):
        raise NotFoundError(f"there is no alert {name!r}", where=f"project {project!r}")
    return moved(place(project, "alerts", "definitions"), "deleted")


@ROUTES.post(_LIST + "/silences/end", needs=_UPDATE, summary="End a silence by a form")
def quiet_ends(request: Request, project: str, form: _Sent) -> Response:
    """Tell of things again."""
    end_silence(form["key"], project)
    return moved(place(project, "alerts", "definitions"), "saved")


@ROUTES.get(_ONE, needs=_READ, summary="An incident")
def incident(request: Request, project: str, number: str) -> Response:
    """One incident with its time line."""
    data, look = incident_data(store_of(request), project, _number(number)), look_of(
        request, project)  # fmt: skip
    title = f"{data['name']} #{data['number']}"
    lead = heading(title, state_badge(data["severity"]), state_badge(data["state"]))
    crumbs = [("Alerts", place(project, "alerts"))]
    parts = incident_page(data, look)
    return html_answer(
        frame(request, title, parts, project=project, here="alerts", crumbs=crumbs, lead=lead)
    )


@ROUTES.post(_ONE + "/{what}", needs=_UPDATE, summary="Do something about an incident by a form")
def act(request: Request, project: str, number: str, what: str, form: _Sent) -> Response:
    """Acknowledge it, note something, silence its alert, or resolve it."""
    at, who, note = _number(number), _who(request), form["note"].strip()[:200]
    if what == "acknowledge":
        acknowledge(at, who, note, project=project)
    elif what == "note":
        add_note(at, who, note, project=project)
    elif what == "resolve":
        resolve_activation(at, who, note, project=project)
    elif what == "silence":
        name = incident_data(store_of(request), project, at)["name"]
        silence({"name": name}, form["duration"], who=who, note=note, project=project)
        add_note(at, who, f"silenced for {form['duration']}. {note}".strip(), project=project)
    else:
        raise NotFoundError(f"nothing is called {what!r:.40} for an incident")
    return moved(place(project, "alerts", at), "saved")


def _definitions(request: Request, project: str, problem: MLRunLikeError | None = None) -> Response:
    look = look_of(request, project)
    rows = alert_rows(store_of(request), project)
    templates = [one.to_dict() for one in list_alert_templates()]
    notice: list[Html] = []
    if problem is not None:
        told = f"{problem.what} {problem.fix}"
        notice.append(element("p", told, class_="notice bad", role="alert"))
    parts = [*notice, *definitions_page(rows, list_silences(project), templates, look)]
    page = frame(request, "Alerts", parts, project=project, here="alerts")
    return html_answer(page, 422 if problem is not None else 200)


def _who(request: Request) -> str:
    caller = caller_of(request)
    return caller.name or caller.user


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise NotFoundError(f"there is no incident {text!r:.40}")
    return int(text)
