"""Where a process calls somebody for others: not what stands inside of its own network.

A service sends messages to addresses that its users write. Its own place in the network must not
become theirs: what they cannot reach themselves (metadata of a cloud, databases, admin pages) is
not called for them, by whatever name or form of an address. A name is looked up once, and the
address that was checked is the one that is called.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, ConfigError, StoreUnavailableError

__all__ = ["address_for", "connect", "public_address"]

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def public_address(host: str, port: int) -> str:
    """The address to call for a host.

    Raises:
        AccessDeniedError: if any of its addresses is private, local or else not public: such a name
            was made to lead to services inside.
        StoreUnavailableError: if it has none.
    """
    return _checked(host, port, [])


def address_for(host: str, port: int) -> str:
    """What to call for a host that somebody named: in a guarded process its public address.

    Raises:
        AccessDeniedError: if the process is guarded, and the host stands inside.
        StoreUnavailableError: if it has no address.
        ConfigError: if the setting `notification_hosts` cannot be read.
    """
    if not config.guarded:
        return host
    names = [name.strip().lower() for name in config.notification_hosts.split(",") if name.strip()]
    if "*" in names or host.lower().strip("[]") in names:
        return host
    return _checked(host.strip("[]"), port, [_network(one) for one in names if _is_network(one)])


def connect(address: tuple[str, int], *more: Any) -> socket.socket:
    """As `socket.create_connection`, to where this process may call."""
    host, port = address
    if host.lower() in _proxies():
        return socket.create_connection(address, *more)
    return socket.create_connection((address_for(host, port), port), *more)


def _checked(host: str, port: int, inside: list[_Network]) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise StoreUnavailableError(f"the host {host!r} is not known") from exc
    addresses = [str(one[4][0]) for one in found]
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if any(address in network for network in inside):
            continue
        inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
        for one in (address, inner):
            if one is not None and (not one.is_global or one.is_multicast or one.is_reserved):
                raise AccessDeniedError(
                    f"the service does not call {host!r}: {text} is not a public address"
                )
    if not addresses:
        raise StoreUnavailableError(f"the host {host!r} has no address")
    return addresses[0]


def _is_network(text: str) -> bool:
    return "/" in text or text.replace(".", "").isdigit() or ":" in text


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as exc:
        raise ConfigError(
            f"notification_hosts: {text!r} is no network", fix="write mail.corp,10.1.0.0/16"
        ) from exc


def _proxies() -> frozenset[str]:
    """Hosts that whoever runs this process lets all calls go through."""
    found = (urlsplit(text if "://" in text else f"//{text}") for text in getproxies().values())
    return frozenset((one.hostname or "").lower() for one in found) - {""}
