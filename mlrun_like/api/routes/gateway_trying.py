"""Trying deployed functions: their graph, a request, recorded events and what they give now."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import checked_name, document_in, flag, number, text
from mlrun_like.api.routes.gateway_data import (
    function_graph,
    gateway_client,
    recorded_event,
    recorded_events,
)
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.serving.observe.compare import differences
from mlrun_like.serving.observe.values import unpack
from mlrun_like.types import Document

__all__ = ["ROUTES", "try_function"]

ROUTES = Routes("gateway-try")
_READ, _RUN = Needs("gateway", "read"), Needs("gateway", "run")
_MOST = 1 << 20
_SECONDS = 60.0
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_HOP = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"}
)
_ONE = "/projects/{project}/gateway/functions/{name}"
Asked = Annotated[
    Any,
    Body(examples=[{"method": "POST", "path": "/v2/models/m/infer", "body": {"inputs": [[1, 2]]}}]),
]


@ROUTES.get(_ONE + "/graph", needs=_READ, summary="Graph of a serving function")
def graph(request: Request, project: str, name: str) -> Response:
    """Steps and arrows as recorded, with how long each step takes in the deployed function."""
    found = function_graph(
        store_of(request), project, checked_name(name), live=flag(request, "latency", True)
    )
    return json_answer(found)


@ROUTES.get(_ONE + "/schema", needs=_READ, summary="What a deployed function can be asked")
def schema(request: Request, project: str, name: str) -> Response:
    """Its own OpenAPI document, for a form to try it; 404 if it has none."""
    key = f"{project}/{checked_name(name)}"
    client = gateway_client(10.0)
    if client.status(key).get("kind") != "serving":
        return json_answer({"schema": None, "reason": "a plain handler has none"})
    status, _, body = client.invoke(key, "openapi.json", most=_MOST + 1)
    if status != 200 or len(body) > _MOST:
        return json_answer({"schema": None, "reason": f"it answered {status} to /openapi.json"})
    try:
        return json_answer({"schema": json.loads(body), "reason": ""})
    except (ValueError, RecursionError):
        return json_answer({"schema": None, "reason": "its /openapi.json is not JSON"})


@ROUTES.post(_ONE + "/invoke", needs=_RUN, summary="Try a deployed function")
def invoke(request: Request, project: str, name: str, body: Asked) -> Response:
    """Send it one request and show its answer: `status`, `headers`, `body` (text) or
    `body_base64`, `seconds`. Only functions of this project can be asked; an answer is cut after
    one megabyte."""
    given = document_in(body, "a request")
    return json_answer(try_function(project, checked_name(name), given))


@ROUTES.get(_ONE + "/events", needs=_READ, summary="Recorded events of a function")
def events(request: Request, project: str, name: str) -> Response:
    """The newest `limit` events that a `Recorder` of the function kept."""
    limit = number(request, "limit", 100, 1000, 1)
    rows = recorded_events(project, checked_name(name), limit)
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row.get("id")),
        sorts={"time": lambda row: row.get("time")},
        default="-time",
    )
    return json_answer({"events": shown, "pagination": pages})


@ROUTES.get(_ONE + "/events/{uid}", needs=_READ, summary="A recorded event with its steps")
def event(request: Request, project: str, name: str, uid: str) -> Response:
    """All that was recorded of it."""
    return json_answer(recorded_event(project, checked_name(name), uid))


@ROUTES.post(_ONE + "/events/{uid}/replay", needs=_RUN, summary="Send a recorded event again")
def replay(request: Request, project: str, name: str, uid: str) -> Response:
    """Send its body to the function as it is deployed now, and compare the answers."""
    record = recorded_event(project, checked_name(name), uid)
    if "body" not in record:
        raise InvalidArgumentError("the event's body was not recorded")
    again = {
        "method": record.get("method") or "POST",
        "path": str(record.get("path") or "/"),
        "body": unpack(record["body"]),
    }
    if isinstance(again["body"], (bytes, bytearray)):
        again["body_base64"] = base64.b64encode(again.pop("body")).decode()
    found = try_function(project, name, again)
    try:
        answer: Any = json.loads(found["body"])
    except (ValueError, RecursionError):
        answer = found["body"]
    before = record.get("answer")
    lines = differences(before, answer, ignore=("timestamp", "id"))
    return json_answer(
        {
            "event": uid,
            "same": not lines and found["status"] == (record.get("status") or 200),
            "differences": lines,
            "recorded": {"status": record.get("status"), "seconds": record.get("seconds")},
            "now": found,
        }
    )


def try_function(project: str, name: str, given: Document) -> Document:
    """Send a deployed function of a project one request.

    Args:
        project: The project.
        name: The function.
        given: `method`, `path`, `headers`, and `body` (text, or what becomes JSON) or
            `body_base64`.

    Returns:
        `status`, `headers`, `body` or `body_base64`, `seconds`, `size`, `truncated`.

    Raises:
        SpecError: if a part cannot be sent.
        NotFoundError: if it is not deployed.
        EngineError: if no gateway runs, or it does not answer in time.
    """
    method = (text(given, "method") or "POST").upper()
    if method not in _METHODS:
        raise SpecError(f"method {method[:20]!r} is unknown", fix=", ".join(_METHODS))
    path = _path(text(given, "path", "/"))
    headers = _headers(given.get("headers") or {})
    content = _content(given, headers)
    client, key = gateway_client(_SECONDS), f"{project}/{name}"
    client.status(key)
    began = time.monotonic()
    status, told, body = client.invoke(key, path, content, method, headers, most=_MOST + 1)
    seconds = time.monotonic() - began
    shown = body[:_MOST]
    answer: Document = {
        "status": status,
        "headers": told,
        "seconds": seconds,
        "size": len(shown),
        "truncated": len(body) > _MOST,
    }
    try:
        return {**answer, "body": shown.decode()}
    except UnicodeDecodeError:
        return {**answer, "body": "", "body_base64": base64.b64encode(shown).decode()}


def _path(path: str) -> str:
    plain = path.partition("?")[0]
    bad = any(ord(sign) <= 32 or ord(sign) > 126 for sign in path)
    if bad or len(path) > 4000 or "#" in path or ".." in plain.split("/") or "%2e" in plain.lower():
        raise SpecError(f"{path[:80]!r} is no path below a function", fix='"path": "/predict?a=1"')
    return path.lstrip("/")


def _headers(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or len(given) > 50:
        raise SpecError("headers are a mapping of texts")
    found = {}
    for key, value in given.items():
        plain = isinstance(value, str) and value.isprintable() and value.isascii()
        if not key.replace("-", "").replace("_", "").isalnum() or not key.isascii() or not plain:
            raise SpecError(f"header {key[:60]!r} cannot be sent")
        if key.lower() not in _HOP and not key.lower().startswith("x-mlrun-like-"):
            found[key.lower()] = value
    return found


def _content(given: Document, headers: dict[str, str]) -> bytes:
    if given.get("body_base64") is not None:
        try:
            return base64.b64decode(text(given, "body_base64"), validate=True)
        except (binascii.Error, ValueError):
            raise SpecError("body_base64 is not base64") from None
    body = given.get("body")
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    headers.setdefault("content-type", "application/json")
    return json.dumps(body).encode()
