"""Pages of pipelines: runs and workflows, one run as a live graph with its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer, moved
from mlrun_like.api.pages.forms import Form, asking, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.look import look_of, place
from mlrun_like.api.pages.parts.pipelines import ENDED, graph_part, run_buttons, steps_part
from mlrun_like.api.pages.parts.steps import step_part
from mlrun_like.api.pages.parts.workflows import beginning_part, pipelines_page, runs_part
from mlrun_like.api.pages.words import events_of, live, state_badge
from mlrun_like.api.routes import pipelines as api
from mlrun_like.api.routes.pipelines_data import (
    pipeline_data,
    pipeline_rows,
    stored_workflows,
)
from mlrun_like.api.routes.workflows_data import is_going_on, last_start, start_data
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.drawing.page import Html, element
from mlrun_like.errors import MLRunLikeError, NotFoundError, SpecError
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
    """Runs of pipelines, and stored workflows; the runs are read anew while one looks."""
    if request.headers.get("hx-request"):
        return fragment(request, _runs(request, project, _rows(request, project)))
    return _list_page(request, project)


@ROUTES.get(_ONE, needs=_READ, summary="A run of a pipeline")
def one_page(request: Request, project: str, uid: str) -> Response:
    """The graph, which follows the run while it goes on, and the step that is looked at."""
    start = _start_of(request, project, uid)
    if start is not None:
        return _start_page(request, project, start)
    data, look = _data(request, project, uid), look_of(request, project)
    step = request.query_params.get("step", "")
    shown = _step(request, project, data, step) if step else Html()
    body = [
        _live(request, project, data, step),
        element("div", shown, id="step", tabindex="-1", aria_live="polite"),
        _live(request, project, data, step, "steps"),
    ]
    title = f"{data['row']['name']} …{uid[-8:]}"
    mark = state_badge("starting" if data["going"] else data["state"])
    lead = heading(data["row"]["name"], mark, note=uid, actions=run_buttons(data, look))
    crumbs = [("Pipelines", place(project, "pipelines"))]
    return html_answer(
        frame(request, title, body, project=project, here="pipelines", crumbs=crumbs, lead=lead)
    )


@ROUTES.get(_ONE + "/live", needs=_READ, summary="A live part of a pipeline's page")
def live_part(request: Request, project: str, uid: str) -> Response:
    """The graph, or the steps, as they are now."""
    start = _start_of(request, project, uid)
    if start is not None:
        answer = fragment(request, _beginning(request, project, start))
        if start["pipeline"] or start["state"] in ENDED:
            answer.headers["hx-refresh"] = "true"
        return answer
    query = request.query_params
    data = _data(request, project, uid)
    part = "steps" if query.get("part") == "steps" else "graph"
    answer = fragment(request, _live(request, project, data, query.get("step", ""), part))
    if query.get("going") and not data["going"]:  # it goes on now, or could not
        answer.headers["hx-redirect"] = place(project, "pipelines", uid)
    elif query.get("part") == "begin" or (data["state"] in ENDED and not data["going"]):
        # buttons and heading are others now
        answer.headers["hx-refresh"] = "true"
    return answer


@ROUTES.get(_ONE + "/step", needs=_READ, summary="One step of a pipeline's run")
def step_fragment(request: Request, project: str, uid: str) -> Response:
    """What is known of a step."""
    data = _data(request, project, uid)
    return fragment(request, _step(request, project, data, request.query_params.get("step", "")))


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
    answer = api.resume(request, project, uid)
    runner = str(json.loads(bytes(answer.body)).get("runner") or "")
    return moved(place(project, "pipelines", uid, going=runner), "resumed")


@ROUTES.post("/projects/{project}/workflows/{name}/start", needs=_RUN, summary="Start a workflow")
def start(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Start it with arguments, and show its run; a mistake shows the form again."""
    try:
        try:
            arguments: Any = json.loads(form["arguments"] or "{}")
        except ValueError as exc:
            raise SpecError(f"the arguments are no JSON: {exc}", fix='{"days": 7}') from exc
        answer = api.submit(request, project, name, {"arguments": arguments})
    except NotFoundError:
        raise
    except MLRunLikeError as exc:
        return _list_page(request, project, exc, {name: form["arguments"]})
    uid = str(json.loads(bytes(answer.body)).get("run_id") or "")
    return moved(place(project, "pipelines", *[uid] if uid else []), "started")


def _list_page(
    request: Request,
    project: str,
    problem: MLRunLikeError | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    store, look = store_of(request), look_of(request, project)
    rows, state = _rows(request, project), request.query_params.get("state", "")
    flows = stored_workflows(store, project)
    for flow in flows:
        flow["start"] = last_start(store, project, flow["name"])
    notice: Html = Html()
    if problem is not None:
        told = ". ".join(filter(None, [problem.what, problem.fix]))
        notice = element("p", told, class_="notice bad", role="alert")
    runs = _runs(request, project, rows)
    parts = [notice, *pipelines_page(rows, flows, look, runs, state=state, given=given)]
    page = frame(request, "Pipelines", parts, project=project, here="pipelines")
    return html_answer(page, 422 if problem is not None else 200)


def _rows(request: Request, project: str) -> list[Document]:
    state = request.query_params.get("state", "")
    return pipeline_rows(store_of(request), project, limit=_asked(request), state=state)


def _asked(request: Request) -> int:
    most = request.query_params.get("most", "")
    return min(max(int(most), 1), 2500) if most.isdecimal() and len(most) < 6 else 100


def _runs(request: Request, project: str, rows: list[Document]) -> Html:
    state, most = request.query_params.get("state", ""), _asked(request)
    where = place(project, "pipelines", state=state, most=most if most != 100 else "")
    part = runs_part(rows, look_of(request, project), state, most)
    return live(where, part, seconds=5, key="runs", hears=events_of(project, "run"))


def _start_of(request: Request, project: str, uid: str) -> Document | None:
    return start_data(store_of(request), project, uid)


def _start_page(request: Request, project: str, start: Document) -> Response:
    if start["pipeline"]:
        told = request.query_params.get("told", "")
        return moved(place(project, "pipelines", start["pipeline"]), told and "started")
    name = start["name"] or "a workflow"
    title = f"Start of {name}"
    page = frame(request, title, [_beginning(request, project, start)], project=project,
                 here="pipelines", crumbs=[("Pipelines", place(project, "pipelines"))])  # fmt: skip
    return html_answer(page)


def _beginning(request: Request, project: str, start: Document) -> Html:
    part = beginning_part(start, look_of(request, project))
    where = place(project, "pipelines", start["uid"], "live", part="begin")
    return live(where, part, seconds=1, key="begin", is_over=start["state"] in ENDED)


def _data(request: Request, project: str, uid: str) -> Document:
    store = store_of(request)
    data = pipeline_data(store, project, uid)
    flows = {flow["name"] for flow in stored_workflows(store, project)}
    data["flow"] = data["row"]["name"] in flows
    going = request.query_params.get("going", "")
    data["going"] = going if going and data["state"] in ENDED and is_going_on(
        store, project, going) else ""  # fmt: skip
    return data


def _live(request: Request, project: str, data: Document, step: str, part: str = "graph") -> Html:
    uid, look = data["row"]["uid"], look_of(request, project)
    where = place(project, "pipelines", uid, "live", step=step, going=data["going"],
                  part=part if part == "steps" else "")  # fmt: skip
    shown = steps_part(data, look) if part == "steps" else graph_part(data, look, step)
    is_over = data["state"] in ENDED and not data["going"]
    return live(where, shown, seconds=_SECONDS, key="run" if part == "graph" else "steps",
                is_over=is_over, hears=events_of(project, "run", "step"), calm=4)  # fmt: skip


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
    part = step_part(row, node, run, look_of(request, project))
    where = place(project, "pipelines", data["row"]["uid"], "step", step=step)
    is_over = data["state"] in ENDED or (row is not None and row["state"] != "running")
    return live(where, part, seconds=_SECONDS, key="step-now", is_over=is_over)
