"""The store's methods and its queued writes, over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.decide import check
from mlrun_like.api.content.places import forget_files
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.api.rpc.delivering import Deliveries
from mlrun_like.api.rpc.operations import Clock, checked
from mlrun_like.api.rpc.reading import MOST, check_revision, object_in
from mlrun_like.api.rpc.rights import allowed_call
from mlrun_like.errors import (
    IncompatibleVersionError,
    InvalidArgumentError,
    MLRunLikeError,
)
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.remote.protocol import (
    METHODS,
    OPERATIONS,
    Method,
    projects_in,
    wire_of,
)
from mlrun_like.tracking.remote.sink import project_of

__all__ = ["ROUTES"]

ROUTES = Routes("store", prefix="/store")
_log = logging.getLogger("mlrun_like.api.rpc")
_PUT = json.JSONEncoder(separators=(",", ":")).encode
_COUNT = 50_000
_SMALL = 16 << 10
"""Bytes of a batch that is read at once: some hundred points in less than a millisecond."""
_BAD = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
_QUIET = frozenset(
    {"heartbeat", "append_happenings", "patch_endpoint", "record_firing", "commit_alerts"}
)
"""What services and jobs do all the time is no news."""


@ROUTES.post(
    "/operations",
    needs=Needs("store", "read", scope="self"),
    summary="Take a batch of queued writes",
    description="Operations in order, each checked for its project. The answer names those that "
    "were refused, by their place; the others are stored.",
    examples={"taken": 2, "refused": []},
    max_body=MOST,
)
async def operations(request: Request) -> Response:
    """Store the operations of a batch."""
    body = await request.body()
    if len(body) <= _SMALL and "content-encoding" not in request.headers:
        batch = _batch(request, body)  # sooner done than given to a thread
    else:
        batch = await run_in_threadpool(_batch, request, body)
    refused = batch.refused
    if batch.good:
        sender, deliveries = caller_of(request).user, _deliveries(request)
        found = await deliveries.deliver(sender, batch.name, batch.good, batch.durable)
        refused += [(batch.places[place], exc) for place, exc in found]
    entries = [{"index": place, **exc.to_dict()} for place, exc in sorted(refused, key=_first)]
    text = _PUT({"taken": batch.count - len(entries), "refused": entries})
    return Response(text.encode("ascii"), media_type="application/json")


@ROUTES.post(
    "/{method}",
    needs=Needs("store", "read", scope="self"),
    summary="Call a method of the store",
    description="The body holds its arguments by name. What the caller may is judged by the method "
    "and by the project that its arguments name.",
    examples={"result": []},
    max_body=MOST,
)
async def call(request: Request, method: str) -> Response:
    """Call a method of the store for the caller."""
    body = await request.body()
    return await run_in_threadpool(_called, request, method, body)


def _called(request: Request, name: str, body: bytes) -> Response:
    check_revision(request.headers.get("x-mlrun-like-protocol", ""))
    row = METHODS.get(name)
    if row is None:
        raise IncompatibleVersionError(
            f"this service does not know {name[:60]!r}", fix="update the service"
        )
    given = object_in(body, request.headers.get("content-encoding", ""))
    wire = wire_of(name, True)
    arguments = _arguments(row, given)
    try:
        act = allowed_call(request, caller_of(request), row, arguments)
        result = act(store_of(request))
        if name == "delete_project" and access_of(request).required:
            forget_files(str(arguments["name"]))
        text = _PUT({"result": wire.result.write(result)})
    except MLRunLikeError:
        raise
    except (SQLAlchemyError, *_BAD) as exc:
        # values that have the right type and that no database takes: halves of letters, zero
        # bytes, numbers that are too large, documents without the parts they need
        _log.info("%s was refused: %r", name, exc)
        raise InvalidArgumentError(f"{name} cannot use these arguments") from exc
    _note(request, row, arguments)
    return Response(text.encode("ascii"), media_type="application/json")


def _arguments(row: Method, given: dict[str, Any]) -> dict[str, Any]:
    wire = wire_of(row.name, True)
    unknown = sorted(given.keys() - wire.arguments.keys())
    if unknown:
        raise IncompatibleVersionError(
            f"{row.name} has no argument {unknown[0][:60]!r} here", fix="update the service"
        )
    arguments: dict[str, Any] = {}
    for name, value in given.items():
        try:
            arguments[name] = wire.arguments[name].read(value)
        except InvalidArgumentError as exc:
            exc.where = exc.where or f"argument {name!r} of {row.name}"
            raise
    try:
        bound = wire.signature.bind(None, **arguments)
    except TypeError as exc:
        raise InvalidArgumentError(f"{row.name}: {exc}") from None
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name != "self"}


def _note(request: Request, row: Method, arguments: dict[str, Any]) -> None:
    noisy = row.name in _QUIET or row.action == "run" or row.resource in ("monitoring", "run")
    if row.name == "set_run_state" and str(arguments["state"]).startswith("abort"):
        noisy = False
    if row.kind == "read" or (noisy and row.action != "delete"):
        return
    project = ", ".join(sorted(projects_in(row, arguments)))[:200]
    name = arguments.get("name") or arguments.get("key") or arguments.get("uid") or ""
    audit(request, row.action, row.resource.strip("@"), project, str(name)[:300],
          detail={"method": row.name})  # fmt: skip


@dataclass
class _Batch:
    name: str
    durable: bool
    count: int
    good: list[Operation] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    refused: list[tuple[int, MLRunLikeError]] = field(default_factory=list)


def _batch(request: Request, body: bytes) -> _Batch:
    """What was sent, and what of it the caller may write."""
    check_revision(request.headers.get("x-mlrun-like-protocol", ""))
    given = object_in(body, request.headers.get("content-encoding", ""))
    items, name = given.get("operations"), given.get("batch", "")
    if not isinstance(items, list) or not isinstance(name, str) or len(name) > 100:
        raise InvalidArgumentError("a batch has an id and a list of operations")
    if len(items) > _COUNT:
        raise InvalidArgumentError(f"a batch has at most {_COUNT} operations")
    batch = _Batch(name, given.get("durable", True) is not False, len(items))
    known: dict[tuple[str, str], MLRunLikeError | None] = {}
    clock = Clock(given.get("sent"))
    for place, item in enumerate(items):
        try:
            operation = checked(item, clock)
            _may(request, operation, known)
        except MLRunLikeError as exc:
            batch.refused.append((place, exc))
        else:
            batch.good.append(operation)
            batch.places.append(place)
    return batch


def _first(pair: tuple[int, MLRunLikeError]) -> int:
    return pair[0]


def _may(
    request: Request, operation: Operation, known: dict[tuple[str, str], MLRunLikeError | None]
) -> None:
    """Check an operation's project; a batch has few of them."""
    project, kind = project_of(operation), operation[0]
    key = (project, kind)
    if key not in known:
        try:
            check(caller_of(request), project, *OPERATIONS[kind])
            known[key] = None
        except MLRunLikeError as exc:
            known[key] = exc
    problem = known[key]
    if problem is not None:
        raise problem


def _deliveries(request: Request) -> Deliveries:
    """The one of this app's store and loop."""
    state, store = request.app.state, store_of(request)
    found: Deliveries | None = getattr(state, "deliveries", None)
    if found is None or found.store is not store or found.loop is not asyncio.get_running_loop():
        found = state.deliveries = Deliveries(store)
    return found
