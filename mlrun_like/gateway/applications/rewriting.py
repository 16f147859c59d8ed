"""Headers between clients and an application that knows nothing of the path it lives under."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Outside", "answer_headers", "request_head"]

Headers = list[tuple[bytes, bytes]]
_HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te"),
        *(b"proxy-connection", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)  # RFC 9110, section 7.6.1
_OURS = frozenset(
    {
        *(b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-prefix"),
        *(b"x-forwarded-port", b"x-real-ip", b"forwarded", b"x-script-name", b"expect", b"host"),
        b"content-length",
    }
)
_ADDRESSES = (b"location", b"content-location")


@dataclass(frozen=True)
class Outside:
    """How the client sees the application.

    Args:
        scheme: `http` or `https`.
        host: What the client sent as `Host`.
        prefix: The path that was taken off, such as `/shop/ui`; empty: none.
        client: The client's address.
    """

    scheme: str = "http"
    host: bytes = b""
    prefix: str = ""
    client: str = ""

    @classmethod
    def told_by(cls, headers: Headers) -> Outside:
        """What the gateway's front says of a request, in headers that no client can set.

        >>> Outside.told_by([(b"host", b"h"), (b"x-forwarded-prefix", b"/p/f")])
        Outside(scheme='http', host=b'h', prefix='/p/f', client='')
        """
        found = dict(headers)
        return cls(
            found.get(b"x-forwarded-proto", b"http").decode("latin-1"),
            found.get(b"x-forwarded-host") or found.get(b"host", b""),
            found.get(b"x-forwarded-prefix", b"").decode("latin-1"),
            found.get(b"x-forwarded-for", b"").decode("latin-1"),
        )


def request_head(
    method: bytes, target: bytes, headers: Headers, outside: Outside, *, upgrade: bool = False
) -> bytes:
    """The head of the request to the application, without the framing of its body.

    The client's `Host` stays, since applications compare it with `Origin`. What clients say about
    proxies is replaced by what is true.

    >>> print(request_head(b"GET", b"/a", [(b"te", b"x"), (b"b", b"c")], Outside(host=b"h")).decode(
    ...     ).replace("\\r\\n", "|"))
    GET /a HTTP/1.1|host: h|b: c|x-forwarded-host: h|x-forwarded-proto: http|
    """
    named = _named(headers)
    lines = [b"%b %b HTTP/1.1" % (method, target), b"host: " + (outside.host or b"localhost")]
    for name, value in headers:
        if name not in _HOP_BY_HOP and name not in _OURS and name not in named:
            lines.append(b"%b: %b" % (name, value))
    if upgrade:
        value = b", ".join(value for name, value in headers if name == b"upgrade")
        lines += [b"connection: Upgrade", b"upgrade: " + value]
    if outside.client:
        address = outside.client.encode("latin-1", "replace")
        lines += [b"x-forwarded-for: " + address, b"x-real-ip: " + address]
    lines += [b"x-forwarded-host: " + outside.host] if outside.host else []
    lines.append(b"x-forwarded-proto: " + outside.scheme.encode())
    if outside.prefix:
        lines.append(b"x-forwarded-prefix: " + outside.prefix.encode())
    return b"\r\n".join(lines) + b"\r\n"


def answer_headers(headers: Headers, outside: Outside, *, upgraded: bool = False) -> Headers:
    """The application's headers as the client shall see them.

    Addresses and the paths of cookies are put under the prefix unless they are there already.

    >>> outside = Outside(host=b"h:80", prefix="/p/ui")
    >>> answer_headers([(b"location", b"/login"), (b"set-cookie", b"a=1; Path=/")], outside)
    [(b'location', b'/p/ui/login'), (b'set-cookie', b'a=1; Path=/p/ui')]
    """
    named = _named(headers)
    found = []
    for name, value in headers:
        if name == b"content-length" or (
            (name in _HOP_BY_HOP or name in named) and not (upgraded and name == b"upgrade")
        ):
            continue
        if outside.prefix and name in _ADDRESSES:
            value = _address(value, outside)
        elif outside.prefix and name == b"set-cookie":
            value = _cookie(value, outside.prefix.encode())
        found.append((name, value))
    return found


def _named(headers: Headers) -> set[bytes]:
    """Headers that `Connection` declares to be for one hop only."""
    return {
        part.strip().lower()
        for name, value in headers
        if name == b"connection"
        for part in value.split(b",")
    } - {b"host", b"cookie", b"authorization", b"set-cookie", b"location", b"content-type"}


def _address(value: bytes, outside: Outside) -> bytes:
    try:
        parts = urlsplit(value.decode("latin-1"))
        host, path = parts.netloc, parts.path
    except ValueError:
        return value
    if host:
        name = host.rpartition(":")[0] or host
        ours = host.encode("latin-1") == outside.host
        if not ours and name not in ("127.0.0.1", "localhost", "0.0.0.0", "[::1]"):
            return value
        if not ours and outside.host:
            parts = parts._replace(netloc=outside.host.decode("latin-1"))
        parts = parts._replace(scheme=outside.scheme)
    elif not path.startswith("/"):
        return value  # relative to the page: it is right as it is
    if not _under(path, outside.prefix):
        parts = parts._replace(path=f"{outside.prefix}{path or '/'}")
    return parts.geturl().encode("latin-1")


def _cookie(value: bytes, prefix: bytes) -> bytes:
    parts = []
    for number, part in enumerate(value.split(b";")):
        name, _, path = part.partition(b"=")
        word = name.strip().lower()
        if number and word == b"path":
            path = path.strip()
            if not _under(path.decode("latin-1"), prefix.decode()):
                path = prefix + (path if path != b"/" and path.startswith(b"/") else b"")
            part = b" Path=" + path
        elif number and word == b"domain":
            continue  # of the address behind us
        parts.append(part)
    return b";".join(parts)


def _under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")
