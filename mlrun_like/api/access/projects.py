"""Who owns a new project: the one who made it."""

from __future__ import annotations

import time

from starlette.requests import Request

from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.decide import check
from mlrun_like.api.content.places import has_files
from mlrun_like.api.state import caller_of, store_of
from mlrun_like.errors import ConflictError
from mlrun_like.names import check_project
from mlrun_like.tracking.access_abilities import MemberRow

__all__ = ["claim_project"]


def claim_project(request: Request, name: str) -> bool:
    """Let the caller be the admin of a project that it is about to make.

    Call it before the project is stored. Nothing happens if the caller has a role there already.

    Returns:
        Whether the project is new to the service.

    Raises:
        AccessDeniedError: if it may make none.
        ConflictError: if the name is taken.
    """
    caller, store = caller_of(request), store_of(request)
    check_project(name)
    if caller.may(name, "project", "update"):
        if caller.is_admin and caller.kind != "local":
            # an administrator's new project shows who made it, too
            store.claim_project(_member(name, caller.user))
        return False
    if name in caller.roles:  # a role that is too small: not somebody else's project
        check(caller, name, "project", "update")
    check(caller, "", "project", "create")
    # files are no records: those of a project that was deleted may still be there
    if has_files(name) or not store.claim_project(_member(name, caller.user)):
        raise ConflictError(
            f"there is a project {name!r} already, and it is not yours",
            fix="choose another name, or ask its admin for a role in it (of one that was deleted, "
            "an administrator of the service: mlrun-like gc removes its files)",
        )
    access_of(request).forget()
    return True


def _member(name: str, user: str) -> MemberRow:
    return MemberRow(name, user, "manual", "admin", time.time())
