"""Live updates of a project, or of all that a caller may see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.identify import identify
from mlrun_like.api.http.streams import Event, event_stream, last_event_id
from mlrun_like.api.live.changes import Change
from mlrun_like.api.live.hub import Listener, LiveHub
from mlrun_like.api.routes.asking import clean
from mlrun_like.api.routes.projects_data import project_document
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError

__all__ = ["KINDS", "ROUTES", "hub_of"]

ROUTES = Routes("events")
KINDS = {
    "run": "run", "step": "pipeline", "alert": "alert", "function": "function", "task": "task"
}  # fmt: skip
"""Kind of a change -> the resource that a caller must be allowed to read."""
_AGAIN = 30.0
_TEXT = """Events: `run` {project, uid, name, kind, state, started, ended, updated} (state
    `deleted`: it was deleted), `step` (of a pipeline), `alert`, `function`, `task`; `hello` at
    first; `resync`: too much happened, load anew what is shown. `kind=run` (repeated) restricts;
    a client that comes back sends `Last-Event-ID`."""


def hub_of(request: Request) -> LiveHub:
    """The hub of this app."""
    state = request.app.state
    if not hasattr(state, "live"):
        state.live = LiveHub(store_of(request))
    hub: LiveHub = state.live
    return hub


@ROUTES.get(
    "/events",
    needs=Needs("event", "read", scope="visible"),
    summary="Live updates of all projects",
    timeout=0,
    description=_TEXT,
    name="all_events",
)
async def all_events(request: Request) -> Response:
    """Changes in all projects that the caller may see."""
    return _stream(request, "")


@ROUTES.get(
    "/projects/{project}/events",
    needs=Needs("event", "read"),
    summary="Live updates of a project",
    timeout=0,
    description=_TEXT,
)
async def project_events(request: Request, project: str) -> Response:
    """Changes in a project."""
    await to_thread.run_sync(project_document, store_of(request), clean(project, "project"))
    return _stream(request, project)


def _stream(request: Request, project: str) -> Response:
    kinds = frozenset(request.query_params.getlist("kind"))
    if not kinds <= set(KINDS):
        raise InvalidArgumentError(
            f"kinds {sorted(kinds - set(KINDS))[:5]!r:.200} are not known", fix=", ".join(KINDS)
        )
    return event_stream(request, _heard(request, project, kinds))


async def _heard(request: Request, project: str, kinds: frozenset[str]) -> AsyncIterator[Event]:
    """Events, as long as the caller may have them."""
    rights = _Rights(request, project)
    listener = Listener(rights.allow, kinds)
    events = hub_of(request).listen(listener, last_event_id(request))
    asking = asyncio.create_task(rights.ask_again(listener))
    try:
        async for event in events:
            if rights.over is not None:
                raise rights.over
            yield event
    finally:
        asking.cancel()
        await events.aclose()  # type: ignore[attr-defined]


class _Rights:
    """What a caller may hear of; asked anew now and then, for a stream outlives a revocation."""

    def __init__(self, request: Request, project: str) -> None:
        self._request = request
        self._caller = caller_of(request)
        self._project = project
        self.over: MLRunLikeError | None = None

    def allow(self, change: Change) -> bool:
        if self._project and change.project != self._project:
            return False
        return self._caller.may(change.project, KINDS[change.kind], "read")

    async def ask_again(self, listener: Listener) -> None:
        while self.over is None:
            await asyncio.sleep(_AGAIN)
            try:
                self._caller = await identify(self._request)
            except MLRunLikeError as exc:
                self.over = exc
                # so that the stream ends although nothing happens
                listener.put(Event({"now": time.time()}, "hello"))
