"""The OpenAPI document: what the framework sees, and what the tables of this folder add."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI

from mlrun_like.api.documented.asked import ASKED
from mlrun_like.api.documented.bodies import BODIES
from mlrun_like.api.documented.names import example_of
from mlrun_like.api.documented.ordered import LISTS
from mlrun_like.api.documented.words import ERROR, PAGINATION, listed, parameter, sorting

__all__ = ["document", "use_document"]

_API = "/api/v1"
_METHODS = ("get", "post", "put", "patch", "delete")
_PATHS: Mapping[str, Mapping[str, Any]] = {
    "project": {"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
    **{
        part: {"pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"}
        for part in (
            *("name", "key", "tag", "alias", "reference"),
            *("user", "source", "upload_id", "uid"),
        )
    },
}
"""What the parts of paths look like; nothing else is there, so nothing else is found."""
_MOVED = {
    "POST /background-tasks/gc": {202: 200},
    "PUT /projects/{project}/files/{path}": {201: 200},
    "PUT /projects/{project}/file-uploads/{upload_id}/parts/{offset}": {201: 200},
    "PUT /projects/{project}/artifacts/{key}": {201: 200},
    "PUT /projects/{project}/functions/{name}": {201: 200},
    "POST /projects/{project}/artifacts/delete": {202: 200},
    "POST /projects/{project}/runs/{uid}/metrics": {202: 200},
}
"""Operation -> its status, and the one that the framework would say."""
_ALSO = {
    "DELETE /projects/{project}": 200,
    "DELETE /projects/{project}/runs": 202,
    "POST /projects/{project}/runs/{uid}/abort": 202,
    "POST /projects/{project}/submit": 201,
    "POST /submit_job": 201,
    "POST /projects/{project}/file-uploads/{upload_id}/complete": 202,
    "GET /projects/{project}/files/{path}": 206,
    "GET /projects/{project}/artifacts/{key}/download": 206,
}
"""Operation -> another status that it may have."""
_EMPTY = frozenset(
    {
        "DELETE /projects/{project}/schedules/{name}",
        "DELETE /projects/{project}/feature-sets/{name}",
        "DELETE /projects/{project}/feature-sets/{name}/references/{reference}",
        "DELETE /projects/{project}/feature-vectors/{name}",
        "DELETE /projects/{project}/feature-vectors/{name}/references/{reference}",
        "DELETE /projects/{project}/model-endpoints/{uid}",
        "DELETE /projects/{project}/model-monitoring/applications/{name}",
        "DELETE /projects/{project}/alerts/{name}",
        "DELETE /projects/{project}/alert-silences/{key}",
        "DELETE /projects/{project}/gateway/functions/{name}",
        "DELETE /alert-templates/{name}",
        "DELETE /hub/sources/{source}",
    }
)
"""Operations that answer 204 without being asked to."""
_ANY_KIND = frozenset(
    {
        "GET /projects/{project}/file-view/{path}",
        "GET /projects/{project}/files",
        "GET /projects/{project}/files/{path}",
        "GET /projects/{project}/artifacts/{key}/view",
        "GET /projects/{project}/artifacts/{key}/download",
        "GET /hub/sources/{source}/item-object",
        "GET /projects/{project}/bundles/{file}",
    }
)
"""Operations that answer with a file of any kind."""
_TEXT = frozenset(
    {
        "GET /projects/{project}/runs/{uid}/log",
        "GET /projects/{project}/gateway/functions/{name}/logs",
    }
)
_STREAMS = ("/events", "/follow")


def use_document(app: FastAPI) -> None:
    """Let an app show this document as its own; it is made at the first wish."""
    app.openapi = partial(document, app, app.openapi)  # type: ignore[method-assign]


def document(app: FastAPI, plain: Any) -> dict[str, Any]:
    """The document of an app.

    Args:
        app: The app, which keeps it.
        plain: Gives what the framework sees.
    """
    if app.openapi_schema is None or "x-complete" not in app.openapi_schema:
        found = plain()
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        schemas["Error"], schemas["Pagination"] = ERROR, PAGINATION
        found["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "`mlt_…`, if login is on."}
        }
        # without login nothing is asked for: an empty one stands beside it
        found["security"] = [{}, {"token": []}]
        for path, operations in found["paths"].items():
            for method in _METHODS:
                if method in operations:
                    _complete(method, path.removeprefix(_API), operations[method])
        found["x-complete"] = True
        app.openapi_schema = found
    return app.openapi_schema


def _complete(method: str, path: str, operation: dict[str, Any]) -> None:
    key = f"{method.upper()} {path}"
    parameters = operation.setdefault("parameters", [])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    shown = (body.get("schema") or {}).get("examples") or [{}]
    for row in parameters:
        if row["in"] == "path":
            if row["name"] in _PATHS:
                row["schema"] = {"type": "string", **_PATHS[row["name"]]}
            row["example"] = example_of(row["name"], shown[0])
    known = {row["name"] for row in parameters}
    rows = [parameter(word) for word in ASKED.get(key, "").split()]
    if method == "get" and path in LISTS:
        rows += [*_paging(), sorting(LISTS[path][1])]
    parameters += [row for row in rows if row["name"] not in known]
    if not parameters:
        del operation["parameters"]
    if "requestBody" in operation:
        _take(key, operation)
    _answer(key, path, operation)


def _paging() -> list[dict[str, Any]]:
    return [parameter("page-size:1-1000"), parameter("page-token")]


def _take(key: str, operation: dict[str, Any]) -> None:
    content = operation["requestBody"]["content"]
    if key in BODIES:
        before = content["application/json"].get("schema") or {}
        more = {"examples": before["examples"]} if before.get("examples") else {}
        content["application/json"]["schema"] = {**BODIES[key], **more}
    if "application/octet-stream" in content:
        operation["requestBody"]["required"] = False  # nothing makes an empty file


def _answer(key: str, path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status, told in _MOVED.get(key, {}).items():
        responses[str(status)] = responses.pop(str(told))
    if key in _EMPTY:
        responses.pop("200", None)
        responses["204"] = {"description": "Done."}
    if key in _ALSO:
        also = responses.setdefault(str(_ALSO[key]), {"description": "As well."})
        also.setdefault("content", {"application/json": {}})
    kind: dict[str, Any] = {"*/*": {}} if key in _ANY_KIND else {}
    kind = {"text/plain": {}} if key in _TEXT else kind
    if key.startswith("GET ") and path.endswith(_STREAMS) and "/{name}/events" not in path:
        kind = {"text/event-stream": {}}
    for status, answer in responses.items():
        if kind and status.startswith("2"):
            answer["content"] = kind
    if path in LISTS and key.startswith("GET "):
        content = responses["200"].setdefault("content", {}).setdefault("application/json", {})
        content["schema"] = listed(LISTS[path][0])
    if key.startswith("GET ") and not kind:
        responses["304"] = {"description": "What `If-None-Match` names is still the newest."}
    for status, answer in responses.items():
        if status == "4XX":
            answer["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Error"}
    responses["503"] = {
        "description": "It takes too long, or too much goes on. `retry-after` may say when.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
