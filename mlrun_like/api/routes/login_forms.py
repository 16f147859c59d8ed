"""Login of browsers: the form, the provider, and the command line that asks through a browser."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.identify import origin_of
from mlrun_like.api.access.login import begin_oidc, finish_oidc, log_in, log_out
from mlrun_like.api.access.origin import safe_next
from mlrun_like.api.access.sessions import clear_cookie, session_id
from mlrun_like.api.access.tokens import refuse_escalation
from mlrun_like.api.pages.answers import SECURITY, html_answer, moved
from mlrun_like.api.pages.forms import button, post_form, read_form
from mlrun_like.api.pages.frame import frame
from mlrun_like.api.routes.session import with_session
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import element
from mlrun_like.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidArgumentError,
    RateLimitError,
    UnauthorizedError,
)

__all__ = ["ROUTES"]

ROUTES = Routes("login", page=True)
_OPEN = Needs("session", "create", scope="open")
_COOKIE = "mlrun-like-login"
_WORD = re.compile(r"[A-Za-z0-9_-]{20,128}\Z")


@ROUTES.post("/login", needs=_OPEN, summary="Log in by the form", name="login_form")
async def login_form(request: Request) -> Response:
    """Begin a session, and go on to `next`."""
    form = await read_form(request)
    target = safe_next(form["next"])
    try:
        made = await run_in_threadpool(log_in, request, form["name"], form["password"], target)
    except RateLimitError:
        return moved(f"/login?failed=often&next={quote(target, safe='')}")
    except UnauthorizedError:
        return moved(f"/login?failed=1&next={quote(target, safe='')}")
    return with_session(request, moved(made.target), made)


@ROUTES.post(
    "/logout",
    needs=Needs("session", "delete", scope="open"),
    summary="Log out by the form",
    name="logout_form",
)
async def logout_form(request: Request) -> Response:
    """End this session (with `everywhere` all), and go to the login."""
    form = await read_form(request)
    await run_in_threadpool(log_out, request, everywhere=bool(form["everywhere"]))
    answer = moved("/login")
    clear_cookie(answer, origin_of(request).https)
    # what the browser keeps of a logged-in user goes, too
    answer.headers["clear-site-data"] = '"cache"'
    return answer


@ROUTES.get("/login/oidc", needs=_OPEN, summary="Go to the login provider", name="login_oidc")
def login_oidc(request: Request) -> Response:
    """Send the browser to the provider; it returns to the callback."""
    address, state = begin_oidc(request, safe_next(request.query_params.get("next", "/")))
    answer = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
    https = origin_of(request).https
    answer.set_cookie(
        _name(https), state, max_age=600, path="/", secure=https, httponly=True, samesite="lax"
    )
    return answer


@ROUTES.get(
    "/login/oidc/callback", needs=_OPEN, summary="Come back from the provider", name="oidc_back"
)
def oidc_back(request: Request) -> Response:
    """Begin a session for whom the provider vouches for."""
    query = request.query_params
    https = origin_of(request).https
    try:
        if query.get("error"):
            raise UnauthorizedError("the login provider refused", fix="log in again")
        made = finish_oidc(
            request, query.get("state", ""), query.get("code", ""),
            request.cookies.get(_name(https), ""),
        )  # fmt: skip
        answer = with_session(request, moved(made.target), made)
    except (UnauthorizedError, AccessDeniedError, ConflictError) as exc:
        audit(request, "login", "session", detail={"how": "oidc", "why": exc.what}, status=401)
        why = "denied" if isinstance(exc, AccessDeniedError) else "provider"
        answer = moved(f"/login?failed={why}")
    answer.set_cookie(
        _name(https), "", max_age=0, path="/", secure=https, httponly=True, samesite="lax"
    )
    return answer


@ROUTES.get(
    "/login/cli",
    needs=Needs("token", "create", scope="self"),
    summary="Ask whether a program may log in",
    name="login_cli",
)
def login_cli(request: Request) -> Response:
    """The command line opened this page: may it have a token?"""
    port, state, challenge, name = _asked(request.query_params)
    hidden = [
        element("input", type="hidden", name=key, value=value)
        for key, value in (
            ("port", port), ("state", state), ("challenge", challenge), ("name", name),
        )
    ]  # fmt: skip
    who = caller_of(request).name
    parts = [
        element("p", f"The command line on {name or 'this computer'} asks for a token of {who}."),
        element("p", "Allow it only if you typed mlrun-like login just now."),
        post_form(request, "/login/cli", *hidden, button("Allow", "main")),
    ]
    answer = html_answer(frame(request, "Log in a program", parts))
    policy = SECURITY["content-security-policy"]
    # the form's answer leads to the program, which listens on this machine
    answer.headers["content-security-policy"] = policy.replace(
        "form-action 'self'", f"form-action 'self' http://127.0.0.1:{port}"
    )
    return answer


@ROUTES.post(
    "/login/cli",
    needs=Needs("token", "create", scope="self"),
    summary="Let a program log in",
    name="login_cli_allow",
)
async def login_cli_allow(request: Request) -> Response:
    """Give the waiting program a code, which it exchanges for a token."""
    form = await read_form(request)
    port, state, challenge, name = _asked(form)
    caller = caller_of(request)
    refuse_escalation(caller)
    code = secrets.token_urlsafe(32)
    kept = {"user": caller.user, "challenge": challenge, "name": name}
    store = store_of(request)
    await run_in_threadpool(store.add_login, session_id(code), "cli", kept, time.time())
    query = urlencode({"code": code, "state": state})
    return RedirectResponse(
        f"http://127.0.0.1:{port}/?{query}", 303, headers={"cache-control": "no-store"}
    )


def _asked(given: Any) -> tuple[str, str, str, str]:
    def one(key: str) -> str:
        try:
            return str(given[key])
        except KeyError:
            return ""

    port, state, challenge = one("port"), one("state"), one("challenge")
    name = "".join(c for c in one("name")[:60] if c.isprintable())
    right = port.isascii() and port.isdecimal() and 1024 <= int(port[:6]) <= 65535
    if not right or not _WORD.match(state) or not _WORD.match(challenge):
        raise InvalidArgumentError(
            "this is no login of the command line", fix=f"type: mlrun-like login {quote('URL')}"
        )
    return port, state, challenge, name


def _name(https: bool) -> str:
    return f"__Host-{_COOKIE}" if https else _COOKIE
