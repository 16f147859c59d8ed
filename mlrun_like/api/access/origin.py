"""Where a request comes from: through which proxies, by which name, from which page."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from mlrun_like.errors import AccessDeniedError, ConfigError, InvalidArgumentError

__all__ = [
    "SAFE",
    "Origin",
    "Proxies",
    "host_name",
    "is_local",
    "own_address",
    "refuse_foreign",
    "refuse_host",
    "safe_next",
]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip")
_LOCAL = frozenset({"localhost"})
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Origin:
    """Where a request comes from.

    Args:
        address: The caller's, as far as it is known for sure.
        https: Whether the caller's part of the way is encrypted.
        host: The name and port that the caller used.
        proxied: Whether a proxy says that it stands between.
    """

    address: str
    https: bool
    host: str
    proxied: bool

    @property
    def url(self) -> str:
        """`scheme://host[:port]` as the caller sees it."""
        return f"{'https' if self.https else 'http'}://{self.host}"


class Proxies:
    """The proxies whose headers count.

    Args:
        networks: Networks or addresses with commas.
        url: The service's address as callers see it. Who calls it by that name comes over https if
            it says so, whichever proxy is between: cookies must not be sent without.

    Raises:
        ConfigError: if one is none.
    """

    def __init__(self, networks: str = "", url: str = "") -> None:
        parts = urlsplit(url.lower())
        self._https = parts.netloc if parts.scheme == "https" else ""
        self._networks: list[_Network] = []
        for text in (part.strip() for part in networks.split(",")):
            if not text:
                continue
            try:
                self._networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError as exc:
                raise ConfigError(
                    f"service_trusted_proxies: {text!r} is no network",
                    fix="write networks with commas, such as 10.0.0.0/8,127.0.0.1",
                ) from exc

    def trusted(self, address: str) -> bool:
        """Whether an address is such a proxy's."""
        if not self._networks:
            return False
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)

    def origin(self, request: HTTPConnection) -> Origin:
        """Where a request comes from. Headers of strangers change nothing."""
        headers = request.headers
        address = request.client.host if request.client else ""
        https = request.url.scheme in ("https", "wss")
        host = headers.get("host", "")
        proxied = any(name in headers for name in _FORWARDED)
        if proxied and self.trusted(address):
            address = self._first_stranger(address, headers.getlist("x-forwarded-for"))
            scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
            https = scheme == "https" if scheme else https
            host = headers.get("x-forwarded-host", "").rpartition(",")[2].strip() or host
        https = https or (bool(self._https) and host.lower() == self._https)
        return Origin(address, https, host, proxied)

    def _first_stranger(self, address: str, lines: Sequence[str]) -> str:
        """From the right: each trusted proxy vouches for the one before it, and no other does."""
        for text in reversed(",".join(lines).split(",")):
            found = text.strip()
            try:
                ipaddress.ip_address(found)
            except ValueError:
                return address
            address = found
            if not self.trusted(found):
                break
        return address


def host_name(host: str) -> str:
    """The name in a Host header, without the port.

    >>> host_name("Localhost:8080"), host_name("[::1]:80"), host_name("a.example")
    ('localhost', '::1', 'a.example')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def is_local(name: str) -> bool:
    """Whether a host's name can mean this machine only."""
    if name in _LOCAL or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def refuse_host(origin: Origin, names: Iterable[str], *, local: bool) -> None:
    """Refuse a Host header that is not ours: another site's name may lead to this address.

    Raises:
        InvalidArgumentError: if so.
    """
    name = host_name(origin.host)
    known = frozenset(names)
    if name in known or (local and is_local(name)) or (not known and not local):
        return
    raise InvalidArgumentError(
        f"the service is not called {name[:80]!r}",
        fix="use its own address, or add the name to the setting service_hosts",
    )


def refuse_foreign(request: HTTPConnection, origin: Origin, own: str = "") -> None:
    """Refuse a write that a page of another site makes with this browser.

    Raises:
        AccessDeniedError: if so.
    """
    site = request.headers.get("sec-fetch-site", "")
    sender = request.headers.get("origin", "")
    foreign = site not in ("", "same-origin", "none")
    if sender:
        ours = {origin.url.lower(), own.lower()} - {""}
        foreign = foreign or sender.lower() not in ours
    elif not site and request.headers.get("referer"):
        parts = urlsplit(request.headers["referer"])
        foreign = f"{parts.scheme}://{parts.netloc}".lower() not in {origin.url, own}
    if foreign:
        raise AccessDeniedError(
            "this request comes from a page of another site",
            where=sender[:200] or site,
            fix="open the service's own page; behind a proxy set service_url, and "
            "service_trusted_proxies",
        )


def own_address(request: HTTPConnection, url: str = "", tls: bool = False) -> str:
    """Where others reach this service: what it is told, or the address that the request came to.

    Args:
        request: The request.
        url: The setting `service_url`.
        tls: Whether this process does TLS itself.
    """
    host, port = request.scope.get("server") or ("", None)
    if url or not port:
        return url.rstrip("/")
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}"


def safe_next(target: str, default: str = "/") -> str:
    """Where to go after a login: a path of this service, whatever was asked for.

    >>> safe_next("/projects/a?x=1"), safe_next("https://evil.example/"), safe_next("//evil")
    ('/projects/a?x=1', '/', '/')
    """
    if not target.startswith("/") or target.startswith(("//", "/\\")) or len(target) > 2000:
        return default
    if any(ord(letter) < 33 or letter == "\\" or ord(letter) > 126 for letter in target):
        return default
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or parts.path.startswith(("/login", "/logout", "/api/")):
        return default
    return target
