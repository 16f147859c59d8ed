"""Who may call: bearer tokens, and web pages of other origins (CORS)."""

from __future__ import annotations

import hmac

from mlrun_like.serving.event import Response
from mlrun_like.serving.web.answer import refusal
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.request import RawHeaders

__all__ = ["Access"]

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_DAY = "86400"


class Access:
    """The decision about each request, from the options.

    >>> access = Access(WebOptions(token="s3cret"))
    >>> access.refuse("POST", [(b"authorization", b"Bearer wrong")]).status_code
    401
    """

    def __init__(self, options: WebOptions) -> None:
        self._token = options.token.encode("utf-8")
        self._origins = frozenset(origin.encode("utf-8") for origin in options.cors_origins)
        self.everything = not self._token and not self._origins
        """Whether there is nothing to decide."""

    def refuse(self, method: str, headers: RawHeaders) -> Response | None:
        """The answer to a request that may not pass, or None.

        A browser's question before the request itself (preflight) is answered here too.
        """
        if self._origins and method == "OPTIONS":
            asked = {name for name, _ in headers}
            if b"origin" in asked and b"access-control-request-method" in asked:
                return Response(None, 204)
        if not self._token or self._may(headers):
            return None
        return refusal(
            401,
            "unauthorized",
            "the request has no valid token",
            "send the header  Authorization: Bearer <token>",
            WWW_Authenticate="Bearer",
        )

    def headers(self, headers: RawHeaders) -> RawHeaders:
        """What the answer to a web page of another origin must carry."""
        if not self._origins:
            return []
        origin = next((value for name, value in headers if name == b"origin"), b"")
        found = [(b"vary", b"Origin")]
        if origin in self._origins or (origin and b"*" in self._origins):
            asked = [v for name, v in headers if name == b"access-control-request-headers"]
            found.append((b"access-control-allow-origin", origin))
            found.append((b"access-control-expose-headers", b"*"))
            if any(name == b"access-control-request-method" for name, _ in headers):
                found.append((b"access-control-allow-methods", _METHODS.encode()))
                found.append((b"access-control-max-age", _DAY.encode()))
                found += [(b"access-control-allow-headers", value) for value in asked[:1]]
        return found

    def _may(self, headers: RawHeaders) -> bool:
        given = next((value for name, value in headers if name == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        # both the comparison and its order take the same time whatever was sent
        same = hmac.compare_digest(token.strip(), self._token)
        return same and scheme.lower() == b"bearer"
