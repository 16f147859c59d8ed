"""One HTTP request of a notification."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import EngineError, InvalidArgumentError

__all__ = ["TIMEOUT", "send_json"]

TIMEOUT = 10.0
"""Seconds that a server has to answer."""


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
    try:
        request = urllib.request.Request(url, data, method=method.upper())
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            request.add_header(str(name), str(value))
        opener = urllib.request.build_opener(
            _NoRedirects, urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as exc:
        with exc:
            said = exc.read(300).decode("utf-8", "replace").strip()
        kind = EngineError if exc.code >= 500 or exc.code == 429 else InvalidArgumentError
        raise kind(f"the server answered {exc.code} {exc.reason}: {said}".rstrip(": ")) from None
    except (ValueError, OSError) as exc:  # URLError and timeouts are OSErrors
        if isinstance(exc, ValueError):
            raise InvalidArgumentError(f"its URL or a header cannot be used: {exc}") from None
        reason = getattr(exc, "reason", None) or exc
        raise EngineError(f"the server cannot be reached: {reason}") from None
