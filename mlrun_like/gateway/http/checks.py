"""What no function should have to look at: heads that are wrong, too long, or unclear."""

from __future__ import annotations

from mlrun_like.gateway.http.answers import Refusal, refusal

__all__ = [
    "COMMON", "DOUBLED", "HOP", "MOST_HEAD", "MOST_HEADERS", "MOST_URL", "NOTED", "PASSED",
    "SIMPLE", "TOO_LONG_HEAD", "TOO_LONG_URL", "is_host", "stays", "too_large", "wrong",
]  # fmt: skip

MOST_HEAD = 64 * 1024
MOST_HEADERS = 256
MOST_URL = 16 * 1024
_MOST_HOSTS = 4096  # host names that are remembered
_LONGEST_HOST = 300
_SWALLOWED = 64 * 1024  # bytes of a refused request's body that are read so that the client stays

COMMON = frozenset(
    {
        b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"content-type",
        b"cookie", b"if-none-match", b"referer", b"user-agent",
    }
)  # fmt: skip
"""Headers that the gateway only passes on: looked up first, since they are most of all."""
SIMPLE = frozenset({b"authorization", b"content-length", b"host", b"origin"})
"""Headers that the gateway looks at and that do not change how it reads a request."""
NOTED = SIMPLE | {
    b"access-control-request-method", b"connection", b"expect", b"idempotency-key",
    b"transfer-encoding", b"upgrade", b"x-request-id",
}  # fmt: skip
"""Headers that the gateway looks at."""
PASSED = SIMPLE | {b"access-control-request-method", b"idempotency-key"}
"""Those of them that the function sees as they are."""
HOP = frozenset(
    {
        b"forwarded", b"http2-settings", b"keep-alive", b"proxy-authorization",
        b"proxy-connection", b"te", b"trailer",
    }
)  # fmt: skip
"""Headers that concern this connection only (RFC 9110, section 7.6.1)."""
DOUBLED = b""
"""Stands among the noted headers when one of them came twice."""

TOO_LONG_URL = refusal(414, "url", f"the URL is longer than {MOST_URL} bytes")
TOO_LONG_HEAD = refusal(431, "headers", f"the head is over {MOST_HEAD} bytes")
_hosts: set[bytes | None] = set()


def is_host(host: bytes | None) -> bool:
    """Whether the header `Host` names one; right ones are remembered.

    >>> is_host(b"a.example:80"), is_host(b"a b"), is_host(b"a/b"), is_host(None)
    (True, False, False, False)
    """
    if host in _hosts:
        return True
    if host is None or len(host) > _LONGEST_HOST or not host.isascii():
        return False
    if any(mark in host for mark in b" /,@\\?#\t") or any(letter < 32 for letter in host):
        return False
    if len(_hosts) >= _MOST_HOSTS:
        _hosts.clear()
    _hosts.add(host)
    return True


def wrong(
    version: str,
    url: bytes,
    headers: list[tuple[bytes, bytes]],
    noted: dict[bytes, bytes],
    is_long: bool,
) -> Refusal | None:
    """What is wrong with a head, if anything is.

    Args:
        version: `1.1`, `1.0`.
        url: As sent.
        headers: Those that are passed on.
        noted: Those that the gateway looks at.
        is_long: Whether the head may be longer than it may be.
    """
    if version not in ("1.1", "1.0"):
        return refusal(505, "http", f"HTTP/{version} is not spoken here")
    if len(url) > MOST_URL:
        return TOO_LONG_URL
    if len(headers) > MOST_HEADERS:
        return refusal(431, "headers", f"there are more than {MOST_HEADERS} headers")
    if is_long and sum(len(name) + len(value) for name, value in headers) > MOST_HEAD:
        return TOO_LONG_HEAD
    if DOUBLED in noted:
        return refusal(400, "http", "a header that may come once came twice")
    if b"transfer-encoding" in noted:
        if b"content-length" in noted or version != "1.1":
            return refusal(400, "http", "a body has one length: content-length or chunked")
        if noted[b"transfer-encoding"].strip().lower() != b"chunked":
            return refusal(501, "http", "the only transfer encoding known here is chunked")
    host = noted.get(b"host")
    if host is None:
        return None if version == "1.0" else refusal(400, "http", "the header Host is missing")
    if host and not is_host(host):
        return refusal(400, "http", "the header Host names no host")
    return None


def stays(method: bytes, url: bytes, noted: dict[bytes, bytes]) -> bool:
    """Whether a refused client may go on: a little is read, but nobody waits for much.

    Args:
        method: As sent.
        url: As sent; other forms than a path are not for this server.
        noted: Headers that the gateway looks at.
    """
    length = noted.get(b"content-length", b"0")
    if len(length) > 6 or int(length) > _SWALLOWED or url[:1] != b"/" or method == b"CONNECT":
        return False
    return b"transfer-encoding" not in noted and b"expect" not in noted


def too_large(most: int) -> Refusal:
    """The answer to a body that is longer than the function takes."""
    return refusal(
        413, "too_large", f"the body is over {most} bytes", "raise max_body of the function"
    )
