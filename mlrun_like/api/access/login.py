"""Name and password -> a session; and the way over a login provider."""

from __future__ import annotations

import time
from typing import NamedTuple

from starlette.requests import Request

from mlrun_like.api.access.accounts import check_password, is_user_name
from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.claims import user_of_claims
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.identify import origin_of, session_secret
from mlrun_like.api.access.limits import refuse_guessing
from mlrun_like.api.access.oidc import Provider
from mlrun_like.api.access.origin import safe_next
from mlrun_like.api.access.sessions import make_session, session_id
from mlrun_like.api.state import caller_of, store_of
from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, UnauthorizedError
from mlrun_like.tracking.access_abilities import UserRow

__all__ = ["LoggedIn", "begin_oidc", "finish_oidc", "log_in", "log_out", "oidc_label", "right_user"]

_MINUTES = 600.0


class LoggedIn(NamedTuple):
    """A session that was made: the text of its cookie, whose it is, where to go."""

    secret: str
    user: UserRow
    target: str = "/"


def log_in(request: Request, name: str, password: str, target: str = "/") -> LoggedIn:
    """Begin a session for a name and password.

    Raises:
        UnauthorizedError: if they are not right; it does not say which of them.
        RateLimitError: if somebody guesses.
    """
    return _begin(request, right_user(request, name, password), target, "password")


def right_user(request: Request, name: str, password: str) -> UserRow:
    """The user of a name and password, tried not too often. Raises as `log_in`."""
    origin, store = origin_of(request), store_of(request)
    access_of(request).limits.guess(name, origin.address)
    refuse_guessing(store, name, origin.address)
    user = store.find_user(name=name) if is_user_name(name) else None
    if not check_password(user, password) or user is None:
        known = user.name if user is not None else ""
        audit(request, "login", "session", name=known, detail={"right": False}, status=401)
        raise UnauthorizedError(
            "name or password is wrong",
            fix="try again, or ask an administrator for a new password",
        )
    return user


def _begin(request: Request, user: UserRow, target: str, how: str) -> LoggedIn:
    store = store_of(request)
    agent = request.headers.get("user-agent", "")
    secret = make_session(store, user, origin_of(request), agent, session_secret(request))
    access_of(request).forget()
    who = Caller(user.user_id, user.name, user.is_admin, kind=user.kind, via="session")
    audit(request, "login", "session", name=user.name, detail={"how": how}, caller=who)
    if how == "password":
        store.change_user(user._replace(last_login=time.time()))
    return LoggedIn(secret, user, safe_next(target))


def log_out(request: Request, *, everywhere: bool = False) -> int:
    """End the session of this request, or all of its user; how many."""
    caller, store = caller_of(request), store_of(request)
    count = 0
    if everywhere and caller.user:
        count = store.end_sessions(user_id=caller.user)
    elif session_secret(request):
        count = store.end_sessions(session_id=session_id(session_secret(request)))
    access_of(request).forget()
    if caller.user:
        detail = {"everywhere": everywhere, "sessions": count}
        audit(request, "logout", "session", name=caller.name, detail=detail)
    return count


def oidc_label(request: Request) -> str:
    """Text of the button for the login provider; empty: there is none."""
    return config.oidc_label if access_of(request).provider is not None else ""


def begin_oidc(request: Request, target: str) -> tuple[str, str]:
    """Where the browser goes to log in, and the text of the cookie that it returns with."""
    provider = _provider(request)
    base = access_of(request).options.url.rstrip("/") or origin_of(request).url
    begun = provider.begin(f"{base}/login/oidc/callback", safe_next(target))
    store_of(request).add_login(session_id(begun.state), "oidc", begun.kept, time.time())
    return begun.url, begun.state


def finish_oidc(request: Request, state: str, code: str, cookie: str) -> LoggedIn:
    """Begin a session for what the provider sent the browser back with.

    Raises:
        UnauthorizedError: if it is not a login that this browser began a moment ago.
        AccessDeniedError: if this person may not log in here.
    """
    store, provider = store_of(request), _provider(request)
    # another browser's state: somebody wants this one to be logged in as him
    kept = None
    if state and state == cookie:
        kept = store.take_login(session_id(state), "oidc", time.time() - _MINUTES)
    if kept is None or not code:
        raise UnauthorizedError("this login was not begun here, or is too old", fix="log in again")
    claims = provider.finish(code, kept)
    user = user_of_claims(store, provider.issuer, claims)
    return _begin(request, user, str(kept["next"]), "oidc")


def _provider(request: Request) -> Provider:
    provider = access_of(request).provider
    if provider is None:
        raise NotFoundError("there is no login provider", fix="set oidc_issuer")
    return provider
