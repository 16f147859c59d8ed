"""Whether the service is alive, whether it can work, and its numbers."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.metrics import CONTENT_TYPE, exchange, render
from mlrun_like.api.routing import API, Needs, Routes, caller_of, options_of, state_of, store_of
from mlrun_like.errors import AccessDeniedError, MLRunLikeError, UnauthorizedError
from mlrun_like.tracking.migrate import read_version
from mlrun_like.types import Document

__all__ = ["LEADER", "ROUTES", "api_healthz", "healthz", "metrics", "readiness", "readyz"]

LEADER = "service/leader"
"""The lease of the process that does the background work."""

ROUTES = Routes("health", page=True)
_OPEN = Needs("service", "read", scope="open")


@ROUTES.get("/healthz", needs=_OPEN, summary="Whether the process is alive")
async def healthz(request: Request) -> Response:
    """Say that the process is alive, whatever the store does."""
    return json_answer({"status": "ok"})


@ROUTES.get(
    f"{API}/healthz", needs=_OPEN, summary="Whether the process is alive", name="api_healthz"
)
async def api_healthz(request: Request) -> Response:
    """Say the same where MLRun's clients ask."""
    return json_answer({"status": "ok"})


@ROUTES.get("/readyz", needs=_OPEN, summary="Whether the service can work")
def readyz(request: Request) -> Response:
    """Look at the store; 503 until it answers."""
    found = readiness(request)
    return json_answer(found, 200 if found["ready"] else 503, {"cache-control": "no-store"})


def readiness(request: Request) -> Document:
    """Whether the store answers and who leads, without a word about where the store is."""
    store = store_of(request)
    numbers = state_of(request).numbers
    began = time.perf_counter()
    try:
        with store.database.read() as connection:
            schema = read_version(connection)
        leader = LEADER in store.read_leases(LEADER)
    except MLRunLikeError as exc:
        return {"ready": False, "state": "waiting for the store", "reason": exc.code}
    numbers.store_seconds = time.perf_counter() - began
    if state_of(request).stopping.is_set():
        return {"ready": False, "state": "stopping", "schema": schema, "leader": leader}
    return {"ready": True, "state": "online", "schema": schema, "leader": leader}


@ROUTES.get("/metrics", needs=_OPEN, summary="Numbers for Prometheus")
def metrics(request: Request) -> Response:
    """The numbers of all processes of this host.

    Open when only this machine can reach the service (it listens on loopback, and no `service_url`
    says that a proxy stands before it), or with `service_metrics_open`; else it needs a token with
    the scope `metrics`, or an administrator.
    """
    caller, options = caller_of(request), options_of(request)
    everybody = options.metrics_open or (options.loopback and not options.url)
    if not everybody and not caller.is_admin and "metrics" not in caller.scopes:
        if not caller.user:
            raise UnauthorizedError(
                "numbers are not for everybody", fix="send a token with the scope 'metrics'"
            )
        raise AccessDeniedError(f"{caller.name} may not read the service's numbers")
    state = state_of(request)
    tasks: dict[str, int] = {}
    try:
        tasks = state.store.count_tasks()
    except MLRunLikeError:  # the numbers of requests are wanted most when the store is away
        tasks = {}
    text = render(exchange(state.folder, state.numbers), tasks)
    return Response(text, media_type=CONTENT_TYPE)
