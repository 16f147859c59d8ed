"""The pages on a socket, run by uvicorn."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import uvicorn

from mlrun_like.errors import ConflictError
from mlrun_like.monitoring.pages.app import PagesApp
from mlrun_like.serving.web.sockets import listen, url_of

__all__ = ["RunningPages", "serve"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve(
    host: str = "127.0.0.1",
    port: int = 8090,
    *,
    project: str = "",
    read_only: bool = False,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serve the pages until Ctrl+C.

    Args:
        host: Where to listen; others than this machine can look unless it is a loopback address.
        port: The port; 0: any free one.
        project: Only this project; empty: all.
        read_only: Whether nothing can be changed.
        started: Called with the address once it listens.

    Raises:
        ConflictError: if the port is taken.
    """
    listening = listen(host, port)
    server = _server(_app(host, project, read_only))
    if started is not None:
        started(url_of(listening))
    server.run(sockets=[listening])


class RunningPages:
    """Pages that are served in a thread until `stop()`, or to the end of a `with` block.

    Args:
        host: See `serve`.
        port: See `serve`.
        project: See `serve`.
        read_only: See `serve`.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        project: str = "",
        read_only: bool = False,
    ) -> None:
        listening = listen(host, port)
        self.url = url_of(listening)
        self._server = _server(_app(host, project, read_only))
        self._thread = threading.Thread(
            target=_run, args=(self._server, listening), name="pages", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                listening.close()
                raise ConflictError(f"the pages did not start on {self.url}")
            time.sleep(0.005)

    def stop(self) -> None:
        """End it and free the port; twice is harmless."""
        self._server.should_exit = True
        self._thread.join(5)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(2)

    def __enter__(self) -> RunningPages:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def _app(host: str, project: str, read_only: bool) -> PagesApp:
    hosts = _LOOPBACK if host in _LOOPBACK else ()
    return PagesApp(project, read_only=read_only, hosts=hosts)


def _server(app: PagesApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
    )


def _run(server: uvicorn.Server, listening: socket.socket) -> None:
    with contextlib.suppress(SystemExit):  # how uvicorn says that it did not start
        server.run(sockets=[listening])
