"""The sockets that outlive gateways: the address, the private one, ports of functions."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.gateway.places import control_socket

__all__ = ["HeldSockets", "locked"]

_BACKLOG = 4096


class HeldSockets:
    """Listening sockets by name: `tcp`, `control`, `port:<number>`.

    Args:
        home: The gateway's folder; its private socket is made anew.

    Raises:
        ConflictError: if the port is in use.
        InvalidArgumentError: if the address does not exist on this machine.
    """

    def __init__(self, home: Path) -> None:
        self._path = control_socket(home)
        self.by_name = {"tcp": _tcp(config.gateway_host, config.gateway_port, "gateway_port")}
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)  # we have the lock: whoever made it is gone
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            control.bind(str(self._path))
        finally:
            os.umask(before)
        control.listen(_BACKLOG)
        control.setblocking(False)
        self.by_name["control"] = control

    @property
    def url(self) -> str:
        """The address of deployed functions."""
        if config.gateway_url:
            return str(config.gateway_url).rstrip("/")
        host, port = self.by_name["tcp"].getsockname()[:2]
        if host in ("0.0.0.0", "::"):
            host = "127.0.0.1" if host == "0.0.0.0" else "::1"
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if config.gateway_tls_cert else 'http'}://{host}:{port}"

    def port(self, number: int) -> socket.socket:
        """The socket of a function's own port, opened if it is not open.

        Raises:
            ConflictError: if it is in use.
            InvalidArgumentError: if there is no such port.
        """
        name = f"port:{number}"
        if name not in self.by_name:
            self.by_name[name] = _tcp(config.gateway_host, number, "port of a function")
        return self.by_name[name]

    def close_port(self, number: int) -> None:
        """Give a function's own port back."""
        held = self.by_name.pop(f"port:{number}", None)
        if held is not None:
            held.close()

    def close(self) -> None:
        """Give all back."""
        for item in self.by_name.values():
            item.close()
        self._path.unlink(missing_ok=True)


def locked(path: Path) -> Any:
    """Have a file's lock for as long as this process lives.

    Raises:
        ConflictError: if another process has it.
    """
    file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the process
    for pause in (*[0.02] * 10, 0.0):  # who only looks whether it is held has it for a moment
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(pause)
        else:
            return file
    file.close()
    raise ConflictError(
        "a gateway runs for this home already", where=str(path), fix="mlrun-like ps"
    )


def _tcp(host: str, port: int, what: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as exc:
        listener.close()
        if getattr(exc, "errno", 0) == errno.EADDRINUSE:
            raise ConflictError(
                f"port {port} of {host} is in use by another program",
                where=what,
                fix="MLRUN_LIKE_GATEWAY_PORT=8072, or end that program",
            ) from exc
        raise InvalidArgumentError(
            f"nothing can listen on {host}:{port}: {exc}",
            where=what,
            fix="MLRUN_LIKE_GATEWAY_HOST=127.0.0.1, MLRUN_LIKE_GATEWAY_PORT=8071",
        ) from exc
    listener.setblocking(False)
    return listener
