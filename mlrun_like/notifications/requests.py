"""One HTTP request of a notification."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.notifications.deadline import Deadline, handlers
from mlrun_like.notifications.inside import address_for

__all__ = ["LONGEST", "TIMEOUT", "send_json"]

TIMEOUT = 10.0
"""Seconds that a server may be silent."""
LONGEST = 30.0
"""Seconds that all of a delivery may take."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What a server redirects to must not get the message and its token."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow no redirection: it is an answer like any other."""


def send_json(
    url: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    verify: bool = True,
) -> None:
    """Send a value as JSON.

    Args:
        url: `http://...` or `https://...`.
        body: Plain data.
        headers: More headers.
        method: The request's.
        verify: Check the server's certificate.

    Raises:
        InvalidArgumentError: if the URL cannot be used, or the server refused the message: the
            same message again would be refused too.
        EngineError: if it cannot be reached, or is not well; later it may.
    """
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        raise InvalidArgumentError("its URL must begin with http:// or https://")
    data = json.dumps(body, default=str).encode()
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Deadline(LONGEST) as deadline:
        try:
            # a proxy would call what this process itself may not
            if config.guarded:
                parts = urlsplit(url)
                address_for(parts.hostname or "", parts.port or 443)
            request = urllib.request.Request(url, data, method=method.upper())
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                request.add_header(str(name), str(value))
            opener = urllib.request.build_opener(_NoRedirects, *handlers(deadline, context))
            with opener.open(request, timeout=TIMEOUT):
                return
        except (ValueError, OSError, http.client.HTTPException) as exc:
            failure = _failure(exc)
        if deadline.passed:
            failure = EngineError(f"the server has not answered within {LONGEST:g} seconds")
    raise failure


def _failure(exc: Exception) -> EngineError | InvalidArgumentError:
    """What a request's error means; URLError and timeouts are OSErrors."""
    if isinstance(exc, urllib.error.HTTPError):
        said = ""
        with exc, contextlib.suppress(OSError, http.client.HTTPException):
            said = exc.read(300).decode("utf-8", "replace").strip()
        text = f"the server answered {exc.code} {exc.reason}: {said}".rstrip(": ")
        if exc.code >= 500 or exc.code == 429:
            return EngineError(text)
        return InvalidArgumentError(text)
    if isinstance(exc, http.client.InvalidURL):
        return InvalidArgumentError(f"its URL cannot be used: {exc}")
    if isinstance(exc, http.client.HTTPException):
        # what answered does not speak HTTP, or broke off
        return EngineError(f"the server's answer is no HTTP: {exc!r:.100}")
    if isinstance(exc, ValueError):
        return InvalidArgumentError(f"its URL or a header cannot be used: {exc}")
    return EngineError(f"the server cannot be reached: {getattr(exc, 'reason', None) or exc}")
