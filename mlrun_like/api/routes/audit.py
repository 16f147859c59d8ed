"""The audit log: who did what, when, from where, and how it ended."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.audit import audit_row_data
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import page_of, pagination
from mlrun_like.api.routes.bodies import when
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import InvalidArgumentError

__all__ = ["ROUTES"]

ROUTES = Routes("audit")
_ROW = {
    "number": 7,
    "time": 1760000000.0,
    "user": "anna",
    "via": "session",
    "address": "10.0.0.7",
    "action": "delete",
    "resource": "run",
    "project": "fraud",
    "name": "0123abcd",
    "status": 204,
    "request_id": "0f6c1d2e3a4b5c6d",
    "detail": {},
}
_LIST = {"lines": [_ROW], "pagination": {"page-token": None, "page-size": 100}}
_LARGEST = 1 << 62


@ROUTES.get(
    "/audit",
    needs=Needs("audit", "read", scope="server"),
    summary="Search the audit log",
    examples=_LIST,
)
def all_lines(request: Request) -> Response:
    """All lines, newest first. Filters: `project`, `user`, `action`, `resource`, `text` (a part of
    a name), `since`, `until`."""
    return _listed(request, request.query_params.get("project"))


@ROUTES.get(
    "/projects/{project}/audit",
    needs=Needs("audit", "read"),
    summary="Search the audit log of a project",
    examples=_LIST,
)
def project_lines(request: Request, project: str) -> Response:
    """The lines of one project, for its admins; the same filters."""
    return _listed(request, project)


def _listed(request: Request, project: str | None) -> Response:
    page = page_of(request, default="-number")
    before = 0
    if page.after is not None:
        number: Any = page.after[0]
        if not isinstance(number, int) or not 0 < number < _LARGEST:
            raise InvalidArgumentError("the page token belongs to another list")
        before = number
    query = request.query_params
    filters = {key: query.get(key, "")[:200] for key in ("user", "action", "resource", "text")}
    rows = store_of(request).list_audit(
        project=project,
        **filters,
        since=when(request, "since") or 0.0,
        until=when(request, "until") or 0.0,
        before=before,
        limit=page.size + 1,
    )
    last = (rows[page.size - 1].number,) if len(rows) > page.size else None
    shown = [audit_row_data(row) for row in rows[: page.size]]
    return json_answer({"lines": shown, "pagination": pagination(page, last)})
