"""Start runs of stored functions through the service."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.decide import check
from mlrun_like.api.access.origin import own_address
from mlrun_like.api.execution.request import read_request
from mlrun_like.api.execution.starting import start_run
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.asking import clean
from mlrun_like.api.routes.bodies import document_in
from mlrun_like.api.routing import Needs, Routes, caller_of, options_of, store_of
from mlrun_like.errors import SpecError
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("submit")


@ROUTES.post(
    "/projects/{project}/submit",
    needs=Needs("run", "run"),
    summary="Start a run of a stored function",
    status_code=202,
    examples={
        "data": {
            "metadata": {"name": "train", "uid": "0193a4b2", "project": "fraud"},
            "status": {"state": "pending"},
        }
    },
)
def submit(request: Request, project: str, body: Annotated[Any, Body()]) -> Response:
    """Answers at once (202) with the run's document; its log can be followed.

    `function` (`name[:tag][@hash]` or `db://project/name`), `parameters`, `inputs`, `handler`,
    `name`, `labels`, `hyperparams`, `hyper_param_options`, `artifact_path`, `timeout`, `retry`,
    `returns`, `notifications`, `schedule` (a cron expression: it is stored, not started),
    `overrides` {image, requests, limits}; or MLRun's `{"function", "task", "schedule"}`. What runs
    where is said by the setting `service_execution`.
    """
    return _submitted(request, clean(project, "project"), document_in(body, "a run"))


@ROUTES.post(
    "/submit_job",
    needs=Needs("run", "run", scope="self"),
    summary="Start a run (MLRun's address)",
    status_code=202,
)
def submit_job(request: Request, body: Annotated[Any, Body()]) -> Response:
    """MLRun's `{"task": {"metadata": {"project", "name"}, "spec": {...}}, "function", "schedule"}`.
    A function's document in it is refused: only stored functions are run."""
    asked = document_in(body, "a job")
    task = asked.get("task")
    metadata = task.get("metadata") if isinstance(task, dict) else None
    project = metadata.get("project") if isinstance(metadata, dict) else None
    if not isinstance(project, str) or not project:
        raise SpecError("task.metadata.project is missing")
    check(caller_of(request), clean(project, "project"), "run", "run")
    return _submitted(request, project, asked)


def _submitted(request: Request, project: str, body: Document) -> Response:
    asked = read_request(project, body)
    login, options = bool(request.app.state.access.required), options_of(request)
    address = own_address(request, options.url, bool(options.tls_cert))
    document = start_run(store_of(request), caller_of(request), asked, login, address)
    where = f"/api/v1/projects/{project}/runs/{asked.uid}"
    if asked.schedule is not None:
        return json_answer({"data": {"action": "created", "run": document}}, 201)
    return json_answer({"data": document}, 202, {"location": where})
