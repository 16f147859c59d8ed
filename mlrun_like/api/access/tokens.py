"""Tokens of the API: `mlt_<id>_<secret>`, of which only a hash is kept."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.roles import rank
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, InvalidArgumentError, NotFoundError
from mlrun_like.gateway.http.hashes import hash_token
from mlrun_like.names import check_project
from mlrun_like.tracking.access_abilities import TokenRow, UserRow
from mlrun_like.tracking.store import SqlStore

__all__ = [
    "PREFIX",
    "NewToken",
    "check_scopes",
    "find_token",
    "make_token",
    "refuse_escalation",
    "revoke_token",
    "run_scopes",
    "run_token",
    "split_token",
    "token_data",
    "tokens_data",
]

PREFIX = "mlt_"
_FORM = re.compile(r"mlt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})\Z")
_SCOPES = ("read", "write", "metrics", "secrets", "run")
_LONGEST = 3660 * 86_400.0
_DAY = 86_400.0


class NewToken(NamedTuple):
    """A token with its text, which is shown once."""

    text: str
    row: TokenRow


def split_token(text: str) -> tuple[str, str] | None:
    """Id and secret of a token's text; None if it is none.

    >>> split_token("mlt_0123456789abcdef_" + "x" * 43)[0]
    '0123456789abcdef'
    """
    found = _FORM.match(text)
    return None if found is None else (found[1], found[2])


def check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Scopes in order. Raises InvalidArgumentError if one is not known.

    >>> check_scopes(["read", "project:fraud"])
    ('project:fraud', 'read')
    """
    found = set()
    for scope in scopes:
        if isinstance(scope, str) and scope.startswith("project:"):
            check_project(scope[8:])
        elif scope not in _SCOPES:
            raise InvalidArgumentError(
                f"scope {str(scope)[:80]!r} is not known",
                fix=f"use {', '.join(_SCOPES)} or project:NAME; none: all that its user may",
            )
        found.add(scope)
    if len(found) > 50:
        raise InvalidArgumentError("a token has at most 50 scopes")
    if "run" in found and not any(scope.startswith("project:") for scope in found):
        raise InvalidArgumentError(
            "the scope run is for the job of one project", fix="add project:NAME"
        )
    if found == {"secrets"}:
        raise InvalidArgumentError(
            "the scope secrets allows nothing alone", fix="add read or write, and project:NAME"
        )
    return tuple(sorted(found))


def make_token(
    store: SqlStore,
    user: UserRow,
    name: str,
    *,
    scopes: Iterable[str] = (),
    seconds: float | None = None,
) -> NewToken:
    """Make a token of a user.

    Args:
        store: Where users are.
        user: Whose.
        name: What it is for.
        scopes: What it is limited to; none: all that the user may.
        seconds: How long it holds; None: as long as the setting `service_token_days`; 0: for ever.

    Raises:
        InvalidArgumentError: if a scope or time is not possible.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        raise InvalidArgumentError(
            "a token needs a name of at most 200 characters", fix="say what it is for"
        )
    if seconds is None:
        seconds = config.service_token_days * _DAY
    if not 0 <= seconds <= _LONGEST:
        raise InvalidArgumentError("a token holds for at most ten years", fix="0: without end")
    now = time.time()
    token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    row = TokenRow(
        token_id,
        user.user_id,
        name.strip(),
        hash_token(secret),
        " ".join(check_scopes(scopes)),
        now,
        now + seconds if seconds else None,
    )
    store.add_token(row)
    return NewToken(f"{PREFIX}{token_id}_{secret}", row)


def find_token(store: SqlStore, text: str) -> tuple[TokenRow, UserRow] | None:
    """The token of a text with its user, if it holds now."""
    parts = split_token(text)
    found = None if parts is None else store.find_token(parts[0])
    if parts is None or found is None:
        return None
    row, user = found
    if not hmac.compare_digest(row.hash, hash_token(parts[1])):
        return None
    over = row.expires is not None and row.expires <= time.time()
    if over or row.revoked is not None or user.disabled:
        return None
    return row, user


def revoke_token(store: SqlStore, token_id: str, user_id: str = "") -> TokenRow:
    """Let a token hold no more. Raises NotFoundError if there is none (of that user)."""
    found = store.find_token(token_id[:64])
    if found is None or (user_id and found[0].user_id != user_id):
        raise NotFoundError(f"there is no token {token_id[:64]!r}")
    store.revoke_token(token_id, time.time())
    return found[0]


def refuse_escalation(caller: Caller) -> None:
    """A token that is limited cannot make one that is not.

    Raises:
        AccessDeniedError: if the caller's is limited.
    """
    if caller.scopes:
        raise AccessDeniedError(
            "a token with scopes can make no other tokens",
            where=f"scopes: {', '.join(sorted(caller.scopes))}",
            fix="log in, or use a token without scopes",
        )


def run_token(store: SqlStore, caller: Caller, project: str, seconds: float = 7 * _DAY) -> str:
    """A token for a job that the service starts for a caller: it may record what it does in its
    project, and read the project's secrets, and nothing else that its user may.

    Raises:
        AccessDeniedError: if the caller may start nothing there.
    """
    if caller.kind == "local":
        return ""
    user = store.find_user(user_id=caller.user)
    may = caller.is_admin or rank(caller.roles.get(project, "")) >= rank("developer")
    if user is None or not may:
        raise AccessDeniedError(f"{caller.name} may start no run in project {project!r}")
    scopes = run_scopes(project)
    return make_token(store, user, f"run in {project}", scopes=scopes, seconds=seconds).text


def run_scopes(project: str) -> tuple[str, ...]:
    """The scopes of a job's token.

    >>> run_scopes("fraud")
    ('run', 'project:fraud')
    """
    return ("run", f"project:{project}")


def token_data(row: TokenRow, user: str = "") -> dict[str, Any]:
    """What the API shows of a token."""
    now = time.time()
    over = row.expires is not None and row.expires <= now
    state = "revoked" if row.revoked is not None else "expired" if over else "valid"
    return {
        "id": row.token_id,
        "user": user,
        "name": row.name,
        "scopes": row.scopes.split(),
        "state": state,
        "created": row.created,
        "expires": row.expires,
        "revoked": row.revoked,
        "last_used": row.used,
    }


def tokens_data(store: SqlStore, user_id: str = "") -> list[dict[str, Any]]:
    """Tokens of a user (of all), newest first, as the API shows them."""
    names = {user.user_id: user.name for user in store.list_users()}
    return [token_data(row, names.get(row.user_id, "")) for row in store.list_tokens(user_id)]
