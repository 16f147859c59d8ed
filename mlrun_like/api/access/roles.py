"""What needs which role: the only place that says so.

viewer      reads everything of a project but the values of secrets
developer   also makes, changes, starts and deletes what a project holds
admin       also its members, its secrets and the project itself

Administrators of the server may everything everywhere. A pair that is not in the table is theirs
alone, so that what was forgotten is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["LEAST", "OF_RUNS", "OPEN_PROJECTS", "ROLES", "least_role", "rank"]

ROLES = ("viewer", "developer", "admin")
"""From the least to the most."""

OPEN_PROJECTS = frozenset({"_hub", "_templates"})
"""Reserved names under which the store keeps what everyone may read."""

_RANKS = {role: number for number, role in enumerate(ROLES, 1)}
_WORK = MappingProxyType(
    {
        "read": "viewer",
        "create": "developer",
        "update": "developer",
        "delete": "developer",
        "run": "developer",
    }
)
_ADMIN = MappingProxyType({"create": "admin", "update": "admin", "delete": "admin"})

LEAST: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("run", "log", "metric", "artifact", "file", "function", "pipeline", "schedule"),
                *("feature-set", "feature-vector", "model", "endpoint", "monitoring", "alert"),
                *("gateway", "task", "search", "event", "store"),
            ),
            _WORK,
        ),
        "hub": MappingProxyType({"read": "viewer", "run": "developer", "create": "developer"}),
        # the list of names; `run`: the values, for jobs
        "secret": MappingProxyType({"read": "viewer", **_ADMIN, "run": "developer"}),
        "member": MappingProxyType({"read": "viewer", **_ADMIN}),
        "project": MappingProxyType({"read": "viewer", "update": "developer", "delete": "admin"}),
        "audit": MappingProxyType({"read": "admin"}),
        "setting": MappingProxyType({"read": "viewer"}),
    }
)
"""Resource -> action -> the least role in a project."""


_RECORD = frozenset({"read", "create", "update"})
OF_RUNS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("run", "log", "metric", "artifact", "function", "pipeline", "model", "event"),
                *("feature-set", "feature-vector", "endpoint", "project"),
            ),
            _RECORD,
        ),
        # data sets are written anew, applications of monitoring claim their windows
        "file": _RECORD | {"delete"},
        "monitoring": _RECORD | {"run"},
        "secret": frozenset({"run"}),
        "store": frozenset({"read"}),
        "session": frozenset({"read"}),
        "hub": frozenset({"read"}),
        "alert": frozenset({"read"}),
    }
)
"""What a token with the scope `run` may at most, whatever its user's role is: record what a run
does. It starts, deletes and shares nothing."""


def rank(role: str) -> int:
    """How much a role may, 0: nothing.

    >>> rank("viewer") < rank("admin"), rank("king")
    (True, 0)
    """
    return _RANKS.get(role, 0)


def least_role(resource: str, action: str) -> str:
    """The least role that may do this; empty: none, only administrators of the server.

    >>> least_role("run", "delete"), least_role("secret", "update"), least_role("user", "create")
    ('developer', 'admin', '')
    """
    return LEAST.get(resource, {}).get(action, "")
