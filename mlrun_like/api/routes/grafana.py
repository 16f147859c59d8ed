"""What MLRun's data source for Grafana asks: tables and series of model endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.bodies import document_in
from mlrun_like.api.routing import Needs, Routes, caller_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring.dashboards.proxy import query as answer_query
from mlrun_like.monitoring.dashboards.proxy import search as answer_search

__all__ = ["ROUTES"]

ROUTES = Routes("grafana-proxy", prefix="/grafana-proxy")
_READ = Needs("endpoint", "read", scope="visible")
_EXAMPLE = {
    "targets": [{"target": "target_endpoint=list_endpoints;project=fraud"}],
    "rangeRaw": {"from": "now-1h", "to": "now"},
}
Asked = Annotated[Any, Body(examples=[_EXAMPLE])]
Sought = Annotated[Any, Body(examples=[{"target": "target_endpoint=list_projects"}])]


@ROUTES.get("/model-endpoints", needs=_READ, summary="Whether the data source works")
def alive(request: Request) -> Response:
    """Grafana's test of a data source."""
    return json_answer({"status": "ok"})


@ROUTES.post("/model-endpoints/query", needs=_READ, summary="A table or series for Grafana")
def query(request: Request, body: Asked) -> Response:
    """`target` is a text such as `target_endpoint=list_endpoints;project=fraud`; the project must
    be one that the caller may see."""
    given = document_in(body, "a query")
    targets = given.get("targets")
    first = targets[0] if isinstance(targets, Sequence) and targets else {}
    text = first.get("target") if isinstance(first, Mapping) else ""
    caller, project = caller_of(request), _project(text)
    if not project and caller.visible is not None:
        raise InvalidArgumentError("the target needs a project", fix="...;project=fraud")
    if project and not caller.may(project, "endpoint", "read"):
        raise NotFoundError(f"there is no project {project!r:.80}")
    return json_answer(answer_query(given))


@ROUTES.post("/model-endpoints/search", needs=_READ, summary="Values of a variable for Grafana")
def search(request: Request, body: Sought) -> Response:
    """`target_endpoint=list_projects`: the projects that the caller may see."""
    found, visible = answer_search(document_in(body, "a search")), caller_of(request).visible
    return json_answer([name for name in found if visible is None or name in visible])


def _project(text: Any) -> str:
    """The project of a target, read as the answers read it: the last one counts."""
    found = ""
    for part in str(text or "").split(";"):
        key, _, value = part.partition("=")
        if key.strip() == "project":
            found = value.strip().replace("\\", "")
    return found
