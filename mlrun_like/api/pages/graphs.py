"""Pages of serving graphs: the graph with its numbers, trying it, recorded events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer
from mlrun_like.api.pages.forms import Form, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.gateway import deployed_tabs
from mlrun_like.api.pages.parts.graphs import events_page, graph_page
from mlrun_like.api.pages.parts.look import look_of, place
from mlrun_like.api.pages.parts.trying import operations_of, try_page
from mlrun_like.api.pages.words import live
from mlrun_like.api.routes import gateway_trying as api
from mlrun_like.api.routes.bodies import checked_name
from mlrun_like.api.routes.gateway_data import (
    function_graph,
    gateway_client,
    recorded_event,
    recorded_events,
)
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.drawing.page import Html, element, joined, link, paragraph
from mlrun_like.errors import EngineError, MLRunLikeError, NotFoundError, SpecError
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-graphs", page=True)
_ONE = "/projects/{project}/graphs/{name}"
_READ, _RUN = Needs("gateway", "read"), Needs("gateway", "run")
_Sent = Annotated[Form, Depends(read_form)]
_PATIENCE = 4.0  # seconds for a function to tell what it can be asked; it may have been asleep


@ROUTES.get(_ONE, needs=_READ, summary="A serving graph")
def graph(request: Request, project: str, name: str) -> Response:
    """The graph with calls, times and failures of each step, read anew while it is looked at."""
    look = look_of(request, project)
    try:
        data = function_graph(store_of(request), project, checked_name(name))
    except NotFoundError as exc:
        where = place(project, "functions", name)
        words = paragraph(f"{exc.what}: it is a plain handler. ", link("Its source", where))
        return _framed(request, project, name, "graph", [words])
    part = live(place(project, "graphs", name), joined(graph_page(data, look)), seconds=5,
                key="graph", is_over=not data["latency"])  # fmt: skip
    if request.headers.get("hx-request"):
        return fragment(request, part)
    return _framed(request, project, name, "graph", [part])


@ROUTES.get(_ONE + "/try", needs=_READ, summary="A form that tries a function")
def try_form(request: Request, project: str, name: str) -> Response:
    """A request, filled with an example from the function's own schema."""
    return _tried(request, project, name, {}, {})


@ROUTES.post(_ONE + "/try", needs=_RUN, summary="Try a function by a form")
def tried(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Send the request, and show the answer."""
    asked = {key: form[key] for key in ("method", "path", "body")}
    try:
        body: Any = None
        if asked["body"].strip():
            try:
                body = json.loads(asked["body"])
            except (ValueError, RecursionError) as exc:
                raise SpecError(f"the body is no JSON: {exc}", fix="correct it") from exc
        given = {"method": asked["method"], "path": asked["path"]}
        result = api.try_function(
            project, checked_name(name), given if body is None else {**given, "body": body}
        )
    except MLRunLikeError as exc:
        result = {"error": f"{exc.what}. {exc.fix}"}
    return _tried(request, project, name, asked, result)


@ROUTES.get(_ONE + "/events", needs=_READ, summary="Recorded events of a function")
def events(request: Request, project: str, name: str) -> Response:
    """The newest, and the one that was chosen with its steps."""
    return _events(request, project, name, request.query_params.get("event", ""), {})


@ROUTES.post(_ONE + "/events/{uid}/replay", needs=_RUN, summary="Send a recorded event by a form")
def replay(request: Request, project: str, name: str, uid: str, form: _Sent) -> Response:
    """Send it again, and show where the answers differ."""
    try:
        answer = api.replay(request, project, name, uid)
        again: Document = json.loads(bytes(answer.body))
    except MLRunLikeError as exc:
        again = {"error": f"{exc.what}. {exc.fix}"}
    return _events(request, project, name, uid, again)


def _tried(
    request: Request, project: str, name: str, asked: Document, result: Document
) -> Response:
    look = look_of(request, project)
    schema, reason = _schema(project, checked_name(name))
    operations = operations_of(schema)
    if not asked:
        operations = _with_examples(operations, project, name)
    at = request.query_params.get("operation", "")
    if at.isdecimal() and int(at) < len(operations):
        operations = [operations[int(at)], *operations]
    parts = try_page(operations, look, name, asked, result)
    if reason and not result:
        again = link("Load it again", place(project, "graphs", name, "try"))
        parts.insert(0, element("p", f"{reason} ", again, class_="notice warn", role="status"))
    return _framed(request, project, name, "try", parts, 422 if result.get("error") else 200)


def _with_examples(operations: list[Document], project: str, name: str) -> list[Document]:
    """Where the schema gives no example, the newest recorded event does, if it went well."""
    wanted = [one for one in operations if one["method"] == "POST" and not one["example"]]
    if operations and not wanted:
        return operations
    found: dict[str, Any] = {}
    for row in recorded_events(project, name, 20):
        status = row.get("status") or 200
        path = str(row.get("path") or "/")
        if row.get("error") or not isinstance(status, int) or status >= 400 or path in found:
            continue
        body = row.get("body")
        if isinstance(body, (dict, list)):
            found[path] = body
    told = ["The body is that of the newest recorded event."]
    for one in wanted:
        if one["path"] in found:
            one.update(example=found[one["path"]], told=[*one["told"], *told])
    if not operations and found:
        path, body = next(iter(found.items()))
        operations = [{"method": "POST", "path": path, "summary": "", "example": body,
                       "told": told}]  # fmt: skip
    return operations


def _schema(project: str, name: str) -> tuple[Any, str]:
    """What the function says of itself, or None with the reason: it says nothing, does not run, or
    is only starting, for whoever asks wakes it."""
    client, key = gateway_client(_PATIENCE), f"{project}/{name}"
    try:
        if client.status(key).get("kind") != "serving":
            return None, ""  # a plain handler would take it for a request of somebody
        status, _, body = client.invoke(key, "openapi.json", most=1 << 20)
        return (json.loads(body), "") if status == 200 else (None, "")
    except (ValueError, RecursionError):
        return None, "What it says it can be asked is not JSON."
    except MLRunLikeError as exc:
        if isinstance(exc, EngineError) and _runs(client, key):
            return None, "It is starting, and has not said yet what it can be asked."
        return None, f"It cannot be asked now: {exc.what}."


def _runs(client: GatewayClient, key: str) -> bool:
    """Whether the gateway knows a function, and it did not fail."""
    try:
        return str(client.status(key).get("state")) not in ("error", "stopped")
    except MLRunLikeError:
        return False


def _events(request: Request, project: str, name: str, uid: str, again: Document) -> Response:
    look = look_of(request, project)
    rows = recorded_events(project, checked_name(name), 100)
    chosen = recorded_event(project, name, uid) if uid else None
    parts = events_page(rows, look, name, chosen, again)
    return _framed(request, project, name, "events", parts, 422 if again.get("error") else 200)


def _framed(
    request: Request, project: str, name: str, here: str, parts: Sequence[Html], status: int = 200
) -> Response:
    look = look_of(request, project)
    page = frame(
        request, name, [deployed_tabs(look, name, here), *parts], project=project, here="gateway",
        crumbs=[("Gateway", place(project, "gateway"))], lead=heading(name),
    )  # fmt: skip
    return html_answer(page, status)
