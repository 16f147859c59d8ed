"""A graph on a port: in the background for programs and tests, or blocking for the command line."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.serving.asgi import GraphApp
from mlrun_like.serving.graph import Graph, GraphStep
from mlrun_like.serving.server import GraphServer

__all__ = ["RunningServer", "serve", "serve_forever"]

_GRACE = 5.0  # seconds that running requests get when the server stops


class RunningServer:
    """A graph that answers on `url` until `stop()`, or to the end of a `with` block."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket) -> None:
        self.url = _url(listening)
        self._server = server
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="graph-http", daemon=True
        )
        self._thread.start()
        while not server.started:
            if not self._thread.is_alive():
                raise ConflictError(f"the server did not start on {self.url}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Finish running requests (for some seconds) and free the port; twice is harmless."""
        self._server.should_exit = True
        self._thread.join(_GRACE + 1)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(1)

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def serve(
    graph: Graph | GraphStep, host: str = "127.0.0.1", port: int = 0, *, namespace: Any = None
) -> RunningServer:
    """Serve a graph over HTTP from a background thread.

    Args:
        graph: The graph, or any step of it.
        host: Address to listen on; `"0.0.0.0"` lets other machines in.
        port: Port; 0 picks a free one.
        namespace: Where names of classes and functions are looked up; by default the calling
            module.

    Raises:
        GraphError: naming every mistake of the graph.
        ConflictError: if the port is taken.

    >>> import urllib.request
    >>> from mlrun_like.serving.graph import flow
    >>> with serve(flow().to(abs).respond()) as server:
    ...     urllib.request.urlopen(server.url, data=b"-3").read()
    b'3'
    """
    found = sys._getframe(1).f_globals if namespace is None else namespace
    server, listening = _prepare(graph, found, host, port)
    return RunningServer(server, listening)


def serve_forever(
    graph: Graph | GraphStep,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    namespace: Any = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serve a graph until the process is told to end (Ctrl-C, SIGTERM).

    Args:
        graph: The graph, or any step of it.
        host: Address to listen on.
        port: Port; 0 picks a free one.
        namespace: As for `serve`.
        started: Called with the URL just before requests are answered.

    Raises:
        GraphError: naming every mistake of the graph.
        ConflictError: if the port is taken.
    """
    found = sys._getframe(1).f_globals if namespace is None else namespace
    server, listening = _prepare(graph, found, host, port)
    if started is not None:
        started(_url(listening))
    server.run(sockets=[listening])


def _prepare(
    graph: Graph | GraphStep, namespace: Any, host: str, port: int
) -> tuple[uvicorn.Server, socket.socket]:
    graph = graph.graph if isinstance(graph, GraphStep) else graph
    listening = _listen(host, port)
    try:
        app = GraphApp(GraphServer(graph, namespace))
    except BaseException:
        listening.close()
        raise
    settings = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        log_config=None,  # logging belongs to the program, not to a library
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(_GRACE),
    )
    return uvicorn.Server(settings), listening


def _listen(host: str, port: int) -> socket.socket:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise InvalidArgumentError(f"port {port!r} must be a whole number from 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as exc:
        listening.close()
        raise ConflictError(
            f"cannot listen on {host}:{port}: {exc.strerror or exc}",
            fix="choose another port, or port=0 for a free one",
        ) from exc
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
