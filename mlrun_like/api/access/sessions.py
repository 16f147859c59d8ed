"""Sessions of browsers: a row here, a cookie there; the cookie's text is kept as a hash only."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import Any

from starlette.responses import Response

from mlrun_like.api.access.origin import Origin
from mlrun_like.configuration import config
from mlrun_like.tracking.access_abilities import SessionRow, UserRow
from mlrun_like.tracking.store import SqlStore

__all__ = [
    "SESSION_COOKIE",
    "clear_cookie",
    "cookie_name",
    "find_session",
    "make_session",
    "purge",
    "session_id",
    "sessions_data",
    "set_cookie",
]

SESSION_COOKIE = "mlrun-like-session"
_FORM = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_SEEN = 60.0
_LOGIN = 600.0


def cookie_name(https: bool) -> str:
    """The cookie's name: over https one that browsers tie to this very host.

    >>> cookie_name(True)
    '__Host-mlrun-like-session'
    """
    return f"__Host-{SESSION_COOKIE}" if https else SESSION_COOKIE


def session_id(secret: str) -> str:
    """What is kept of a cookie's text."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def make_session(store: SqlStore, user: UserRow, origin: Origin, agent: str, old: str = "") -> str:
    """Begin a session; the text for the cookie. Another session of the same browser ends."""
    secret = secrets.token_urlsafe(32)
    now = time.time()
    if old:
        store.end_sessions(session_id=session_id(old))
    store.add_session(
        SessionRow(session_id(secret), user.user_id, now, now, origin.address, agent[:200])
    )
    return secret


def find_session(store: SqlStore, secret: str) -> tuple[SessionRow, UserRow] | None:
    """The session of a cookie with its user, if it holds now."""
    if not _FORM.match(secret):
        return None
    found = store.find_session(session_id(secret))
    if found is None:
        return None
    row, user = found
    now = time.time()
    idle = now - row.seen > config.service_session_idle
    if idle or now - row.created > config.service_session_max or user.disabled:
        store.end_sessions(session_id=row.session_id)
        return None
    if now - row.seen > _SEEN:
        store.touch_session(row.session_id, now)
    return row, user


def set_cookie(answer: Response, secret: str, https: bool) -> None:
    """Give a browser its session."""
    answer.set_cookie(
        cookie_name(https),
        secret,
        max_age=int(config.service_session_max),
        path="/",
        secure=https,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(answer: Response, https: bool) -> None:
    """Take a browser's session."""
    answer.set_cookie(
        cookie_name(https), "", max_age=0, path="/", secure=https, httponly=True, samesite="lax"
    )


def sessions_data(store: SqlStore, user_id: str, current: str = "") -> list[dict[str, Any]]:
    """Sessions of a user, as the API shows them."""
    return [
        {
            "id": row.session_id[:16],
            "created": row.created,
            "seen": row.seen,
            "address": row.address,
            "agent": row.agent,
            "current": row.session_id == current,
        }
        for row in store.list_sessions(user_id)
    ]


def purge(store: SqlStore) -> int:
    """Remove sessions that hold no more, logins that nobody finished, old lines of the audit log.

    The leader calls it now and then.
    """
    now = time.time()
    count = store.purge_sessions(
        now - config.service_session_max, now - config.service_session_idle, now - _LOGIN
    )
    if config.service_audit_days:
        count += store.purge_audit(now - config.service_audit_days * 86_400)
    return count
