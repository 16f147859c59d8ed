"""Pipelines: runs with their graphs, stored workflows, and how they are started and stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.tokens import run_token
from mlrun_like.api.execution.identity import reached_at
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.asking import RunFilters
from mlrun_like.api.routes.background import check_here, in_background
from mlrun_like.api.routes.bodies import document_in, text
from mlrun_like.api.routes.pipelines_data import (
    pipeline_data,
    pipeline_row,
    pipeline_run,
    pipeline_svg,
    plan_graph,
    recorded_plan,
    step_rows,
    stored_workflows,
    workflow_plan,
)
from mlrun_like.api.routes.runs_data import list_runs_page
from mlrun_like.api.routing import Needs, Routes, caller_of, options_of, store_of
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError, StateError, nearest
from mlrun_like.names import new_uid
from mlrun_like.projects.project import MlrunProject
from mlrun_like.projects.resuming import check_resumable, resume_pipeline
from mlrun_like.runs.job import Way, jobs_go
from mlrun_like.specs.run import TERMINAL
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pipelines")
_READ, _RUN = Needs("pipeline", "read"), Needs("pipeline", "run")
_LABELS = {"kind": "pipeline"}
_LIST = "/projects/{project}/pipelines"
_ONE = _LIST + "/{uid}"
_FLOWS = "/projects/{project}/workflows"
_EXAMPLE = {"arguments": {"rows": 100}, "artifact_path": "", "engine": "remote"}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]


@ROUTES.get(
    "/pipelines",
    needs=Needs("pipeline", "read", scope="visible"),
    summary="List runs of pipelines of all projects",
)
def list_all(request: Request) -> Response:
    """Of all projects that the caller may see; filters as for one project."""
    return _listed(request, "*")


@ROUTES.get(_LIST, needs=_READ, summary="List runs of pipelines")
def list_pipelines(request: Request, project: str) -> Response:
    """Runs of pipelines, newest first. Filters and orders are those of runs: `name` (`~part`),
    `state` (repeated), `label`, `since`, `until`; `sort`: start_time, duration, name, state."""
    return _listed(request, project)


@ROUTES.get(_ONE, needs=_READ, summary="Get the run of a pipeline")
def get_pipeline(request: Request, project: str, uid: str) -> Response:
    """Its document, its steps with states, times and reasons, and its graph."""
    return json_answer(pipeline_data(store_of(request), project, uid))


@ROUTES.get(_ONE + "/steps", needs=_READ, summary="Steps of the run of a pipeline")
def steps(request: Request, project: str, uid: str) -> Response:
    """All steps, also of loops with many rounds. Filters: `state`, `name`."""
    store, query = store_of(request), request.query_params
    pipeline_run(store, project, uid)
    state, name = query.get("state"), query.get("name")
    rows = step_rows(store.list_steps(project, uid))
    rows = [
        row
        for row in rows
        if (not state or row["state"] == state) and (not name or name in (row["name"], row["step"]))
    ]
    shown, pages = paged(
        rows,
        request,
        key=lambda row: row["step"],
        sorts={"started": lambda row: row["started"], "seconds": lambda row: row["seconds"]},
        default="started",
    )
    return json_answer({"steps": shown, "pagination": pages})


@ROUTES.get(_ONE + "/graph", needs=_READ, summary="Graph of the run of a pipeline")
def graph(request: Request, project: str, uid: str) -> Response:
    """Nodes, edges and groups, with what became of each step so far."""
    store = store_of(request)
    run = pipeline_run(store, project, uid)
    found = plan_graph(recorded_plan(store, run), store.list_steps(project, uid))
    return json_answer({"graph": found, "state": pipeline_row(run)["state"]})


@ROUTES.get(
    _ONE + "/picture.svg",
    needs=_READ,
    summary="Picture of the run of a pipeline",
    responses={200: {"content": {"image/svg+xml": {}}}},
)
def picture(request: Request, project: str, uid: str) -> Response:
    """The graph as an SVG document."""
    return Response(
        pipeline_svg(store_of(request), project, uid),
        media_type="image/svg+xml",
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


@ROUTES.post(_ONE + "/abort", needs=_RUN, summary="Stop the run of a pipeline", status_code=202)
def abort(request: Request, project: str, uid: str) -> Response:
    """Ask it to stop; its steps that run are stopped too. 409 if it has ended."""
    store = store_of(request)
    run = pipeline_run(store, project, uid)
    state = pipeline_row(run)["state"]
    if state in TERMINAL:
        raise StateError(f"the run is over: it is {state!r}", where=f"{project}@{uid}")
    if state != "aborting":
        store.set_run_state(project, uid, 0, "aborting", "")
    return json_answer(pipeline_row(store.read_run(project, uid)), 202)


@ROUTES.post(
    _ONE + "/resume", needs=_RUN, summary="Let the run of a pipeline go on", status_code=202
)
def resume(request: Request, project: str, uid: str) -> Response:
    """Steps that finished are kept; all others run, in a process of their own. 409 if it has not
    ended."""
    pipeline_run(store_of(request), project, uid)
    check_here(request, "the pipeline")
    name, runner = check_resumable(uid, project), new_uid()

    def work() -> Document:
        return {"state": resume_pipeline(uid, project, runner).state()}

    more = {"uid": uid, "runner": runner}
    return in_background(request, "pipeline-resume", project, work, name=name, more=more)


@ROUTES.get(_FLOWS, needs=_READ, summary="List the workflows of a project")
def list_workflows(request: Request, project: str) -> Response:
    """The workflows that the project's document names, each with its newest run."""
    rows = stored_workflows(store_of(request), project)
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["name"]),
        sorts={"name": lambda row: str(row["name"])},
        default="name",
    )
    return json_answer({"workflows": shown, "pagination": pages})


@ROUTES.get(_FLOWS + "/{name}", needs=_READ, summary="Get a workflow of a project")
def get_workflow(request: Request, project: str, name: str) -> Response:
    """The workflow, with its newest run."""
    return json_answer(_workflow(request, project, name))


@ROUTES.get(_FLOWS + "/{name}/plan", needs=_READ, summary="Plan of a pipeline")
def plan(request: Request, project: str, name: str) -> Response:
    """The plan of a pipeline or workflow as its newest run recorded it: nodes, edges, parameters.
    The service runs no code of a workflow to look at it."""
    return json_answer({"graph": plan_graph(workflow_plan(store_of(request), project, name))})


@ROUTES.post(_FLOWS + "/{name}/submit", needs=_RUN, summary="Start a workflow", status_code=202)
def submit(request: Request, project: str, name: str, body: Given = None) -> Response:
    """Start a workflow in a run of its own. `engine`: `remote` (default) or `remote:kfp`."""
    given = document_in(body or {}, "a submission")
    row = _workflow(request, project, name)
    arguments = given.get("arguments") or {}
    spec = given.get("spec")
    if isinstance(spec, dict) and not arguments:  # MLRun's WorkflowRequest
        arguments = spec.get("args") or {}
    if not isinstance(arguments, dict):
        raise SpecError("arguments of a workflow are a mapping")
    engine = text(given, "engine") or "remote"
    if engine.partition(":")[0] != "remote":
        raise SpecError(f"engine {engine[:40]!r} is not for a service", fix='"engine": "remote"')
    document = store_of(request).read_project(project)
    folder = config.path("projects", project)
    folder.mkdir(parents=True, exist_ok=True)
    source = text(given, "source")
    if not (row["image"] or (document.get("spec") or {}).get("default_image")):
        check_here(request, "a workflow without an image")
        if not source and row["path"] and not row["embedded"]:
            folder = _folder_of(row, document, folder)
    made = MlrunProject.from_dict(document, str(folder))
    with jobs_go(_way(request, project)):
        run = made.run(
            name,
            arguments=arguments,
            artifact_path=text(given, "artifact_path") or None,
            engine=engine,
            source=source or None,
            dirty=True,
        )
    return json_answer(
        {
            "project": project,
            "name": name,
            "status": "running",
            "run_id": run.run_id,
            "schedule": None,
        },
        202,
    )


def _folder_of(row: Document, document: Document, folder: Path) -> Path:
    """Where a workflow's file is: in the service's folder of the project, or in that of whoever
    made the project, if this is the same machine."""
    path = str(row["path"])
    if "://" in path:
        return folder
    for place in (folder, Path(str(document.get("context") or folder))):
        if place.is_absolute() and (place / path).is_file():
            return place
    raise InvalidArgumentError(
        f"the file {path!r:.200} of workflow {row['name']!r:.80} is not on the service's machine",
        where=str(folder),
        fix=f"store its text with the project: project.set_workflow({row['name']!r:.80}, "
        f"{path!r:.200}, embed=True), project.save()",
    )


def _way(request: Request, project: str) -> Way | None:
    """How the workflow's runner reaches the service: with a token for a week."""
    address = reached_at(options_of(request))
    if not config.guarded or not address:
        return None
    return Way(address, run_token(store_of(request), caller_of(request), project))


def _workflow(request: Request, project: str, name: str) -> Document:
    rows = {str(row["name"]): row for row in stored_workflows(store_of(request), project)}
    if name not in rows:
        raise NotFoundError(
            f"there is no workflow {name!r:.80}.{nearest(name, rows)}",
            where=f"project {project!r}",
            fix=f"there are: {', '.join(list(rows)[:20])}" if rows else "project.set_workflow(...)",
        )
    return rows[name]


def _listed(request: Request, project: str) -> Response:
    asked = RunFilters.of(request.query_params, project)
    filters = replace(asked, labels={**asked.labels, **_LABELS})
    page = list_runs_page(store_of(request), caller_of(request), filters, "full")
    rows = [pipeline_row(run) for run in page.rows]
    pages = {"page-token": page.token or None, "page-size": filters.page_size}
    return json_answer({"runs": rows, "pagination": pages})
