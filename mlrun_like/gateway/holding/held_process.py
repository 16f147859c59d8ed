"""A gateway process, as its holder sees it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.gateway.holding.held_sockets import HeldSockets

__all__ = ["GatewayProcess", "say", "start_gateway"]


class GatewayProcess:
    """See above.

    Args:
        process: It.
        channel: To it: a message in JSON, maybe with sockets, in each packet.
    """

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self.process, self.channel = process, channel
        self.born = time.monotonic()
        self.is_ready = False
        self._drained = 0.0

    @property
    def is_late(self) -> bool:
        """Whether it hangs: it did not become ready, or did not end, in a time that is enough."""
        now, grace = time.monotonic(), float(config.gateway_grace)
        if self._drained:
            return now - self._drained > 3 * grace + 30.0
        slow = float(config.gateway_start_timeout) + 3 * grace
        return not self.is_ready and now - self.born > slow

    def drain(self) -> None:
        """Tell it to finish and end."""
        self._drained = time.monotonic()
        self.tell({"drain": True})

    def tell(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        """Send a message; a gateway that is gone is noticed elsewhere."""
        with contextlib.suppress(OSError):
            socket.send_fds(self.channel, [json.dumps(message).encode()], fds or [])


def start_gateway(sockets: HeldSockets) -> GatewayProcess:
    """Start a gateway process that listens on these sockets."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    held = sockets.by_name
    words = [f"{name}={item.fileno()}" for name, item in held.items()]
    command = [sys.executable, "-m", "mlrun_like.gateway.process", str(os.getpid())]
    try:
        process = subprocess.Popen(
            [*command, f"channel={theirs.fileno()}", *words],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), *(item.fileno() for item in held.values())],
            start_new_session=True,  # Ctrl-C is the holder's alone
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return GatewayProcess(process, ours)


def say(text: str) -> None:
    """Write a line to the log; a disk that is full must not end the holder."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{stamp} HOLDER {text}\n")
        sys.stderr.flush()
