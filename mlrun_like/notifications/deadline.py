"""An end to conversations with receivers that answer so slowly that they never finish.

A socket's own limit counts from one byte to the next. Who sends a byte every few seconds would hold
a thread for ever; here all of a conversation has a limit.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import smtplib
import socket
import threading
import urllib.request
from types import TracebackType
from typing import Any

from mlrun_like.notifications.inside import address_for, connect

__all__ = ["Deadline", "handlers", "watched"]

_MOST = 4
"""Connections that are watched at a time."""


class Deadline:
    """Breaks off the connections that it watches when the time is over.

    Args:
        seconds: How long all of it may take.

    Attributes:
        passed: Whether the time was over.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._break_off)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._watched:
                watched.close()
            self._watched.clear()

    def watch(self, connection: Any) -> None:
        """Break this connection off too, if the time is over."""
        # a second handle of the same connection: the first becomes a TLS socket, or is closed
        handle = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            if len(self._watched) == _MOST:
                self._watched.pop(0).close()
            self._watched.append(handle)
            if self.passed:
                _shut(handle)

    def _break_off(self) -> None:
        with self._lock:
            self.passed = True
            for watched in self._watched:
                _shut(watched)


def handlers(deadline: Deadline, context: Any) -> list[urllib.request.BaseHandler]:
    """What makes `urllib.request.build_opener` watch its connections.

    Args:
        deadline: What watches them.
        context: The `ssl.SSLContext` of `https` addresses.
    """

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            self.__dict__["_create_connection"] = connect
            super().connect()
            deadline.watch(self.sock)

    # the order matters: its own `connect` calls Plain's, before it begins with TLS
    class Secure(http.client.HTTPSConnection, Plain):
        pass

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req, context=context)

    return [PlainHandler(), SecureHandler(context=context)]


def watched(kind: type[smtplib.SMTP], deadline: Deadline) -> type[smtplib.SMTP]:
    """A class of mail clients whose connections are watched, from the greeting on.

    Args:
        kind: `smtplib.SMTP` or `smtplib.SMTP_SSL`.
        deadline: What watches them.
    """

    def getreply(self: smtplib.SMTP) -> tuple[int, bytes]:
        deadline.watch(self.sock)
        return kind.getreply(self)

    def reach(self: smtplib.SMTP, host: str, port: int, *more: Any) -> tuple[int, bytes]:
        # TLS compares the certificate with the name, which it has from before
        return kind.connect(self, address_for(host, port), port, *more)

    return type(kind.__name__, (kind,), {"getreply": getreply, "connect": reach})


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
