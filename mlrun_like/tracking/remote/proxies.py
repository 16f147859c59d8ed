"""By whom a request goes: the proxies that the environment names, never for this machine."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from mlrun_like.tracking.remote.address import Address

__all__ = ["Proxy", "proxy_for"]


class Proxy(NamedTuple):
    """A proxy; `user` is `name:password`."""

    host: str
    port: int
    user: str = ""


def proxy_for(address: Address) -> Proxy | None:
    """The proxy for a service (`http_proxy`, `https_proxy`, `no_proxy`); None: it needs none."""
    if address.loopback or proxy_bypass(address.host):
        return None
    text = getproxies().get("https" if address.tls else "http", "")
    if not text:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return None
    if not host:
        return None
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Proxy(host, port, user)
