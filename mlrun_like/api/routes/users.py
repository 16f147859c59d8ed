"""Users and service accounts: administrators of the service make, change and delete them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.accounts import (
    UserChange,
    add_user,
    change_user,
    delete_user,
    user_data,
    user_named,
    users_data,
)
from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.members import roles_of
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in, text
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("users", prefix="/users")
_USER = {
    "name": "anna",
    "email": "anna@example.com",
    "kind": "user",
    "is_admin": False,
    "disabled": False,
    "has_password": True,
    "login": "",
    "created": 1760000000.0,
    "updated": 1760000000.0,
    "last_login": None,
}
_NEW = {"name": "anna", "email": "anna@example.com", "password": "three words that rhyme not"}
_SORTS = {
    "name": lambda row: row["name"],
    "created": lambda row: row["created"],
    "last_login": lambda row: row["last_login"],
}


@ROUTES.get(
    "",
    needs=Needs("user", "read", scope="server"),
    summary="List users",
    examples={"users": [_USER], "pagination": {"page-token": None, "page-size": 100}},
)
def list_users(request: Request) -> Response:
    """Users and service accounts by name. Filters: `kind` (user, service), `name` (a part)."""
    part = request.query_params.get("name", "").lower()
    rows = users_data(store_of(request), "")
    kind = request.query_params.get("kind", "")
    found = [
        row for row in rows if part in row["name"].lower() and (not kind or row["kind"] == kind)
    ]
    shown, pagination = paged(found, request, key=lambda row: str(row["name"]), sorts=_SORTS)
    return json_answer({"users": shown, "pagination": pagination})


@ROUTES.post(
    "",
    needs=Needs("user", "create", scope="server"),
    summary="Add a user or a service account",
    examples=_USER,
    status_code=201,
)
def post_user(request: Request, body: Annotated[Any, Body(examples=[_NEW])]) -> Response:
    """Add a user with a `name`, and maybe `email`, `password`, `is_admin`; `kind` `service`: an
    account for programs, which has tokens only."""
    given = document_in(body, "a user")
    user = add_user(
        store_of(request),
        text(given, "name"),
        email=text(given, "email"),
        password=text(given, "password"),
        is_admin=_flag(given, "is_admin") or False,
        kind=text(given, "kind", "user"),
    )
    audit(request, "create", "user", name=user.name, detail={"is_admin": user.is_admin})
    return json_answer(user_data(user), 201)


@ROUTES.get(
    "/{name}",
    needs=Needs("user", "read", scope="server"),
    summary="Get a user",
    examples={**_USER, "roles": {"fraud": "developer"}},
)
def get_user(request: Request, name: str) -> Response:
    """A user with its roles."""
    store = store_of(request)
    user = user_named(store, name)
    return json_answer({**user_data(user), "roles": roles_of(store, user.user_id)})


@ROUTES.patch(
    "/{name}",
    needs=Needs("user", "update", scope="server"),
    summary="Change a user",
    examples=_USER,
)
def patch_user(
    request: Request, name: str, body: Annotated[Any, Body(examples=[{"disabled": True}])]
) -> Response:
    """Change `email`, `is_admin`, `disabled` or `password`; what is not given stays."""
    given = document_in(body, "a change")
    change = UserChange(
        email=text(given, "email") if "email" in given else None,
        is_admin=_flag(given, "is_admin"),
        disabled=_flag(given, "disabled"),
        password=text(given, "password") if "password" in given else None,
    )
    user = change_user(store_of(request), name, change)
    access_of(request).forget()
    told: Document = {key: given[key] for key in ("is_admin", "disabled") if key in given}
    if "password" in given:
        told["password"] = "changed"
    audit(request, "update", "user", name=user.name, detail=told)
    return json_answer(user_data(user))


@ROUTES.delete(
    "/{name}",
    needs=Needs("user", "delete", scope="server"),
    summary="Delete a user",
    status_code=204,
)
def remove_user(request: Request, name: str) -> Response:
    """Delete a user with its tokens, sessions and roles. What it made stays."""
    delete_user(store_of(request), name)
    access_of(request).forget()
    return Response(status_code=204)


@ROUTES.post(
    "/{name}/logout",
    needs=Needs("user", "update", scope="server"),
    summary="Log a user out everywhere",
    examples={"sessions": 2},
)
def logout_user(request: Request, name: str) -> Response:
    """End all sessions of a user. Its tokens stay."""
    store = store_of(request)
    count = store.end_sessions(user_id=user_named(store, name).user_id)
    access_of(request).forget()
    return json_answer({"sessions": count})


def _flag(body: Document, key: str) -> bool | None:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise InvalidArgumentError(f"{key} must be true or false, not {value!r:.60}")
    return value
