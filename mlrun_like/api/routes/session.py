"""Login, logout, who am I, for programs; `login_forms` has the same for browsers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.accounts import UserChange, change_user, check_password
from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.csrf import csrf_of, csrf_token
from mlrun_like.api.access.identify import origin_of, session_secret
from mlrun_like.api.access.login import LoggedIn, log_in, log_out, right_user
from mlrun_like.api.access.sessions import clear_cookie, session_id, sessions_data, set_cookie
from mlrun_like.api.access.tokens import make_token, refuse_escalation, token_data
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in, flag, text
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import (
    ConflictError,
    NotFoundError,
    UnauthorizedError,
)
from mlrun_like.tracking.access_abilities import UserRow

__all__ = ["ROUTES", "with_session"]

ROUTES = Routes("session")
_OPEN = Needs("session", "create", scope="open")
_GIVEN = {"user": "anna", "password": "three words that rhyme not"}
_ME = {
    "user": "anna",
    "kind": "user",
    "is_admin": False,
    "via": "token",
    "roles": {"fraud": "developer"},
    "scopes": [],
    "login_required": True,
    "csrf_token": "",
}
_MADE = {"id": "0123456789abcdef", "name": "anna@laptop", "token": "mlt_0123456789abcdef_..."}
_WORD = re.compile(r"[A-Za-z0-9_-]{20,128}\Z")
_MINUTES = 120.0
_NO_STORE = {"cache-control": "no-store"}


@ROUTES.post(
    "/session",
    needs=_OPEN,
    summary="Log in with name and password",
    examples={"user": "anna", "csrf_token": "0a1b..."},
)
def login(request: Request, body: Annotated[Any, Body(examples=[_GIVEN])]) -> Response:
    """Begin a session, whose cookie is in the answer. Writes with the cookie need the header
    `x-csrf-token`. Programs take a token instead."""
    given = document_in(body, "a login")
    made = log_in(request, text(given, "user"), text(given, "password"))
    data = {"user": made.user.name, "csrf_token": csrf_token(made.secret)}
    return with_session(request, json_answer(data, headers=_NO_STORE), made)


@ROUTES.get(
    "/session",
    needs=Needs("session", "read", scope="self"),
    summary="Who am I",
    examples=_ME,
)
def whoami(request: Request) -> Response:
    """The caller with its roles, and what its token is limited to."""
    caller = caller_of(request)
    data = {
        "user": caller.name,
        "kind": caller.kind,
        "is_admin": caller.is_admin,
        "via": caller.via,
        "roles": dict(caller.roles),
        "scopes": sorted(caller.scopes),
        "login_required": access_of(request).required,
        "csrf_token": csrf_of(request),
    }
    return json_answer(data, headers=_NO_STORE)


@ROUTES.delete(
    "/session",
    needs=Needs("session", "delete", scope="self"),
    summary="Log out",
    examples={"sessions": 1},
)
def logout(request: Request) -> Response:
    """End this session; with `everywhere=true` all sessions of the caller."""
    count = log_out(request, everywhere=flag(request, "everywhere"))
    answer = json_answer({"sessions": count})
    clear_cookie(answer, origin_of(request).https)
    return answer


@ROUTES.get(
    "/sessions",
    needs=Needs("session", "read", scope="self"),
    summary="List one's own sessions",
    examples={
        "sessions": [
            {
                "id": "0123456789abcdef",
                "created": 1760000000.0,
                "seen": 1760000100.0,
                "address": "10.0.0.7",
                "agent": "Mozilla/5.0",
                "current": True,
            }
        ],
        "pagination": {"page-token": None, "page-size": 100},
    },
)
def list_sessions(request: Request) -> Response:
    """Where the caller is logged in."""
    caller = caller_of(request)
    shown, pages = paged(
        sessions_data(store_of(request), caller.user, caller.key),
        request,
        key=lambda row: str(row["id"]),
        sorts={"created": lambda row: row["created"], "seen": lambda row: row["seen"]},
        default="-seen",
    )
    return json_answer({"sessions": shown, "pagination": pages}, headers=_NO_STORE)


@ROUTES.delete(
    "/sessions/{id}",
    needs=Needs("session", "delete", scope="self"),
    summary="End one of one's own sessions",
    status_code=204,
)
def end_session(request: Request, id: str) -> Response:
    """End a session by the id that the list shows."""
    store = store_of(request)
    for row in store.list_sessions(caller_of(request).user):
        if len(id) == 16 and row.session_id.startswith(id):
            store.end_sessions(session_id=row.session_id)
            access_of(request).forget()
            return Response(status_code=204)
    raise NotFoundError(f"there is no session {id[:40]!r}")


@ROUTES.post(
    "/session/password",
    needs=Needs("session", "update", scope="self"),
    summary="Change one's own password",
    status_code=204,
)
def change_password(
    request: Request,
    body: Annotated[Any, Body(examples=[{"password": "old one", "new": "a longer one"}])],
) -> Response:
    """Set a `new` password; `password` is the one that holds now. Other sessions end."""
    given = document_in(body, "a change of password")
    caller, store = caller_of(request), store_of(request)
    refuse_escalation(caller)
    access_of(request).limits.guess(caller.name, origin_of(request).address)
    user = store.find_user(user_id=caller.user)
    if user is None:
        raise ConflictError("this service wants no login, so nobody has a password")
    if not check_password(user, text(given, "password")):
        audit(request, "update", "session", name=user.name, detail={"right": False}, status=401)
        raise UnauthorizedError("the password is wrong", fix="an administrator can set a new one")
    keep = session_id(session_secret(request)) if session_secret(request) else ""
    change_user(store, user.name, UserChange(password=text(given, "new")), keep=keep)
    access_of(request).forget()
    audit(request, "update", "session", name=user.name, detail={"password": "changed"}, status=204)
    return Response(status_code=204)


@ROUTES.post(
    "/session/token",
    needs=_OPEN,
    summary="Get a token for name and password",
    examples=_MADE,
    status_code=201,
)
def token_for_password(request: Request, body: Annotated[Any, Body(examples=[_GIVEN])]) -> Response:
    """A token without limits, as long as the setting service_token_days says; for programs."""
    given = document_in(body, "a login")
    user = right_user(request, text(given, "user"), text(given, "password"))
    return _new_token(request, user, text(given, "name") or f"{user.name}'s program", "password")


@ROUTES.post(
    "/session/code",
    needs=_OPEN,
    summary="Exchange a code for a token",
    examples=_MADE,
    status_code=201,
)
def exchange(
    request: Request, body: Annotated[Any, Body(examples=[{"code": "...", "verifier": "..."}])]
) -> Response:
    """The token that somebody allowed on the page `/login/cli`; once, within two minutes."""
    given = document_in(body, "a code")
    code, verifier = text(given, "code"), text(given, "verifier")
    store = store_of(request)
    kept = None
    if _WORD.match(code) and _WORD.match(verifier):
        kept = store.take_login(session_id(code), "cli", time.time() - _MINUTES)
    user = None if kept is None else store.find_user(user_id=str(kept["user"]))
    if kept is None or user is None or user.disabled:
        raise UnauthorizedError("this code is not valid (any more)", fix="log in again")
    digest = hashlib.sha256(verifier.encode()).digest()
    wanted = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(wanted.encode(), str(kept["challenge"]).encode()):
        raise UnauthorizedError("this code is another program's", fix="log in again")
    name = f"{user.name}@{kept['name'] or 'command line'}"
    return _new_token(request, user, name, "browser")


def _new_token(request: Request, user: UserRow, name: str, how: str) -> Response:
    made = make_token(store_of(request), user, name)
    who = Caller(user.user_id, user.name, kind=user.kind)
    detail = {"user": user.name, "how": how}
    audit(
        request, "create", "token", name=made.row.token_id, detail=detail, status=201, caller=who
    )  # fmt: skip
    return json_answer({**token_data(made.row, user.name), "token": made.text}, 201, _NO_STORE)


def with_session(request: Request, answer: Response, made: LoggedIn) -> Response:
    """An answer that gives the browser its new session."""
    set_cookie(answer, made.secret, origin_of(request).https)
    return answer
