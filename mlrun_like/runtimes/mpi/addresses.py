"""Where ranks are planned, and under which addresses hosts and submitter find each other."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from mlrun_like.runtimes.mpi.hosts import Host
from mlrun_like.runtimes.mpi.interfaces import interfaces

__all__ = ["own_addresses", "place", "resolve_name"]


def place(size: int, hosts: Sequence[Host]) -> list[str]:
    """The host of each rank: hosts are filled in order, what is left is dealt out.

    >>> place(4, [Host("a", 2), Host("b", 1)])
    ['a', 'a', 'a', 'b']
    """
    if not hosts:
        return [""] * size
    counts = [host.slots for host in hosts]
    short = size - sum(counts)
    for index in range(max(0, short)):
        counts[index % len(counts)] += 1
    names = [host.name for host, count in zip(hosts, counts, strict=True) for _ in range(count)]
    return names[:size]


def own_addresses(hosts: Sequence[Host], port: int, given: str = "") -> str:
    """Where the ranks find the submitter: its address towards each host.

    Args:
        hosts: Where they are; empty: here.
        port: The port.
        given: The address to tell instead.
    """
    if given:
        return f"{given}:{port}"
    found: list[str] = []
    for host in hosts:
        for family, _, _, _, address in _look_up(host.name):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                try:
                    sock.connect((address[0], 9))  # nothing is sent: it only chooses a route
                except OSError:
                    continue
                found.append(str(sock.getsockname()[0]))
    if len(found) < len(hosts):  # names that only the launch agent knows
        found += [address for _, address in interfaces()]
    return ",".join(f"{address}:{port}" for address in dict.fromkeys(found or ["127.0.0.1"]))


def _look_up(name: str) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_DGRAM))
    except (OSError, UnicodeError):
        return []


def resolve_name(name: str) -> set[str]:
    """The addresses of a host's name; none if it has none."""
    return {str(item[4][0]) for item in _look_up(name)}
