"""One search over everything that the caller may see."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.bodies import number
from mlrun_like.api.routes.search_data import search
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of

__all__ = ["ROUTES"]

ROUTES = Routes("search")
_EXAMPLE = {
    "text": "fraud",
    "results": [
        {
            "kind": "model", "project": "demo", "name": "fraud", "title": "fraud", "snippet": "",
            "url": "/projects/demo/models/fraud", "score": 10.0, "updated": 1767225600.0,
        }
    ],
    "counts": {"model": 1},
    "searched": {"model": {"rows": 12, "all": True}},
    "truncated": False,
}  # fmt: skip


@ROUTES.get(
    "/search",
    needs=Needs("search", "read", scope="visible"),
    summary="Search everything",
    examples=_EXAMPLE,
)
def find(request: Request, q: str = "", project: str = "") -> Response:
    """Find names, labels, tags and descriptions with all words of `q`; `kind` (repeated): only
    these; `limit`: results of a kind."""
    kinds = request.query_params.getlist("kind")[:20]
    limit = number(request, "limit", 20, 100, 1)
    found = search(
        store_of(request), caller_of(request), q, kinds=kinds, project=project, limit=limit
    )
    return json_answer(found)
