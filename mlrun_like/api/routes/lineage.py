"""Lineage: what a run read and wrote, who made an artifact and who used it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.bodies import number
from mlrun_like.api.routes.lineage_data import lineage_graph
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.names import parse_artifact_uri

__all__ = ["ROUTES"]

ROUTES = Routes("lineage", prefix="/projects/{project}/lineage")


@ROUTES.get(
    "",
    needs=Needs("artifact", "read"),
    summary="What was made from what",
    examples={
        "nodes": [{"id": "run:demo/1a", "kind": "run", "label": "train", "depth": 0}],
        "edges": [],
        "truncated": False,
    },
)
def read(request: Request, project: str, uid: str = "", uri: str = "") -> Response:
    """Give runs and artifacts around a run (`uid`) or an artifact (`uri`), at most `depth` steps
    away and `limit` of them."""
    if "\0" in uid + uri or len(uid) + len(uri) > 2000:
        raise InvalidArgumentError("uid or uri cannot be used")
    caller = caller_of(request)
    if uri and not caller.may(parse_artifact_uri(uri, project).project, "artifact", "read"):
        raise NotFoundError(f"there is no artifact {uri!r}")
    found = lineage_graph(
        store_of(request), caller, project, uid=uid, uri=uri,
        depth=number(request, "depth", 3, 8, 1), limit=number(request, "limit", 200, 1000, 1),
    )  # fmt: skip
    return json_answer(found)
