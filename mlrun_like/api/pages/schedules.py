"""Pages of schedules: the list, one with its history, a form that explains cron expressions."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer, moved
from mlrun_like.api.pages.forms import Form, asking, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.look import look_of, place
from mlrun_like.api.pages.parts.schedules import (
    create_form,
    explained_cron,
    schedule_page,
    schedules_page,
)
from mlrun_like.api.pages.words import events_of, live, state_badge
from mlrun_like.api.routes import schedules as api
from mlrun_like.api.routes.schedules_data import firing_row, schedule_data, schedule_rows
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.drawing.page import Html, element, link, paragraph
from mlrun_like.errors import MLRunLikeError, SpecError
from mlrun_like.monitoring.clock import now
from mlrun_like.schedules.cron import explained, next_time
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-schedules", page=True)
_LIST = "/projects/{project}/schedules"
_ONE = _LIST + "/{name}"
_READ, _UPDATE = Needs("schedule", "read"), Needs("schedule", "update")
_CREATE, _DELETE = Needs("schedule", "create"), Needs("schedule", "delete")
_Sent = Annotated[Form, Depends(read_form)]
_ANSWERING = ("serving", "nuclio", "remote", "application", "pipeline")
_OURS = ("workflow-runner-", "resume-")


@ROUTES.get(_LIST, needs=_READ, summary="Schedules of a project")
def list_page(request: Request, project: str) -> Response:
    """What runs by itself."""
    store, look = store_of(request), look_of(request, project)
    rows = schedule_rows(store, project)
    for row in rows:
        row["history"] = [firing_row(one) for one in store.list_firings(project, row["name"], 20)]
        row["explained"] = _sentence(str(row["cron"]), str(row["time_zone"]))
    new = element(
        "a", "New schedule", href=place(project, "schedules", "new"), class_="button main"
    )
    lead = heading("Schedules", actions=[new] if look.may("schedule", "create") else [])
    parts = schedules_page(rows, look)
    return html_answer(
        frame(request, "Schedules", parts, project=project, here="schedules", lead=lead)
    )


@ROUTES.get(_LIST + "/new", needs=_CREATE, summary="Form of a new schedule")
def new_page(request: Request, project: str) -> Response:
    """A form; with a query, the expression in it is explained, also without scripts."""
    return _form_page(request, project, dict(request.query_params))


@ROUTES.get(_LIST + "/explain", needs=_READ, summary="A cron expression in words")
def explain(request: Request, project: str) -> Response:
    """What an expression means, and its next times."""
    query = request.query_params
    return html_answer(_explained(query.get("cron", ""), query.get("time_zone", "")))


@ROUTES.post(_LIST, needs=_CREATE, summary="Make a schedule by a form")
def create(request: Request, project: str, form: _Sent) -> Response:
    """Make it and show it; a mistake shows the form again, with what was entered."""
    given = {key: form[key] for key in form.fields}
    try:
        name = form["name"]
        if any(row["name"] == name for row in store_of(request).list_schedules(project, name)):
            raise SpecError(
                f"there is a schedule {name!r} already", fix="choose another name, or delete it"
            )
        api.create_schedule(request, project, _document(project, form))
    except MLRunLikeError as exc:
        return _form_page(request, project, given, exc)
    return moved(place(project, "schedules", form["name"]), "created")


@ROUTES.get(_ONE, needs=_READ, summary="A schedule")
def one_page(request: Request, project: str, name: str) -> Response:
    """One schedule with its history and its next times."""
    data, look = schedule_data(store_of(request), project, name), look_of(request, project)
    data["row"]["explained"] = _sentence(str(data["row"]["cron"]), str(data["row"]["time_zone"]))
    marks = [state_badge("paused")] if data["row"]["paused"] else []
    buttons, *rest = schedule_page(data, look)
    where = place(project, "schedules", name)
    part = live(where, *rest, seconds=5, key="schedule", hears=events_of(project, "run"))
    if request.headers.get("hx-request"):
        return fragment(request, part)
    return html_answer(
        frame(
            request, name, [buttons, part], project=project, here="schedules",
            crumbs=[("Schedules", place(project, "schedules"))], lead=heading(name, *marks),
        )
    )  # fmt: skip


@ROUTES.post(_ONE + "/run", needs=Needs("schedule", "run"), summary="Run a schedule now")
def run_now(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Start it, besides its times."""
    api.invoke(request, project, name)
    return moved(place(project, "schedules", name), "started")


@ROUTES.post(_ONE + "/pause", needs=_UPDATE, summary="Pause a schedule")
def pause(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Nothing is started until it goes on."""
    api.pause(request, project, name)
    return moved(place(project, "schedules", name), "saved")


@ROUTES.post(_ONE + "/resume", needs=_UPDATE, summary="Resume a schedule")
def resume(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Let it go on."""
    api.resume(request, project, name)
    return moved(place(project, "schedules", name), "saved")


@ROUTES.get(_ONE + "/delete", needs=_DELETE, summary="Ask before a schedule is deleted")
def delete_page(request: Request, project: str, name: str) -> Response:
    """What would go."""
    store = store_of(request)
    store.read_schedule(project, name)
    count = len(store.list_firings(project, name, 0))
    goes = [f"schedule {name}", f"its history: {count} times"]
    back = place(project, "schedules", name)
    parts = [
        asking(request, back + "/delete", f"Delete the schedule {name}? Its runs stay.", goes,
               verb="Delete the schedule", back=back)
    ]  # fmt: skip
    crumbs = [("Schedules", place(project, "schedules")), (name, back)]
    title = f"Delete {name}"
    return html_answer(
        frame(request, title, parts, project=project, here="schedules", crumbs=crumbs)
    )


@ROUTES.post(_ONE + "/delete", needs=_DELETE, summary="Delete a schedule")
def delete(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Delete it with its history."""
    api.delete_schedule(request, project, name)
    return moved(place(project, "schedules"), "deleted")


def _form_page(
    request: Request, project: str, given: Document, problem: MLRunLikeError | None = None
) -> Response:
    look = look_of(request, project)
    names = _runnable(store_of(request).list_functions(project))
    told = _explained(str(given.get("cron") or ""), str(given.get("time_zone") or ""))
    notice: Html = Html()
    if problem is not None:
        notice = element("p", f"{problem.what} {problem.fix}", class_="notice bad", role="alert")
    body = [notice, create_form(names, look, given, told if given.get("cron") else None)]
    if not names:
        body = [
            paragraph("There is no function that could run. Store one first: ",
                      link("functions", place(project, "functions")))
        ]  # fmt: skip
    page = frame(request, "New schedule", body, project=project, here="schedules",
                 crumbs=[("Schedules", place(project, "schedules"))])  # fmt: skip
    return html_answer(page, 422 if problem is not None else 200)


def _runnable(functions: list[Document]) -> list[str]:
    """Names of functions that a schedule can start: not those that only answer requests, and not
    those that this service made to start something."""
    return sorted(
        {
            str(row["metadata"]["name"])
            for row in functions
            if row.get("kind") not in _ANSWERING
            and not str(row["metadata"]["name"]).startswith(_OURS)
        }
    )


def _document(project: str, form: Form) -> Document:
    try:
        parameters: Any = json.loads(form["parameters"] or "{}")
    except ValueError as exc:
        raise SpecError(f"the parameters are no JSON: {exc}", fix='{"days": 7}') from exc
    if not isinstance(parameters, dict):
        raise SpecError("the parameters must be names with values", fix='{"days": 7}')
    function = form["function"]
    spec: Document = {"parameters": parameters}
    if form["handler"].strip():
        spec["handler"] = form["handler"].strip()
    run = {"metadata": {"name": function}, "spec": spec}
    return {
        "name": form["name"],
        "spec": {
            "cron": form["cron"],
            "time_zone": form["time_zone"],
            "concurrency": form["concurrency"] or "forbid",
            "missed": form["missed"] or "once",
            "function": f"{project}/{function}",
            "run": run,
        },
    }


def _explained(cron: str, zone: str) -> Html:
    times: list[float] = []
    try:
        sentence, when = explained(cron, zone), now()
        for _ in range(5):
            found = next_time(cron, zone, when)
            if found is None:
                break
            times.append(found)
            when = found
    except MLRunLikeError as exc:
        return explained_cron("", [], f"{exc.what}. {exc.fix}")
    return explained_cron(sentence, times)


def _sentence(cron: str, zone: str) -> str:
    try:
        return explained(cron, zone) if cron else ""
    except MLRunLikeError:
        return ""
