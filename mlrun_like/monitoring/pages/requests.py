"""Requests and answers of the pages: queries, forms, tokens against foreign forms, headers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Answer", "Request", "Tokens", "answer", "read_body"]

_COOKIE = "mlrun_like_pages"
_LARGEST = 16_384  # bytes of a form
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
        b"base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    body: bytes
    status: int = 200
    kind: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """What came in: method, the decoded parts of the path, query, headers."""

    method: str
    parts: list[str]
    query: dict[str, str]
    headers: dict[str, str]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Request:
        """The request of an ASGI scope."""
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0]
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        return cls(
            scope["method"],
            [unquote(part) for part in path.split("/") if part],
            {key: values[-1] for key, values in query.items()},
            headers,
        )

    @property
    def host(self) -> str:
        """The name the browser asked for, without a port."""
        return (urlsplit("//" + self.headers.get("host", "")).hostname or "").lower()

    @property
    def cookie(self) -> str:
        """The browser's own random text; empty if it has none."""
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            return ""
        return found.value if found else ""

    def is_of_our_page(self) -> bool:
        """Whether a form of our own page sent this, as far as the browser tells."""
        if self.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = self.headers.get("origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("host")


class Tokens:
    """Tokens that only our own pages know: each belongs to the cookie of one browser.

    >>> tokens = Tokens()
    >>> token = tokens.of("cookie")
    >>> tokens.is_valid("cookie", token), tokens.is_valid("other", token)
    (True, False)
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, cookie: str) -> str:
        """The token for a browser."""
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()

    def is_valid(self, cookie: str, token: str) -> bool:
        """Whether a form brought the right one."""
        return bool(cookie) and hmac.compare_digest(self.of(cookie).encode(), token.encode())

    @staticmethod
    def new_cookie() -> tuple[str, dict[str, str]]:
        """A random text, and the header that gives it to the browser."""
        value = secrets.token_urlsafe(24)
        return value, {"set-cookie": f"{_COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/"}


async def read_body(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> dict[str, str]:
    """The fields of a form.

    Raises:
        InvalidArgumentError: if it is too large, or the browser has gone.
    """
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidArgumentError("the form did not arrive")
        body += message.get("body", b"")
        if len(body) > _LARGEST:
            raise InvalidArgumentError(f"a form has at most {_LARGEST} bytes")
        if not message.get("more_body"):
            break
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return {key: values[-1] for key, values in fields.items()}


async def answer(
    send: Callable[[dict[str, Any]], Awaitable[None]], found: Answer, is_head: bool = False
) -> None:
    """Send an answer with the headers that all answers have."""
    headers = [
        (b"content-type", found.kind.encode()),
        (b"content-length", str(len(found.body)).encode()),
        *_HEADERS,
        *((key.encode(), value.encode("latin-1")) for key, value in found.headers.items()),
    ]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else found.body})
