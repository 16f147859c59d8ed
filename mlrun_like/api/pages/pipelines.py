"""Pages of pipelines: runs and workflows, one run as a live graph with its steps."""

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
from mlrun_like.api.pages.parts.pipelines import (
    ENDED,
    pipeline_part,
    pipelines_page,
    run_buttons,
)
from mlrun_like.api.pages.parts.steps import step_part
from mlrun_like.api.pages.words import live, state_badge
from mlrun_like.api.routes import pipelines as api
from mlrun_like.api.routes.pipelines_data import (
    pipeline_data,
    pipeline_rows,
    stored_workflows,
)
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.drawing.page import Html, element
from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-pipelines", page=True)
_LIST = "/projects/{project}/pipelines"
_ONE = _LIST + "/{uid}"
_READ, _RUN = Needs("pipeline", "read"), Needs("pipeline", "run")
_Sent = Annotated[Form, Depends(read_form)]
_TAIL = 20_000
_SECONDS = 2


@ROUTES.get(_LIST, needs=_READ, summary="Pipelines of a project")
def list_page(request: Request, project: str) -> Response:
    """Runs of pipelines, and stored workflows."""
    store, look = store_of(request), look_of(request, project)
    state = request.query_params.get("state", "")
    rows = pipeline_rows(store, project, limit=100, state=state)
    parts = pipelines_page(rows, stored_workflows(store, project), look, state)
    return html_answer(frame(request, "Pipelines", parts, project=project, here="pipelines"))


@ROUTES.get(_ONE, needs=_READ, summary="A run of a pipeline")
def one_page(request: Request, project: str, uid: str) -> Response:
    """The graph, which follows the run while it goes on, and the step that is looked at."""
    data, look = _data(request, project, uid), look_of(request, project)
    step = request.query_params.get("step", "")
    shown = _step(request, project, data, step) if step else Html()
    body = [
        _live(request, project, data, step),
        element("div", shown, id="step", tabindex="-1", aria_live="polite"),
    ]
    title = f"{data['row']['name']} {uid[:8]}"
    lead = heading(data["row"]["name"], state_badge(data["state"]), note=uid,
                   actions=run_buttons(data, look))  # fmt: skip
    crumbs = [("Pipelines", place(project, "pipelines"))]
    return html_answer(
        frame(request, title, body, project=project, here="pipelines", crumbs=crumbs, lead=lead)
    )


@ROUTES.get(_ONE + "/live", needs=_READ, summary="The live part of a pipeline's page")
def live_part(request: Request, project: str, uid: str) -> Response:
    """The graph and the steps as they are now."""
    data = _data(request, project, uid)
    answer = fragment(request, _live(request, project, data, request.query_params.get("step", "")))
    if data["state"] in ENDED:  # the buttons and the heading are others now
        answer.headers["hx-refresh"] = "true"
    return answer


@ROUTES.get(_ONE + "/step", needs=_READ, summary="One step of a pipeline's run")
def step_fragment(request: Request, project: str, uid: str) -> Response:
    """What is known of a step."""
    data = _data(request, project, uid)
    return html_answer(_step(request, project, data, request.query_params.get("step", "")))


@ROUTES.get(_ONE + "/abort", needs=_RUN, summary="Ask before a pipeline is stopped")
def abort_page(request: Request, project: str, uid: str) -> Response:
    """What would be stopped."""
    data = _data(request, project, uid)
    running = [one["step"] for one in data["steps"] if one["state"] == "running"]
    back = place(project, "pipelines", uid)
    name = data["row"]["name"]
    parts = [
        asking(request, back + "/abort", f"Stop the run of {name}? Steps that run now are stopped "
               "too. It can go on from here later.", [f"step {one}" for one in running],
               verb="Stop the pipeline", back=back)
    ]  # fmt: skip
    crumbs = [("Pipelines", place(project, "pipelines")), (name, back)]
    return html_answer(
        frame(request, f"Stop {name}", parts, project=project, here="pipelines", crumbs=crumbs)
    )


@ROUTES.post(_ONE + "/abort", needs=_RUN, summary="Stop a pipeline by a form")
def abort(request: Request, project: str, uid: str, form: _Sent) -> Response:
    """Ask it to stop."""
    api.abort(request, project, uid)
    return moved(place(project, "pipelines", uid), "aborted")


@ROUTES.post(_ONE + "/resume", needs=_RUN, summary="Let a pipeline go on by a form")
def resume(request: Request, project: str, uid: str, form: _Sent) -> Response:
    """Run what did not finish."""
    api.resume(request, project, uid)
    return moved(place(project, "pipelines", uid), "started")


@ROUTES.post("/projects/{project}/workflows/{name}/start", needs=_RUN, summary="Start a workflow")
def start(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Start it with arguments, and show its run."""
    try:
        arguments: Any = json.loads(form["arguments"] or "{}")
    except ValueError as exc:
        raise SpecError(f"the arguments are no JSON: {exc}", fix='{"days": 7}') from exc
    answer = api.submit(request, project, name, {"arguments": arguments})
    uid = str(json.loads(bytes(answer.body)).get("run_id") or "")
    return moved(place(project, "pipelines"), "started") if not uid else moved(
        place(project, "pipelines", uid), "started")  # fmt: skip


def _data(request: Request, project: str, uid: str) -> Document:
    store = store_of(request)
    data = pipeline_data(store, project, uid)
    flows = {flow["name"] for flow in stored_workflows(store, project)}
    data["flow"] = data["row"]["name"] in flows
    return data


def _live(request: Request, project: str, data: Document, step: str) -> Html:
    where = place(project, "pipelines", data["row"]["uid"], "live", step=step)
    part = pipeline_part(data, look_of(request, project), step)
    return live(where, part, seconds=_SECONDS, key="run", is_over=data["state"] in ENDED)


def _step(request: Request, project: str, data: Document, step: str) -> Html:
    store = store_of(request)
    nodes = {node["id"]: node for node in (data["graph"] or {}).get("nodes", [])}
    rows = [one for one in data["steps"] if step in (one["step"], one["name"])]
    node = nodes.get(step.partition("[")[0])
    if not rows and node is None:
        raise NotFoundError(f"this run has no step {step!r:.80}", fix="load the page again")
    # Of the rounds of a loop the one that failed is shown, else the newest.
    row = next((one for one in rows if one["state"] == "error"), rows[-1] if rows else None)
    run: Document = {}
    if row is not None and row["uid"]:
        try:
            run["document"] = store.read_run(project, row["uid"])
        except NotFoundError:
            run["document"] = {}
        size = store.log_size(project, row["uid"])
        log = store.read_log(project, row["uid"], max(0, size - _TAIL))
        run["log"] = log.decode("utf-8", "replace")
    return step_part(row, node, run, look_of(request, project))
