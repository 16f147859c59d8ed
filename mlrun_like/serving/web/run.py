"""An application on a socket, run by uvicorn."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import socket
import threading
import time
from typing import Any

import uvicorn

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError
from mlrun_like.registry import resolve
from mlrun_like.serving.web.app import GraphApp
from mlrun_like.serving.web.sockets import url_of
from mlrun_like.serving.web.watcher import Watcher

__all__ = ["HttpServer", "RunningServer"]

_KEEP_ALIVE = 75  # seconds; longer than proxies keep their side (60), so that they close first


class HttpServer(uvicorn.Server):
    """uvicorn's server with our protocol, and one event loop for all that the graph does.

    With httptools it uses `protocol.py`; without, or if something is mounted, a protocol of
    uvicorn's. The event loop is uvloop's if that is installed.

    Args:
        app: The application.
        linger: Seconds that unused connections are kept when the server ends.
    """

    def __init__(self, app: GraphApp, *, linger: float = 0.0) -> None:
        self.watcher = Watcher(app.answers, _KEEP_ALIVE, linger)
        ours = not app.mounts and importlib.util.find_spec("httptools") is not None
        protocol: Any = _Protocol(self.watcher) if ours else "auto"
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="auto" if app.mounts else "none",
                lifespan="on",
                log_config=None,  # logging belongs to the program, not to a library
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=max(1, math.ceil(config.serving_grace)),
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End gracefully (called by uvicorn)."""
        self.watcher.draining = True  # also for connections that are being made just now
        await super().shutdown(sockets)


class _Protocol:
    """Makes a connection for uvicorn, as if it were a class of connections."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._made = resolve("mlrun_like.serving.web.protocol:GraphProtocol")

    def __call__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> Any:
        self._watcher.join(server_state.connections, server_state.tasks)
        return self._made(self._watcher)


class RunningServer:
    """A graph that answers on `url` until `stop()`, or to the end of a `with` block."""

    def __init__(self, app: GraphApp, listening: socket.socket) -> None:
        self.url = url_of(listening)
        self.app = app
        self._server = server = HttpServer(app)
        self._thread = threading.Thread(
            target=_run, args=(server, listening), name="graph-http", daemon=True
        )
        self._thread.start()
        while not server.started:
            if not self._thread.is_alive():
                listening.close()
                raise ConflictError(f"the server did not start on {self.url}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Finish running requests (for some seconds) and free the port; twice is harmless."""
        self._server.should_exit = True
        self._thread.join(config.serving_grace + 1)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(1)

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def _run(server: uvicorn.Server, listening: socket.socket) -> None:
    with contextlib.suppress(SystemExit):  # how uvicorn says that an application did not start
        server.run(sockets=[listening])
