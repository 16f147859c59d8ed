"""The network interfaces of this machine and their IPv4 addresses (Linux: netdevice(7))."""

from __future__ import annotations

import array
import importlib
import socket
import sys

__all__ = ["interfaces"]

_SIOCGIFADDR = 0x8915
_LONGEST_NAME = 15


def interfaces() -> list[tuple[str, str]]:
    """`(name, address)` of each interface that has an address, this machine's loop last."""
    if not sys.platform.startswith("linux"):
        return [("lo", "127.0.0.1")]
    ask = importlib.import_module("fcntl").ioctl  # not on every system
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            request = array.array("B", name.encode()[:_LONGEST_NAME].ljust(40, b"\0"))
            try:
                ask(sock.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # it has no address
            found.append((name, socket.inet_ntoa(request.tobytes()[20:24])))
    return sorted(found, key=lambda item: item[1].startswith("127."))
