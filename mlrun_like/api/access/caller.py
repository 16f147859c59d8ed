"""Who calls: a person or a service account, with the roles it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlrun_like.api.access.roles import OF_RUNS, OPEN_PROJECTS, least_role, rank

__all__ = ["NOBODY", "Caller", "Projects"]

Projects = frozenset[str]
"""Names of projects."""

_READING = ("read",)


@dataclass(frozen=True)
class Caller:
    """Who makes a request.

    Args:
        user: Its id; empty: nobody is logged in.
        name: The name that people see.
        is_admin: Whether everything is allowed.
        roles: Project -> role.
        scopes: What its token is limited to; empty: nothing.
        kind: `user`, `service`, `local` (no login) or `nobody`.
        via: `session`, `token`, `local` or nothing.
        key: Which token or session it is (never its secret).

    >>> anna = Caller("u1", "anna", roles={"fraud": "viewer"})
    >>> anna.may("fraud", "run", "read"), anna.may("fraud", "run", "create")
    (True, False)
    """

    user: str
    name: str = ""
    is_admin: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    kind: str = "user"
    via: str = ""
    key: str = ""

    @property
    def projects(self) -> Projects | None:
        """The projects that its token is limited to; None: to none."""
        named = frozenset(s[8:] for s in self.scopes if s.startswith("project:"))
        return named or None

    @property
    def visible(self) -> Projects | None:
        """The projects that it may see; None: all."""
        if not self.within("read"):
            return frozenset()
        if self.is_admin:
            return self.projects
        mine = frozenset(name for name, role in self.roles.items() if rank(role))
        return mine if self.projects is None else mine & self.projects

    def within(self, action: str, project: str = "", resource: str = "") -> bool:
        """Whether the scopes of its token allow an action, whatever the roles say."""
        if not self.scopes:
            return True
        if resource == "metrics":
            return "metrics" in self.scopes or "read" in self.scopes
        named = self.projects
        if project and named is not None and project not in named:
            return False
        if "run" in self.scopes:
            return action in (OF_RUNS.get(resource, ()) if resource else _READING)
        if "write" in self.scopes:
            return True
        if "read" in self.scopes:
            return action in _READING
        # a project alone: all that its user may there; what stands beside it is a limit as well
        return named is not None and "metrics" not in self.scopes

    def may(self, project: str, resource: str, action: str) -> bool:
        """Whether it may do this; project empty: something of the whole service."""
        if not self.user or not self.within(action, project, resource):
            return False
        if not project:
            return self.is_admin and self.projects is None
        if self.is_admin:
            return True
        if project in OPEN_PROJECTS:
            return action == "read"
        least = least_role(resource, action)
        return bool(least) and rank(self.roles.get(project, "")) >= rank(least)


NOBODY = Caller("", "", kind="nobody")
"""Who is not logged in."""
