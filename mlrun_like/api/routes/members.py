"""Who has which role in a project."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.members import members_data, remove_member, set_member
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in, text
from mlrun_like.api.routing import Needs, Routes, store_of

__all__ = ["ROUTES"]

ROUTES = Routes("members", prefix="/projects/{project}/members")
_MEMBER = {
    "user": "anna",
    "kind": "user",
    "role": "developer",
    "source": "manual",
    "disabled": False,
    "since": 1760000000.0,
}


@ROUTES.get(
    "",
    needs=Needs("member", "read"),
    summary="List members of a project",
    examples={"members": [_MEMBER], "pagination": {"page-token": None, "page-size": 100}},
)
def list_members(request: Request, project: str) -> Response:
    """Who has which role; `source` `oidc`: by a group at the login provider."""
    shown, pagination = paged(
        members_data(store_of(request), project),
        request,
        key=lambda row: f"{row['user']} {row['source']}",
        sorts={"role": lambda row: row["role"], "since": lambda row: row["since"]},
    )
    return json_answer({"members": shown, "pagination": pagination})


@ROUTES.put(
    "/{user}",
    needs=Needs("member", "update"),
    summary="Give a user a role",
    examples={"user": "anna", "role": "developer"},
)
def put_member(
    request: Request,
    project: str,
    user: str,
    body: Annotated[Any, Body(examples=[{"role": "developer"}])],
) -> Response:
    """Let a user be `viewer`, `developer` or `admin` of the project."""
    role = text(document_in(body, "a member"), "role")
    set_member(store_of(request), project, user, role)
    access_of(request).forget()
    audit(request, "update", "member", project, user, detail={"role": role})
    return json_answer({"user": user, "role": role})


@ROUTES.delete(
    "/{user}",
    needs=Needs("member", "delete"),
    summary="Take a user's role",
    status_code=204,
)
def delete_member(request: Request, project: str, user: str) -> Response:
    """Take the role that a user has in the project."""
    remove_member(store_of(request), project, user)
    access_of(request).forget()
    return Response(status_code=204)
