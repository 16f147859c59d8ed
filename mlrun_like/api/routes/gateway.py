"""Deployed functions: replicas, versions and their shares, logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.http.streams import Event, event_stream
from mlrun_like.api.routes.bodies import checked_name, document_in, number
from mlrun_like.api.routes.gateway_data import (
    deployed_function,
    gateway_client,
    gateway_data,
)
from mlrun_like.api.routing import Needs, Routes, caller_of
from mlrun_like.errors import SpecError
from mlrun_like.gateway.control.following import follow, tail_of
from mlrun_like.gateway.places import gateway_home, log_file
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("gateway")
_READ = Needs("gateway", "read")
_UPDATE = Needs("gateway", "update")
_LOG = 1 << 20
_LIST = "/projects/{project}/gateway/functions"
_ONE = _LIST + "/{name}"
Shares = Annotated[
    Any, Body(examples=[{"shares": [{"version": 1, "weight": 90}, {"version": 2, "weight": 10}]}])
]
Scale = Annotated[Any, Body(examples=[{"min": 0, "max": 4}])]
Shadow = Annotated[Any, Body(examples=[{"version": 2, "weight": 10}])]


@ROUTES.get(
    "/gateway",
    needs=Needs("gateway", "read", scope="visible"),
    summary="The gateway of the service's machine",
)
def get_gateway(request: Request) -> Response:
    """Whether it runs, and the functions of all projects that the caller may see."""
    found, visible = gateway_data(), caller_of(request).visible
    if visible is not None:
        found["functions"] = [r for r in found["functions"] if r.get("project") in visible]
        keys = {row.get("key") for row in found["functions"]}
        found["triggers"] = [row for row in found["triggers"] if row.get("function") in keys]
        found["info"] = {key: found["info"].get(key) for key in ("state", "address", "version")}
    return json_answer(found)


@ROUTES.get(_LIST, needs=_READ, summary="List deployed functions")
def list_functions(request: Request, project: str) -> Response:
    """The deployed functions of a project; without a gateway an empty list, `state` says so.
    Filter: `state`."""
    found, wanted = gateway_data(project), request.query_params.get("state")
    rows = [row for row in found["functions"] if not wanted or row.get("state") == wanted]
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["name"]),
        sorts={"name": lambda row: str(row["name"]), "state": lambda row: str(row["state"])},
        default="name",
    )
    gateway = {"state": found["state"], "reason": found["reason"]}
    return json_answer({"functions": shown, "gateway": gateway, "pagination": pages})


@ROUTES.get(_ONE, needs=_READ, summary="Get a deployed function")
def get_function(request: Request, project: str, name: str) -> Response:
    """Replicas, cold starts, versions with their shares, triggers, and why it has as many replicas
    as it has."""
    return json_answer(deployed_function(project, _name(name)))


@ROUTES.delete(_ONE, needs=Needs("gateway", "delete"), summary="End a deployed function")
def delete_function(request: Request, project: str, name: str) -> Response:
    """End it and forget its versions; the function's record stays."""
    client, key = gateway_client(), f"{project}/{_name(name)}"
    client.status(key)
    client.delete(key)
    return Response(status_code=204)


@ROUTES.post(_ONE + "/scale", needs=_UPDATE, summary="Set the least and the most replicas")
def scale(request: Request, project: str, name: str, body: Scale) -> Response:
    """`min` and `max`; what is not given stays."""
    given = document_in(body, "a scale")
    low, high = _whole(given, "min"), _whole(given, "max")
    return json_answer(gateway_client().scale(f"{project}/{_name(name)}", low, high))


@ROUTES.post(_ONE + "/traffic", needs=_UPDATE, summary="Change who answers how much")
def traffic(request: Request, project: str, name: str, body: Shares) -> Response:
    """Shares of versions, in percent; together 100."""
    shares = document_in(body, "a change of traffic").get("shares")
    if not isinstance(shares, list) or not all(isinstance(item, dict) for item in shares):
        raise SpecError("shares are a list of mappings", fix='[{"version": 1, "weight": 100}]')
    return json_answer(gateway_client().shift(f"{project}/{_name(name)}", shares))


@ROUTES.post(_ONE + "/shadow", needs=_UPDATE, summary="Send a version copies of requests")
def shadow(request: Request, project: str, name: str, body: Shadow) -> Response:
    """`weight` percent of the requests are copied to `version`; version 0 ends that."""
    given = document_in(body, "a shadow")
    version, weight = _whole(given, "version"), given.get("weight", 100.0)
    known = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if version is None or not known or not 0 <= weight <= 100:
        raise SpecError("a shadow has a version and a weight", fix='{"version": 2, "weight": 10}')
    return json_answer(gateway_client().shadow(f"{project}/{_name(name)}", version, float(weight)))


@ROUTES.post(_ONE + "/promote", needs=_UPDATE, summary="Give all traffic to the new version")
def promote(request: Request, project: str, name: str) -> Response:
    """End a rollout well. 409 if there is none."""
    return json_answer(gateway_client().promote(f"{project}/{_name(name)}"))


@ROUTES.post(_ONE + "/rollback", needs=_UPDATE, summary="Give the traffic back")
def rollback(request: Request, project: str, name: str) -> Response:
    """To those who had it before the last change. 409 if there is nothing to go back to."""
    return json_answer(gateway_client().rollback(f"{project}/{_name(name)}"))


@ROUTES.get(
    _ONE + "/logs",
    needs=Needs("log", "read"),
    summary="What a deployed function printed",
    responses={200: {"content": {"text/plain": {}}}},
)
def logs(request: Request, project: str, name: str) -> Response:
    """The last `tail` lines (200), at most one megabyte."""
    key = f"{project}/{_name(name)}"
    gateway_client().status(key)
    lines = number(request, "tail", 200, 100_000, 1)
    found, _ = tail_of(log_file(gateway_home(), key), lines)
    return Response(
        found[-_LOG:],
        media_type="text/plain; charset=utf-8",
        headers={"x-content-type-options": "nosniff"},
    )


@ROUTES.get(
    _ONE + "/logs/follow",
    needs=Needs("log", "read"),
    summary="Follow what a deployed function prints",
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def follow_logs(request: Request, project: str, name: str) -> Response:
    """Server-sent events `log` with `text`, from the last `tail` lines (100) on."""
    key = f"{project}/{_name(name)}"
    lines = number(request, "tail", 100, 10_000)
    await asyncio.to_thread(gateway_client().status, key)
    path = log_file(gateway_home(), key)

    async def events() -> AsyncIterator[Event]:
        found, at = await asyncio.to_thread(tail_of, path, lines)
        if found and lines:
            yield Event({"text": found[-_LOG:].decode("utf-8", "replace")}, "log")
        async for data in follow(path, at):
            yield Event({"text": data.decode("utf-8", "replace")}, "log")

    return event_stream(request, events())


def _name(name: str) -> str:
    return checked_name(name)


def _whole(given: Document, key: str) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        raise SpecError(f"{key} must be a whole number, not {value!r:.40}")
    return value
