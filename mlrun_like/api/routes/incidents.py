"""Incidents: alerts that went off, with their time lines; notes, silences."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.alerts_data import incident_list, incident_one, silence_rows
from mlrun_like.api.routes.bodies import document_in, flag, seen, text, when
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError
from mlrun_like.monitoring.alerts.incidents import acknowledge, add_note, resolve_activation
from mlrun_like.monitoring.alerts.silences import end_silence, silence
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("incidents")
_READ, _UPDATE = Needs("alert", "read"), Needs("alert", "update")
_LIST = "/projects/{project}/alert-activations"
_ONE = _LIST + "/{number}"
_SILENCES = "/projects/{project}/alert-silences"
_STATES = ("open", "acknowledged", "resolved")
_MOST = 10_000
_BIGGEST = 2**31
Noted = Annotated[Any, Body(examples=[{"note": "I look at it"}])]
Held = Annotated[
    Any, Body(examples=[{"matchers": {"name": "drift*"}, "duration": "2h", "note": "release"}])
]
_SEVERITIES = {"low": 1, "medium": 2, "high": 3}
_SORTS = {
    "opened": lambda row: row["opened"],
    "updated": lambda row: row["updated"],
    "severity": lambda row: _SEVERITIES.get(str(row["severity"]), 0),
    "name": lambda row: str(row["name"]),
}


@ROUTES.get(
    "/alert-activations",
    needs=Needs("alert", "read", scope="visible"),
    summary="List incidents of all projects",
)
def list_all(request: Request) -> Response:
    """The newest 10,000 incidents of the projects that the caller may see; filters as for one."""
    return _listed(request, "")


@ROUTES.get(_LIST, needs=_READ, summary="List incidents")
def list_incidents(request: Request, project: str) -> Response:
    """The newest 10,000. Filters: `name` (the alert), `state` (repeated; `open` means not yet
    ended and not acknowledged), `severity` (repeated), `entity`, `since`, `until`."""
    return _listed(request, project)


@ROUTES.get(_ONE, needs=_READ, summary="Get an incident with its time line")
def get_incident(request: Request, project: str, number: str) -> Response:
    """The incident, its time line, and what its actions began."""
    return json_answer(incident_one(store_of(request), project, _number(number)))


@ROUTES.post(_ONE + "/acknowledge", needs=_UPDATE, summary="Take care of an incident")
def acknowledge_incident(
    request: Request, project: str, number: str, body: Noted = None
) -> Response:
    """Its repetitions are not told any more. 409 if it has ended."""
    acknowledge(_number(number), caller_of(request).name, _note(body), project)
    return json_answer(incident_one(store_of(request), project, _number(number)))


@ROUTES.post(_ONE + "/notes", needs=_UPDATE, summary="Note something on an incident")
def note_incident(request: Request, project: str, number: str, body: Noted) -> Response:
    """Also when it has ended."""
    said = _note(body)
    if not said:
        raise SpecError("the note is empty", fix='{"note": "..."}')
    add_note(_number(number), caller_of(request).name, said, project)
    return json_answer(incident_one(store_of(request), project, _number(number)))


@ROUTES.post(_ONE + "/resolve", needs=_UPDATE, summary="End an incident by hand")
def resolve_incident(request: Request, project: str, number: str, body: Noted = None) -> Response:
    """One that has ended stays as it is."""
    resolve_activation(_number(number), caller_of(request).name, _note(body), project)
    return json_answer(incident_one(store_of(request), project, _number(number)))


@ROUTES.get(_SILENCES, needs=_READ, summary="List silences")
def list_silences(request: Request, project: str) -> Response:
    """Those that hold now or will; `ended=true`: also those that are over."""
    rows = silence_rows(project, ended=flag(request, "ended"))
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["id"]),
        sorts={"end": lambda row: row["end"], "start": lambda row: row["start"]},
        default="end",
    )
    return json_answer({"silences": shown, "pagination": pages})


@ROUTES.post(_SILENCES, needs=_UPDATE, summary="Hold alerts back for a while", status_code=201)
def make_silence(request: Request, project: str, body: Held) -> Response:
    """Incidents are opened and ended all the same; nobody is told until it ends. `matchers`:
    name, entity, entity_kind, severity, kind, with `*` and `?`; `duration` or `end`."""
    given = document_in(body, "a silence")
    matchers = given.get("matchers") or {}
    if not isinstance(matchers, dict):
        raise SpecError("matchers of a silence are a mapping")
    duration = given.get("duration")
    if duration is not None and (
        isinstance(duration, bool) or not isinstance(duration, (str, int, float))
    ):
        raise SpecError("duration is seconds or a text", fix='"duration": "2h"')
    key = silence(
        matchers,
        duration,
        start=given.get("start"),
        end=given.get("end"),
        who=caller_of(request).name,
        note=text(given, "note")[:2000],
        project=project,
    )
    rows = [row for row in silence_rows(project, ended=True) if row["id"] == key]
    return json_answer(rows[0], 201)


@ROUTES.delete(_SILENCES + "/{key}", needs=_UPDATE, summary="End a silence now")
def delete_silence(request: Request, project: str, key: str) -> Response:
    """What is still open is told of then."""
    end_silence(key, project)
    return Response(status_code=204)


def _listed(request: Request, project: str) -> Response:
    query = request.query_params
    states = tuple(query.getlist("state"))
    for state in states:
        if state not in _STATES:
            raise InvalidArgumentError(f"state {state[:40]!r} is unknown", fix=", ".join(_STATES))
    rows = incident_list(
        store_of(request),
        project,
        states=states,
        severities=tuple(query.getlist("severity")),
        entity=query.get("entity") or "",
        name=query.get("name") or "",
        limit=_MOST,
    )
    since, until = when(request, "since"), when(request, "until")
    rows = [
        row
        for row in rows
        if (since is None or row["opened"] >= since) and (until is None or row["opened"] <= until)
    ]
    if not project:
        rows = seen(rows, caller_of(request).visible)
    shown, pages = paged(
        rows,
        request,
        key=lambda row: f"{row['project']}/{row['number']:012d}",
        sorts=_SORTS,
        default="-opened",
    )
    return json_answer({"activations": shown, "pagination": pages})


def _number(text_: str) -> int:
    if not text_.isascii() or not text_.isdigit() or not 0 < int(text_[:12]) < _BIGGEST:
        raise NotFoundError(f"there is no incident {text_[:40]!r}")
    return int(text_[:12])


def _note(body: Document | None) -> str:
    return text(document_in(body, "a note"), "note")[:10_000] if body is not None else ""
