"""Runs side by side."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.comparison_data import compare_data
from mlrun_like.api.routes.metrics import asked_runs
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import InvalidArgumentError

__all__ = ["ROUTES"]

ROUTES = Routes("comparison")


@ROUTES.get(
    "/compare",
    needs=Needs("run", "read", scope="visible"),
    summary="Compare runs",
    examples={
        "runs": [],
        "parameters": [{"name": "lr", "values": [0.1, 0.2], "differs": True}],
        "metrics": ["loss"],
    },
)
def compare(request: Request) -> Response:
    """`run=project@uid#iteration` (repeated, at most 50). Tables of parameters, results, inputs,
    labels, artifacts (by content) and code, with a value for each run; what differs comes first."""
    runs = asked_runs(request)
    if not request.query_params.getlist("run"):
        raise InvalidArgumentError("no run is named", fix="?run=project@uid&run=project@uid#3")
    return json_answer(compare_data(store_of(request), runs))


@ROUTES.get(
    "/projects/{project}/compare", needs=Needs("run", "read"), summary="Compare runs of a project"
)
def compare_in_project(request: Request, project: str) -> Response:
    """As `/compare`; `run=uid#iteration` is enough."""
    runs = asked_runs(request, project)
    if not request.query_params.getlist("run"):
        raise InvalidArgumentError("no run is named", fix="?run=uid&run=uid#3")
    return json_answer(compare_data(store_of(request), runs))
