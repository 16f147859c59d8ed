"""May this caller do that: the one place that says yes or no."""

from __future__ import annotations

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.roles import OPEN_PROJECTS, least_role
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, NotFoundError, UnauthorizedError

__all__ = ["allowed", "check", "check_scope"]

_ACCOUNT = frozenset({"token", "session", "user"})
"""What a token for one project has no business with."""


def allowed(caller: Caller, project: str, resource: str, action: str) -> bool:
    """Whether a caller may do this; project empty: something of the whole service.

    >>> allowed(Caller("u", roles={"a": "viewer"}), "a", "run", "read")
    True
    """
    if not project and (resource, action) == ("project", "create") and caller.user:
        if not caller.within(action) or caller.projects is not None:
            return False
        return caller.is_admin or config.service_project_creation == "users"
    return caller.may(project, resource, action)


def check(caller: Caller, project: str, resource: str, action: str) -> None:
    """Refuse what a caller may not do.

    Raises:
        UnauthorizedError: if nobody is logged in.
        NotFoundError: if it may not even see the project.
        AccessDeniedError: if it may see the project, and not do this.
    """
    if allowed(caller, project, resource, action):
        return
    if not caller.user:
        raise UnauthorizedError(
            "nobody is logged in",
            fix="log in, or send a token: 'Authorization: Bearer mlt_…'",
        )
    visible = caller.visible
    if project and project not in OPEN_PROJECTS and visible is not None and project not in visible:
        # the same words as for a project that there is not
        raise NotFoundError(f"there is no project {project!r}")
    if not caller.within(action, project, resource):
        raise _beyond(caller, resource, action)
    least = least_role(resource, action) if project else ""
    raise AccessDeniedError(
        f"{caller.name} may not {action} a {resource}",
        where=f"project {project!r}" if project else "",
        fix=f"ask an admin of the project for the role {least}"
        if least
        else "ask an administrator of the service",
    )


def check_scope(caller: Caller, resource: str, action: str) -> None:
    """Refuse what a token's scopes do not cover, where no project's role decides.

    Raises:
        AccessDeniedError: if so.
    """
    account = resource in _ACCOUNT and action != "read" and caller.projects is not None
    if account or not caller.within(action, "", resource):
        raise _beyond(caller, resource, action)


def _beyond(caller: Caller, resource: str, action: str) -> AccessDeniedError:
    return AccessDeniedError(
        f"this token of {caller.name} may not {action} a {resource}",
        where=f"scopes: {', '.join(sorted(caller.scopes))}",
        fix="use a token with more scopes: mlrun-like service token create",
    )
