"""From a request to its caller, before anything else is done with it."""

from __future__ import annotations

import base64
import binascii
import hashlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from mlrun_like.api.access.caller import NOBODY, Caller
from mlrun_like.api.access.control import AccessControl, access_of
from mlrun_like.api.access.csrf import check_csrf, csrf_of, csrf_token
from mlrun_like.api.access.origin import SAFE, Origin, refuse_foreign, refuse_host
from mlrun_like.api.access.sessions import cookie_name
from mlrun_like.errors import AccessDeniedError, UnauthorizedError

__all__ = ["confirm", "identify", "origin_of", "session_secret"]

_PROBES = frozenset({"/healthz", "/readyz", "/api/v1/healthz"})
_OLD_HEADERS = ("x-v3io-session-key", "x-mlrun-access-key")


async def identify(request: Request) -> Caller:
    """Who makes this request; `NOBODY` if nothing was sent that says so.

    Raises:
        UnauthorizedError: if a token is sent that is not valid.
        AccessDeniedError: if a page of another site made a browser send it.
        RateLimitError: if the caller asks too often.
        InvalidArgumentError: if the service is not called so.
    """
    control = access_of(request)
    origin = control.proxies.origin(request)
    scope = request.scope
    scope["mlrun_like.origin"], scope["mlrun_like.address"] = origin, origin.address
    path = request.url.path
    if path not in _PROBES:
        refuse_host(origin, control.hosts, local=not control.required)
    text = _token(request)
    if text:
        caller = await _by_token(control, text)
    else:
        caller = await _by_cookie(control, request, origin)
        if not caller.user and not control.required:
            caller = _local(control, request, origin)
    if caller.user:
        if caller.kind != "local":
            control.limits.caller(caller.key)
    elif path not in _PROBES:
        control.limits.address(origin.address)
    if not text and request.method not in SAFE:
        refuse_foreign(request, origin, control.options.url)
    return caller


def origin_of(request: Request) -> Origin:
    """Where a request comes from."""
    origin: Origin = request.scope["mlrun_like.origin"]
    return origin


def session_secret(request: Request) -> str:
    """What the session's cookie has; empty: there is none."""
    return request.cookies.get(cookie_name(origin_of(request).https), "")


async def _by_token(control: AccessControl, text: str) -> Caller:
    key = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    caller = control.known(key)
    if caller is None:
        caller = await run_in_threadpool(control.by_token, text, key)
    if not caller.user:
        raise UnauthorizedError(
            "this token is not valid (any more)",
            fix="log in anew: mlrun-like login URL",
        )
    return caller


async def _by_cookie(control: AccessControl, request: Request, origin: Origin) -> Caller:
    secret = request.cookies.get(cookie_name(origin.https), "")
    if not secret or len(secret) > 200:
        return NOBODY
    key = hashlib.sha256(b"cookie" + secret.encode("utf-8", "replace")).digest()
    caller = control.known(key)
    if caller is None:
        caller = await run_in_threadpool(control.by_session, secret, key)
    if caller.user:
        request.scope["mlrun_like.csrf"] = csrf_token(secret)
    return caller


async def confirm(request: Request, caller: Caller, *, form: bool) -> None:
    """Refuse a write with a session's cookie that the session's own page did not make.

    Args:
        request: The request, whose body is limited already.
        caller: Who makes it.
        form: Whether the text may stand in a form; else in the header only, because the handler
            reads the body piece by piece.

    Raises:
        AccessDeniedError: if so.
    """
    if caller.via == "session" and request.method not in SAFE:
        await check_csrf(request, csrf_of(request), form=form)


def _local(control: AccessControl, request: Request, origin: Origin) -> Caller:
    if origin.proxied and not control.options.insecure:
        raise AccessDeniedError(
            "a proxy stands before a service that wants no login",
            where=origin.address,
            fix="set service_auth=required and add a user: mlrun-like service user add NAME "
            "--admin",
        )
    return control.local


def _token(request: Request) -> str:
    """The token of a request: Bearer, Basic (as the password), or one of MLRun's headers."""
    header = request.headers.get("authorization", "")
    if header:
        kind, _, rest = header.partition(" ")
        rest = rest.strip()
        if kind.lower() == "bearer" and rest:
            return rest
        if kind.lower() == "basic":
            try:
                pair = base64.b64decode(rest, validate=True).decode("utf-8")
            except (binascii.Error, ValueError):
                pair = ""
            name, _, password = pair.partition(":")
            return password or name or "-"
        return "-"
    return next((request.headers[n] for n in _OLD_HEADERS if request.headers.get(n)), "")
