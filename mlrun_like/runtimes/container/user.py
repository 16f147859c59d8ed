"""Who the code in a container runs as, and what it may do there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError

__all__ = ["User", "read_key", "security_options", "user_of"]


class User(NamedTuple):
    """The ids inside the container, and what the submitter has outside.

    Args:
        uid: User id of the code.
        gid: Its group id.
        own: Whether files it writes belong to the submitter.
        options: Options of the tool that bring this about.
    """

    uid: int
    gid: int
    own: bool
    options: list[str]


def read_key(mapping: Mapping[str, Any], name: str) -> Any:
    """A value by Kubernetes' camel case name, or by its Python form.

    >>> read_key({"run_as_user": 5}, "runAsUser")
    5
    """
    if name in mapping:
        return mapping[name]
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return mapping.get(snake)


def user_of(security: Mapping[str, Any], tool: str) -> User:
    """Who the code runs as: the submitter, or who the security context names.

    The submitter's own ids make what the code writes the submitter's; with rootless podman that
    takes a user namespace that keeps ids, also for another id inside.

    Args:
        security: The function's `security_context`.
        tool: `podman` or `docker`.

    Raises:
        InvalidArgumentError: if an id is not a number.
    """
    uid, gid = os.getuid(), os.getgid()
    wanted, group = _id(security, "runAsUser"), _id(security, "runAsGroup")
    if wanted is None:
        user, primary = uid, gid if group is None else group
    else:
        user, primary = wanted, wanted if group is None else group
    options = ["--user", f"{user}:{primary}"]
    own = user == uid
    if tool == "podman" and os.geteuid() != 0:
        kept = "keep-id"
        if (user, primary) != (uid, gid):
            kept, own = f"keep-id:uid={user},gid={primary}", True
        options += ["--userns", kept]
    return User(user, primary, own, options)


def security_options(security: Mapping[str, Any]) -> list[str]:
    """What else a security context asks for."""
    options: list[str] = []
    if read_key(security, "privileged"):
        options.append("--privileged")
    if read_key(security, "allowPrivilegeEscalation") is False:
        options += ["--security-opt", "no-new-privileges"]
    if read_key(security, "readOnlyRootFilesystem"):
        options += ["--read-only", "--tmpfs", "/tmp"]
    capabilities = read_key(security, "capabilities") or {}
    for name, option in (("add", "--cap-add"), ("drop", "--cap-drop")):
        for capability in capabilities.get(name) or ():
            options += [option, str(capability)]
    for group in read_key(security, "supplementalGroups") or ():
        options += ["--group-add", str(group)]
    return options


def _id(security: Mapping[str, Any], name: str) -> int | None:
    value = read_key(security, name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidArgumentError(
            f"security_context.{name} {value!r} is not a user or group number",
            where="spec.security_context",
            fix="write for example 1000",
        )
    return value
