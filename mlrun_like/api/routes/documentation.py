"""The documentation of the API as one page, which needs no other host."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routing import API, Needs, Routes
from mlrun_like.drawing.markup import Html, element
from mlrun_like.drawing.page import page

__all__ = ["ROUTES", "docs", "openapi"]

ROUTES = Routes("documentation", page=True)
_METHODS = ("get", "post", "put", "patch", "delete")


@ROUTES.get(
    f"{API}/openapi.json", needs=Needs("service", "read", scope="open"), summary="The document"
)
def openapi(request: Request) -> Response:
    """The API as an OpenAPI document."""
    return json_answer(request.app.openapi())


@ROUTES.get(
    f"{API}/docs", needs=Needs("service", "read", scope="open"), summary="All routes on a page"
)
def docs(request: Request) -> Response:
    """All routes with what they need, from the same document as `openapi.json`."""
    document = request.app.openapi()
    groups: dict[str, list[Html]] = {}
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                found = operations[method]
                tag = (found.get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(method, path, found))
    parts = [
        element("p", "The same as a document for programs: ", _link(f"{API}/openapi.json")),
    ]
    for tag, rows in sorted(groups.items()):
        parts.append(element("h2", tag))
        parts.extend(rows)
    return HTMLResponse(str(page(f"{document['info']['title']} API", *parts)))


def _operation(method: str, path: str, found: dict[str, Any]) -> Html:
    needs = str(found.get("x-needs", "")).split(":")
    needed = f"needs {needs[1]} of {needs[0]} ({needs[2]})" if len(needs) == 3 else ""
    query = [one["name"] for one in found.get("parameters", ()) if one["in"] == "query"]
    return element(
        "details",
        element(
            "summary", element("code", f"{method.upper()} {path}"), f" {found.get('summary', '')}"
        ),
        element("p", found.get("description", "")),
        element("p", f"Query: {', '.join(query)}") if query else "",
        element("p", needed),
    )


def _link(address: str) -> Html:
    return element("a", address, href=address)
