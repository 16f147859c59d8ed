"""Who did what: a line for each change, and for each that was refused."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request

from mlrun_like.api.access.caller import NOBODY, Caller
from mlrun_like.api.access.origin import SAFE
from mlrun_like.api.state import store_of
from mlrun_like.gateway.http.limits import Buckets
from mlrun_like.tracking.access_abilities import AuditRow
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["after", "audit", "audit_data", "audit_row_data"]

_log = logging.getLogger(__name__)
_STREAMED = frozenset({"store", "log", "event", "metric", "search"})
"""Kinds that jobs write all the time: what they may is no news; what they may not is."""
_NAMED = ("name", "user", "uid", "key", "token", "token_id", "secret", "member", "number", "id")
_refused = Buckets(5.0, 50)
"""Refused requests cost the log a line each; nobody shall fill the disk with them."""


def audit(
    request: HTTPConnection, action: str, resource: str, project: str = "", name: str = "", *,
    detail: Document | None = None, status: int = 200, caller: Caller | None = None,
) -> None:  # fmt: skip
    """Write a line into the audit log. Never a secret's value.

    Args:
        request: Whose caller, address and id are recorded.
        action: What was done.
        resource: To what kind of thing.
        project: In which project.
        name: To which thing.
        detail: What else is worth knowing.
        status: How it ended.
        caller: Who did it, if not the request's caller.
    """
    store_of(request).add_audit(
        [_row(request, action, resource, project, name, detail or {}, status, caller)]
    )
    request.scope["mlrun_like.audited"] = True


async def after(request: Request, status: int) -> None:
    """Write what a request did; the route mechanism calls it at the end of each."""
    if request.method in SAFE or request.scope.get("mlrun_like.audited"):
        return
    route = request.scope.get("mlrun_like.route")
    needs = getattr(route, "needs", None)
    if needs is None or status >= 500 or status == 429:
        return
    denied = status in (401, 403)
    if denied:
        address = str(request.scope.get("mlrun_like.address", ""))
        if _refused.take(address) > 0:
            return
    elif status >= 400 or needs.resource in _STREAMED or needs.scope == "open":
        return
    path = request.path_params
    name = next((str(path[key]) for key in _NAMED if path.get(key)), "")
    row = _row(
        request,
        needs.action,
        needs.resource,
        str(path.get("project", ""))[:200],
        name[:300],
        {"route": getattr(route, "path", ""), "method": request.method},
        status,
        None,
    )
    try:
        await run_in_threadpool(store_of(request).add_audit, [row])
    except Exception:  # noqa: BLE001 - the request is over; its answer must not change any more
        _log.exception("the audit log cannot be written: %s", row)


def _row(
    request: HTTPConnection, action: str, resource: str, project: str, name: str,
    detail: Document, status: int, caller: Caller | None,
) -> AuditRow:  # fmt: skip
    scope = request.scope
    who = caller or scope.get("mlrun_like.caller") or NOBODY
    return AuditRow(
        0,
        time.time(),
        who.user,
        who.name[:200],
        who.via,
        str(scope.get("mlrun_like.address", "")),
        action,
        resource,
        project,
        name,
        status,
        str(scope.get("mlrun_like.request_id", "")),
        detail,
    )


def audit_row_data(row: AuditRow) -> dict[str, Any]:
    """What the API shows of a line."""
    data = row._asdict()
    del data["user_id"]
    return data


def audit_data(store: SqlStore, **filters: Any) -> list[dict[str, Any]]:
    """Lines of the audit log, newest first; the filters are those of `AuditStore.list_audit`."""
    return [audit_row_data(row) for row in store.list_audit(**filters)]
