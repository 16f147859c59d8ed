"""Tokens of the API: one's own, and those of others for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.accounts import user_named
from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.tokens import (
    make_token,
    refuse_escalation,
    revoke_token,
    token_data,
    tokens_data,
)
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in, text
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.tracking.access_abilities import UserRow

__all__ = ["ROUTES"]

ROUTES = Routes("tokens")
_DAY = 86_400.0
_TOKEN = {
    "id": "0123456789abcdef",
    "user": "anna",
    "name": "laptop",
    "scopes": ["read"],
    "state": "valid",
    "created": 1760000000.0,
    "expires": 1767776000.0,
    "revoked": None,
    "last_used": None,
}
_NEW = {"name": "laptop", "scopes": ["read"], "days": 30}
_MADE = {**_TOKEN, "token": "mlt_0123456789abcdef_..."}
_SECRET = {"cache-control": "no-store"}


@ROUTES.get(
    "/tokens",
    needs=Needs("token", "read", scope="self"),
    summary="List one's own tokens",
    examples={"tokens": [_TOKEN], "pagination": {"page-token": None, "page-size": 100}},
)
def list_own(request: Request) -> Response:
    """The caller's tokens, without their secret part."""
    return _listed(request, caller_of(request).user)


@ROUTES.post(
    "/tokens",
    needs=Needs("token", "create", scope="self"),
    summary="Make a token for oneself",
    examples=_MADE,
    status_code=201,
)
def make_own(request: Request, body: Annotated[Any, Body(examples=[_NEW])]) -> Response:
    """Make a token; its text is in this answer and nowhere else.

    `name` says what it is for, `scopes` (`read`, `write`, `metrics`, `secrets`, `run`,
    `project:NAME`) what it is limited to, `days` how long it holds (0: for ever).
    """
    caller = caller_of(request)
    user = store_of(request).find_user(user_id=caller.user)
    if user is None:
        raise ConflictError(
            "this service wants no login, so nobody has tokens",
            fix="add a user: mlrun-like service user add NAME --admin, then restart the service",
        )
    return _made(request, user, body)


@ROUTES.delete(
    "/tokens/{token}",
    needs=Needs("token", "delete", scope="self"),
    summary="Revoke one's own token",
    status_code=204,
)
def revoke_own(request: Request, token: str) -> Response:
    """Let one's token hold no more, from now on."""
    return _revoked(request, token, caller_of(request).user)


@ROUTES.get(
    "/users/{name}/tokens",
    needs=Needs("token", "read", scope="server"),
    summary="List tokens of a user",
    examples={"tokens": [_TOKEN], "pagination": {"page-token": None, "page-size": 100}},
)
def list_of_user(request: Request, name: str) -> Response:
    """The tokens of a user."""
    return _listed(request, user_named(store_of(request), name).user_id)


@ROUTES.post(
    "/users/{name}/tokens",
    needs=Needs("token", "create", scope="server"),
    summary="Make a token for a user or service account",
    examples=_MADE,
    status_code=201,
)
def make_for_user(
    request: Request, name: str, body: Annotated[Any, Body(examples=[_NEW])]
) -> Response:
    """As for oneself."""
    return _made(request, user_named(store_of(request), name), body)


@ROUTES.delete(
    "/users/{name}/tokens/{token}",
    needs=Needs("token", "delete", scope="server"),
    summary="Revoke a token of a user",
    status_code=204,
)
def revoke_of_user(request: Request, name: str, token: str) -> Response:
    """Let a token of a user hold no more."""
    return _revoked(request, token, user_named(store_of(request), name).user_id)


def _listed(request: Request, user_id: str) -> Response:
    rows = tokens_data(store_of(request), user_id)
    shown, pagination = paged(
        rows,
        request,
        key=lambda row: str(row["id"]),
        sorts={"created": lambda row: row["created"], "name": lambda row: row["name"]},
        default="-created",
    )
    return json_answer({"tokens": shown, "pagination": pagination})


def _made(request: Request, user: UserRow, body: Any) -> Response:
    refuse_escalation(caller_of(request))
    given = document_in(body, "a token")
    scopes = given.get("scopes") or []
    if not isinstance(scopes, list):
        raise InvalidArgumentError("scopes are a list of texts")
    days = given.get("days")
    if days is not None and (isinstance(days, bool) or not isinstance(days, (int, float))):
        raise InvalidArgumentError(f"days must be a number, not {days!r:.60}")
    made = make_token(
        store_of(request),
        user,
        text(given, "name"),
        scopes=scopes,
        seconds=None if days is None else days * _DAY,
    )
    detail = {"user": user.name, "scopes": made.row.scopes, "expires": made.row.expires}
    audit(request, "create", "token", name=made.row.token_id, detail=detail, status=201)
    return json_answer({**token_data(made.row, user.name), "token": made.text}, 201, _SECRET)


def _revoked(request: Request, token: str, user_id: str) -> Response:
    revoke_token(store_of(request), token, user_id or "-")
    access_of(request).forget()
    return Response(status_code=204)
