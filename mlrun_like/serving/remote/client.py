"""Calls other servers: from a thread or an event loop, with retries, over kept connections."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

from mlrun_like.serving.remote.connections import LoopPool
from mlrun_like.serving.remote.sockets import SocketPool
from mlrun_like.serving.remote.trying import Pause, Request, Retries, tries
from mlrun_like.serving.remote.wire import Answer, Fault

__all__ = ["HttpClient"]


class HttpClient:
    """An HTTP/1.1 client for threads and event loops.

    Certificates and host names are checked. Connections are kept for the next request to the same
    server: those of threads in one pool, those of each event loop in its own. Not supported:
    proxies, cookies, HTTP/2.

    Args:
        authorities: A file (PEM) with certificates to trust besides the system's.

    >>> HttpClient().send(Request("GET", "http://127.0.0.1:1/", {}), Retries(0)).kind
    'unsent'
    """

    def __init__(self, authorities: str = "") -> None:
        self._authorities = authorities
        self._sockets: SocketPool | None = None
        self._pools: dict[asyncio.AbstractEventLoop, LoopPool] = {}
        self._lock = threading.Lock()

    def send(
        self,
        request: Request,
        retries: Retries,
        timeout: float = 300.0,
        deadline: float | None = None,
    ) -> Answer | Fault:
        """The answer, or why there is none; arguments as for `tries`.

        Raises:
            InvalidArgumentError: if the URL, the method or a header cannot be used.
        """
        with self._lock:
            if self._sockets is None or self._sockets.process != os.getpid():
                self._sockets = SocketPool(self._authorities)  # connections cannot be inherited
            pool = self._sockets
        steps = tries(request, retries, timeout, deadline)
        found: Any = None
        try:
            while True:
                command = steps.send(found)
                if isinstance(command, Pause):
                    time.sleep(command.seconds)
                else:
                    found = pool.send(command)
        except StopIteration as stop:
            answer: Answer | Fault = stop.value
            return answer

    async def send_async(
        self,
        request: Request,
        retries: Retries,
        timeout: float = 300.0,
        deadline: float | None = None,
    ) -> Answer | Fault:
        """The same for an event loop."""
        pool = self._pool()
        steps = tries(request, retries, timeout, deadline)
        found: Any = None
        try:
            while True:
                command = steps.send(found)
                if isinstance(command, Pause):
                    await asyncio.sleep(command.seconds)
                else:
                    found = await pool.send(command)
        except StopIteration as stop:
            answer: Answer | Fault = stop.value
            return answer

    def close(self) -> None:
        """Close the connections that are not in use; the client may be used again."""
        with self._lock:
            sockets, self._sockets = self._sockets, None
            pools, self._pools = self._pools, {}
        if sockets is not None:
            sockets.close()
        for loop, pool in pools.items():
            if loop.is_running():
                loop.call_soon_threadsafe(pool.close)

    def _pool(self) -> LoopPool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            with self._lock:
                kept = {old: pool for old, pool in self._pools.items() if not old.is_closed()}
                pool = kept[loop] = LoopPool(loop, self._authorities)
                self._pools = kept
        return pool
