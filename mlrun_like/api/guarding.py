"""What happens around each handler: who calls, may it, how often, and what has it changed.

identify the caller -> may it? -> Idempotency-Key -> If-Match -> handler -> audit -> ETag, gzip
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access import audit
from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.decide import check, check_scope
from mlrun_like.api.access.identify import confirm, identify
from mlrun_like.api.access.roles import OPEN_PROJECTS
from mlrun_like.api.http.errors import error_answer
from mlrun_like.api.http.finishing import finish
from mlrun_like.api.http.limits import check_kind, limited, within
from mlrun_like.api.http.matching import still_the_same
from mlrun_like.api.http.repeats import once
from mlrun_like.api.state import state_of
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    NotFoundError,
    OverloadedError,
    UnauthorizedError,
)
from mlrun_like.names import check_project

__all__ = ["ACTIONS", "SCOPES", "GuardedRoute", "Needs", "admit"]

ACTIONS = ("read", "create", "update", "delete", "run")
SCOPES = ("project", "visible", "server", "self", "open")
_PATIENCE = 30.0
_Answer = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class Needs:
    """What a caller needs for a route.

    Args:
        resource: The noun: `run`, `artifact`, `secret`, …
        action: `read`, `create`, `update`, `delete` or `run`.
        scope: `project`: the path's `{project}` decides; `visible`: a list over projects, where the
            handler keeps to `caller.visible`; `server`: administrators only; `self`: anyone who is
            logged in; `open`: everybody.

    >>> Needs("run", "read").scope
    'project'
    """

    resource: str
    action: str
    scope: str = "project"

    def __post_init__(self) -> None:
        if self.action not in ACTIONS or self.scope not in SCOPES:
            raise FunctionError(
                f"needs {self.resource!r}, {self.action!r}, {self.scope!r} are not known",
                fix=f"use an action of {ACTIONS} and a scope of {SCOPES}",
            )


class GuardedRoute(APIRoute):
    """A route that lets nobody in who lacks what it needs, before a body is read."""

    needs: Needs
    max_body: int | None = None
    """Most bytes of a body; None: what the options say; 0: the handler has limits of its own."""
    timeout: float | None = None
    """Seconds it may take; None: what the options say; 0: any."""

    def get_route_handler(self) -> _Answer:
        self.handle_plainly = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.scope["mlrun_like.route"] = self
            try:
                response = await self._answer(request)
            except Exception as exc:  # noqa: BLE001 - the boundary of a request
                response = error_answer(request, exc)
            except asyncio.CancelledError:
                if not state_of(request).stopping.is_set():
                    raise
                # the time that a service gives what goes on when it stops is over
                stops = OverloadedError("the service stops", fix="try again in a moment")
                return error_answer(request, stops)
            await audit.after(request, response.status_code)
            return await finish(request, response)

        return guarded

    async def _answer(self, request: Request) -> Response:
        caller = await identify(request)
        request.scope["mlrun_like.caller"] = caller
        admit(caller, self.needs, request.path_params)
        options = state_of(request).options
        most = options.max_body if self.max_body is None else self.max_body
        if most:
            request = limited(request, most)
        seconds = options.request_timeout if self.timeout is None else self.timeout
        if self.needs.scope != "open":
            await confirm(request, caller, form=self.max_body != 0)
        if request.method == "GET":
            return await within(self.handle_plainly(request), seconds)
        if self.body_field is not None:
            check_kind(request)
        patience = seconds or _PATIENCE
        return await within(self._change(request, caller, patience), seconds)

    async def _change(self, request: Request, caller: Caller, patience: float) -> Response:
        # handlers of huge bodies read them piece by piece: no digest of them can be made before
        if "idempotency-key" in request.headers and self.max_body != 0:
            # a token that may less must not be told what one that may more was answered
            user = " ".join([caller.user or "-", *sorted(caller.scopes)])
            answers = state_of(request).answers
            return await once(request, user, answers, self._matched, patience)
        return await self._matched(request)

    async def _matched(self, request: Request) -> Response:
        if request.method == "POST" or "if-match" not in request.headers:
            return await self._handled(request)
        state = state_of(request)
        async with still_the_same(request, state.readers.get(self.path), state.store):
            return await self._handled(request)

    async def _handled(self, request: Request) -> Response:
        """The handler's answer; its errors are answers too, which can be kept."""
        try:
            return await self.handle_plainly(request)
        except Exception as exc:  # noqa: BLE001 - the boundary of a request
            return error_answer(request, exc)


def admit(caller: Caller, needs: Needs, path: Mapping[str, Any]) -> None:
    """Let a caller through, or refuse it.

    Raises:
        UnauthorizedError: if nobody is logged in, and somebody must be.
        NotFoundError: if the caller may not see the project.
        AccessDeniedError: if it may not do this.
    """
    if needs.scope == "open":
        return
    if not caller.user:
        raise UnauthorizedError(
            "nobody is logged in",
            fix="log in, or send a token: 'Authorization: Bearer mlt_…'",
        )
    if needs.scope == "project":
        project = path["project"]
        if project not in OPEN_PROJECTS:
            _check_there(project)
        check(caller, project, needs.resource, needs.action)
    elif needs.scope == "server":
        check(caller, "", needs.resource, needs.action)
    else:
        check_scope(caller, needs.resource, needs.action)


def _check_there(project: str) -> None:
    """Nothing is called what no project may be called, so nothing is looked for."""
    try:
        check_project(project)
    except InvalidArgumentError as exc:
        raise NotFoundError(f"there is no project {project[:80]!r}") from exc
