"""Where a service is: the one form of its address, and what it holds besides."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Address", "parse_address"]

_PORTS = {"http": 80, "https": 443}
_FORM = "http://host:port or https://host"


@dataclass(frozen=True)
class Address:
    """A service's address.

    Args:
        url: Its one form, without secrets and without a slash at the end.
        host: Its host.
        port: Its port.
        prefix: The path before all paths; empty, or `/…`.
        tls: Whether it is https.
        token: A token that was in it.
    """

    url: str
    host: str
    port: int
    prefix: str = ""
    tls: bool = False
    token: str = ""

    def __repr__(self) -> str:
        return f"Address({self.url!r})"

    @property
    def origin(self) -> str:
        """Scheme, host and port: whom a token is for."""
        return self.url[: len(self.url) - len(self.prefix)]

    @property
    def loopback(self) -> bool:
        """Whether it is this machine.

        >>> parse_address("http://127.0.0.1:8080").loopback
        True
        """
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> Address:
    """Read an address; the user part of it is a token.

    Raises:
        InvalidArgumentError: if it is none; what is wrong is told without its secrets.

    >>> parse_address("HTTP://Example.org:80/lab/").url
    'http://example.org/lab'
    """
    wrong = InvalidArgumentError(
        "the address of the tracking service cannot be read",
        where="setting 'dbpath'",
        fix=f"write {_FORM}",
    )
    try:
        parts = urlsplit(text.strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
        token = unquote(parts.password or parts.username or "")
    except ValueError:
        raise wrong from None
    named = f"{host}{parts.path}"
    if (
        scheme not in _PORTS
        or not host
        or parts.query
        or parts.fragment
        or not named.isascii()
        or any(c <= " " or c in '"<>\\^`{|}\x7f' for c in named)
        or any(c < " " or c > "~" for c in token)
    ):
        raise wrong
    prefix = parts.path.rstrip("/")
    for end in ("/api/v1", "/api"):  # copied from the documentation's page
        prefix = prefix.removesuffix(end)
    shown = f"[{host}]" if ":" in host else host
    if port not in (None, _PORTS[scheme]):
        shown += f":{port}"
    url = f"{scheme}://{shown}{prefix}"
    found = port if port is not None else _PORTS[scheme]
    return Address(url, host, found, prefix, scheme == "https", token)
