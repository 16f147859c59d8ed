"""Which ports a group of processes listens on, as the kernel says (proc(5))."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import NamedTuple

from mlrun_like.gateway.applications.keeper import descendants

__all__ = ["Listener", "listeners_of"]

_LISTENING = "0A"


class Listener(NamedTuple):
    """A listening socket.

    Args:
        port: Its port.
        host: An address to reach it at from this machine.
    """

    port: int
    host: str


def listeners_of(pid: int) -> list[Listener]:
    """Where a process and those below it listen; by port.

    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     Listener(server.getsockname()[1], "127.0.0.1") in listeners_of(os.getpid())
    True
    """
    held = set()
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{one}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(entry.path)
                    if target.startswith("socket:["):
                        held.add(target[8:-1])
    found = set()
    for name in ("tcp6", "tcp"):
        with (
            contextlib.suppress(OSError),
            open(f"/proc/{pid}/net/{name}", encoding="ascii") as file,
        ):
            for line in list(file)[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and fields[9] in held:
                    found.add(_listener(fields[1]))
    return sorted(found)


def _listener(text: str) -> Listener:
    address, _, port = text.partition(":")
    words = [address[at : at + 8] for at in range(0, len(address), 8)]
    packed = b"".join(struct.pack("=I", int(word, 16)) for word in words)
    if len(packed) == 4:
        host = socket.inet_ntop(socket.AF_INET, packed)
        return Listener(int(port, 16), "127.0.0.1" if host == "0.0.0.0" else host)
    host = socket.inet_ntop(socket.AF_INET6, packed)
    if host == "::":  # of both families, as far as the application did not forbid it
        host = "localhost"
    return Listener(int(port, 16), host.removeprefix("::ffff:"))
