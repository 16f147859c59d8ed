"""Roles of users in projects."""

from __future__ import annotations

import time
from typing import Any

from mlrun_like.api.access.accounts import user_named
from mlrun_like.api.access.roles import ROLES, rank
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.names import check_project
from mlrun_like.tracking.access_abilities import MemberRow
from mlrun_like.tracking.store import SqlStore

__all__ = ["check_role", "members_data", "remove_member", "roles_of", "set_member"]


def check_role(role: str) -> str:
    """`role` if there is such a one, else InvalidArgumentError."""
    if role not in ROLES:
        raise InvalidArgumentError(
            f"role {str(role)[:40]!r} is not known", fix=f"use one of {', '.join(ROLES)}"
        )
    return role


def roles_of(store: SqlStore, user_id: str) -> dict[str, str]:
    """Project -> the best role that a user has there."""
    found: dict[str, str] = {}
    for row in store.list_members(user_id=user_id):
        if rank(row.role) > rank(found.get(row.project, "")):
            found[row.project] = row.role
    return found


def set_member(store: SqlStore, project: str, user: str, role: str) -> MemberRow:
    """Give a user a role in a project.

    Raises:
        NotFoundError: if there is no such user.
        ConflictError: if the project would have no admin any more.
    """
    found = user_named(store, user)
    row = MemberRow(check_project(project), found.user_id, "manual", check_role(role), time.time())
    if rank(role) < rank("admin"):
        _keep_an_admin(store, project, found.user_id)
    store.set_member(row)
    return row


def remove_member(store: SqlStore, project: str, user: str) -> None:
    """Take a user's role in a project.

    Raises:
        NotFoundError: if it has none.
        ConflictError: if the project would have no admin any more, or a group gives the role.
    """
    found = user_named(store, user)
    _keep_an_admin(store, project, found.user_id)
    if not store.remove_member(project, found.user_id, "manual"):
        if any(row.project == project for row in store.list_members(user_id=found.user_id)):
            raise ConflictError(
                f"{user} has its role by a group at the login provider",
                fix="take it out of the group, or change the setting oidc_roles",
            )
        raise NotFoundError(f"{user} has no role in project {project!r}")


def members_data(store: SqlStore, project: str) -> list[dict[str, Any]]:
    """Who has which role, by name, as the API shows it."""
    users = {user.user_id: user for user in store.list_users()}
    rows = [
        {
            "user": users[row.user_id].name,
            "kind": users[row.user_id].kind,
            "role": row.role,
            "source": row.source,
            "disabled": users[row.user_id].disabled,
            "since": row.created,
        }
        for row in store.list_members(project)
        if row.user_id in users
    ]
    return sorted(rows, key=lambda row: (str(row["user"]), str(row["source"])))


def _keep_an_admin(store: SqlStore, project: str, but: str) -> None:
    admins = {row.user_id for row in store.list_members(project) if row.role == "admin"}
    if admins == {but}:
        raise ConflictError(
            f"project {project!r} would have no admin any more", fix="make another one first"
        )
