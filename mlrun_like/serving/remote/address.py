"""Where a request goes: a URL in the parts that HTTP/1.1 needs."""

from __future__ import annotations

import functools
import re
import ssl
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Address", "joined", "parse_url", "redirected", "tls_context"]

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+")
_IN_PATH = "/%:@!$&'()*+,;=~"
_IN_QUERY = _IN_PATH + "?"


class Address(NamedTuple):
    """A parsed URL.

    Args:
        scheme: `http` or `https`.
        host: The host's name or address.
        port: Its port.
        authority: The value of the header `Host`.
        target: Path and query, in ASCII.
    """

    scheme: str
    host: str
    port: int
    authority: str
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What connections can be shared for."""
        return self.scheme, self.host, self.port

    @property
    def shown(self) -> str:
        """The URL without its query, which may hold secrets."""
        return f"{self.scheme}://{self.authority}{self.target.partition('?')[0]}"


@functools.lru_cache(1024)
def parse_url(url: str) -> Address:
    """The parts of an http or https URL.

    >>> parse_url("http://Models.local:8080/v2/modèles?x=1")[1:]
    ('models.local', 8080, 'models.local:8080', '/v2/mod%C3%A8les?x=1')

    Raises:
        InvalidArgumentError: if it is not one.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = _PORTS.get(parts.scheme, 1) if parts.port is None else parts.port
    except (ValueError, UnicodeError, AttributeError, TypeError) as exc:
        raise _wrong(url, str(exc)) from exc
    if parts.scheme not in _PORTS:
        raise _wrong(url, f"its scheme is {parts.scheme[:20]!r}, not http or https")
    if not _HOST.fullmatch(host) or not port:
        raise _wrong(url, "it names no host" if port else "its port is 0")
    if parts.username or parts.password:
        raise _wrong(
            "http(s)://...@...", "it holds a user name or password; give the header Authorization"
        )
    authority = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        authority += f":{port}"
    target = quote(parts.path or "/", safe=_IN_PATH)
    if parts.query:
        target += "?" + quote(parts.query, safe=_IN_QUERY)
    return Address(parts.scheme, host, port, authority, target)


def joined(base: str, path: str) -> str:
    """`base` with a decoded URL path after it, which cannot leave it.

    >>> joined("http://host/v2/", "/models/a b?")
    'http://host/v2/models/a%20b%3F'

    Raises:
        InvalidArgumentError: if the path has a segment `.` or `..`.
    """
    kept = path.lstrip("/")
    if any(segment in (".", "..") for segment in kept.replace("\\", "/").split("/")):
        raise InvalidArgumentError(
            f"the path {path!r:.100} has a segment '.' or '..'",
            fix="send the path that is meant",
        )
    return f"{base.rstrip('/')}/{quote(kept, safe=_IN_PATH.replace('%', ''))}"


def redirected(url: str, location: str) -> str:
    """The absolute URL of a `Location` header."""
    return urljoin(url, location)


@functools.lru_cache(32)
def tls_context(authorities: str = "") -> ssl.SSLContext:
    """A context that checks certificates and host names.

    Args:
        authorities: A file with further trusted certificates; empty: those of the system.

    Raises:
        InvalidArgumentError: if the file cannot be read as certificates.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities:
        try:
            context.load_verify_locations(authorities)
        except (OSError, ssl.SSLError) as exc:
            raise InvalidArgumentError(
                f"{authorities!r} cannot be used as certificates: {exc}",
                fix="verify='/path/to/ca.pem', a file of certificates in PEM form",
            ) from exc
    return context


def _wrong(url: object, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{url!r:.200} is not a URL that can be called: {reason}",
        fix="give a URL such as http://host:8080/path",
    )
