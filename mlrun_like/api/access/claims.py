"""What a provider says of a person -> a user with roles."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import check_role
from mlrun_like.api.access.roles import rank
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, ConfigError, MLRunLikeError
from mlrun_like.names import check_project
from mlrun_like.tracking.access_abilities import UserRow
from mlrun_like.tracking.store import SqlStore

__all__ = ["group_roles", "groups_of", "user_of_claims"]

_SOURCE = "oidc"
_STRANGE = re.compile(r"[^-A-Za-z0-9_.@+]+")


def groups_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The groups that a person is in; a dotted setting looks deeper.

    >>> sorted(groups_of({"groups": ["/data", "ops"]}))
    ['data', 'ops']
    """
    found: Any = claims
    name = config.oidc_groups_claim
    if name in claims:
        found = claims[name]
    else:
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list):
        return frozenset()
    # Keycloak writes groups as paths
    return frozenset(text.removeprefix("/") for text in found if isinstance(text, str))


def group_roles(setting: str) -> list[tuple[str, str, str]]:
    """Group, project and role of each entry of the setting `oidc_roles`.

    >>> group_roles("data=fraud:developer, ops=fraud:viewer")
    [('data', 'fraud', 'developer'), ('ops', 'fraud', 'viewer')]

    Raises:
        ConfigError: if an entry is no such.
    """
    found = []
    for text in (part.strip() for part in setting.split(",")):
        if not text:
            continue
        group, _, rest = text.rpartition("=")
        project, _, role = rest.partition(":")
        try:
            if not group:
                raise ConfigError("no group")
            found.append((group.strip(), check_project(project.strip()), check_role(role.strip())))
        except MLRunLikeError as exc:
            raise ConfigError(
                f"oidc_roles: {text!r} is not GROUP=PROJECT:ROLE",
                fix="write entries such as data=fraud:developer, with commas between",
            ) from exc
    return found


def user_of_claims(store: SqlStore, issuer: str, claims: Mapping[str, Any]) -> UserRow:
    """The user whom a verified token is about, with the roles that its groups give now.

    Raises:
        AccessDeniedError: if this person may not log in here.
    """
    email = str(claims.get("email") or "")
    # providers that verify nothing leave it out; those that say no mean it
    verified = claims.get("email_verified", None) in (True, "true")
    _check_domain(email, verified)
    subject = f"{issuer}|{claims['sub']}"
    user = store.find_user(subject=subject)
    if user is None and verified:
        user = _invited(store, email, subject)
    if user is None:
        if not config.oidc_create_users:
            raise AccessDeniedError(
                f"there is no user for {email or 'this login'}",
                fix="ask an administrator: mlrun-like service user add NAME --email ADDRESS",
            )
        user = _new_user(store, claims, email, subject)
    if user.disabled:
        raise AccessDeniedError(
            f"user {user.name} is disabled", fix="ask an administrator of the service"
        )
    groups = groups_of(claims)
    admins = {name.strip() for name in config.oidc_admins.split(",") if name.strip()}
    changed = user._replace(last_login=time.time())
    if admins:
        changed = changed._replace(is_admin=bool(admins & groups))
    store.change_user(changed)
    roles: dict[str, str] = {}
    for group, project, role in group_roles(config.oidc_roles):
        if group in groups and rank(role) > rank(roles.get(project, "")):
            roles[project] = role
    store.replace_roles(user.user_id, _SOURCE, roles)
    return changed


def _check_domain(email: str, verified: bool) -> None:
    domains = {name.strip().lower() for name in config.oidc_domains.split(",") if name.strip()}
    if domains and (not verified or email.rpartition("@")[2].lower() not in domains):
        raise AccessDeniedError(
            "this e-mail address may not log in here",
            fix="log in with an address of one of the domains in the setting oidc_domains",
        )


def _invited(store: SqlStore, email: str, subject: str) -> UserRow | None:
    """A user that was added for this address, and that nobody has logged in as yet."""
    if not email:
        return None
    for user in store.list_users("user"):
        fresh = not user.subject and not user.password and not user.disabled
        if fresh and user.email.lower() == email.lower():
            return user._replace(subject=subject)
    return None


def _new_user(store: SqlStore, claims: Mapping[str, Any], email: str, subject: str) -> UserRow:
    wanted = str(claims.get(config.oidc_name_claim) or email or claims["sub"])
    name = _STRANGE.sub("-", wanted)[:100].strip("-_.@+") or "user"
    for number in range(1, 100):
        tried = name if number == 1 else f"{name}-{number}"
        if store.find_user(name=tried) is None:
            address = email if "@" in email and len(email) < 250 else ""
            return add_user(store, tried, email=address, subject=subject)
    raise AccessDeniedError(f"there are too many users called {name}")
