"""Writes that a browser makes with its cookie: they carry a text that other sites cannot know."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection, Request

from mlrun_like.errors import AccessDeniedError

__all__ = ["FIELD", "HEADER", "check_csrf", "csrf_of", "csrf_token"]

FIELD = "csrf_token"
HEADER = "x-csrf-token"
_MOST = 1 << 20


def csrf_token(secret: str) -> str:
    """The text that belongs to a session."""
    return hmac.new(secret.encode(), b"mlrun-like csrf", hashlib.sha256).hexdigest()


def csrf_of(request: HTTPConnection) -> str:
    """The text for the forms of this request's session; empty without one."""
    return str(request.scope.get("mlrun_like.csrf", ""))


async def check_csrf(request: Request, wanted: str, *, form: bool = True) -> None:
    """Refuse a write without the session's text in its header, or in its form if that may be read.

    Raises:
        AccessDeniedError: if it is missing or another.
    """
    given = request.headers.get(HEADER, "")
    if not given and form:
        given = await _in_form(request)
    if not given or not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise AccessDeniedError(
            "the form is out of date",
            fix=f"load the page again; programs send the header {HEADER}, or use a token",
        )


async def _in_form(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        size = request.headers.get("content-length", "")
        if not size.isdigit() or int(size) > _MOST:
            return ""
        # kept by the request, so that the handler reads it again
        body = await request.body()
        try:
            found = parse_qs(body.decode("utf-8"), max_num_fields=1000).get(FIELD, [""])
        except ValueError:
            return ""
        return found[0]
    if kind == "multipart/form-data":
        form = await request.form()
        value = form.get(FIELD, "")
        return value if isinstance(value, str) else ""
    return ""
