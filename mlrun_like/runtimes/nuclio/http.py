"""Requests to Nuclio's dashboard and to deployed functions."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from mlrun_like.errors import EngineError, InvalidArgumentError

__all__ = ["Reply", "request", "without_password"]

_AGAIN = frozenset({502, 503, 504})
_SAFE = "!$%&'()*+,-./:;=?@[]_~"


class Reply(NamedTuple):
    """What was answered; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as data, or None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def told(self) -> str:
        """What an answer of failure says of its cause, in one line."""
        found = self.json()
        text = found.get("error") if isinstance(found, dict) else None
        shown = text if isinstance(text, str) and text else self.body.decode("utf-8", "replace")
        return " ".join(shown.split())[:500] or f"status {self.status}"


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float = 30.0,
    verify: bool = True,
    attempts: int = 1,
) -> Reply:
    """Send one request.

    Args:
        method: HTTP method.
        url: Address; a user and password in it are sent as basic authentication.
        body: Content.
        headers: Headers.
        timeout: Seconds to wait for the connection, and for each part of the answer.
        verify: Whether the server's certificate must be valid.
        attempts: How often it is sent when nobody answers or the answer is 502, 503 or 504. More
            than one is for requests that may be repeated.

    Raises:
        InvalidArgumentError: if the URL is none.
        EngineError: if nobody answers.
    """
    for number in range(1, attempts + 1):
        try:
            reply = _once(method, url, body, headers or {}, timeout, verify)
        except (OSError, http.client.HTTPException) as exc:
            if number == attempts:
                raise EngineError(
                    f"{without_password(url)} cannot be reached: {exc or type(exc).__name__}",
                    where=f"{method} {without_password(url)}",
                    fix="check the address and that the service runs",
                ) from exc
        else:
            if reply.status not in _AGAIN or number == attempts:
                return reply
        time.sleep(min(0.2 * 2**number, 3.0))
    raise InvalidArgumentError(f"attempts must be 1 or more, not {attempts!r}")


def without_password(url: str) -> str:
    """A URL as it may be shown.

    >>> without_password("http://me:secret@host/x")
    'http://***@host/x'
    """
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    host = place.rpartition("@")
    return f"{scheme}{mark}{'***@' if host[1] else ''}{host[2]}{slash}{path}"


def _once(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout: float,
    verify: bool,
) -> Reply:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise InvalidArgumentError(f"{without_password(url)!r:.120} is no URL: {exc}") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError(
            f"{without_password(url)!r:.120} is no URL", fix="such as http://localhost:8070"
        )
    sent = dict(headers)
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        token = base64.b64encode(pair.encode()).decode()
        sent.setdefault("Authorization", f"Basic {token}")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        tls = ssl.create_default_context() if verify else ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(parts.hostname, port, timeout=timeout, context=tls)
    else:
        connection = http.client.HTTPConnection(parts.hostname, port, timeout=timeout)
    target = quote(parts.path or "/", _SAFE) + (
        f"?{quote(parts.query, _SAFE)}" if parts.query else ""
    )
    try:
        connection.request(method, target, body=body, headers=sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    except ValueError as exc:  # a header with a line end
        raise InvalidArgumentError(f"the request cannot be sent: {exc}") from exc
    finally:
        connection.close()
