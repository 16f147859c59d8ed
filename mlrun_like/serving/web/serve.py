"""A graph on a port: in the background for programs and tests, or blocking."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlrun_like.registry import resolve
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.sockets import listen, url_of

if TYPE_CHECKING:
    from mlrun_like.serving.web.app import GraphApp
    from mlrun_like.serving.web.run import RunningServer

__all__ = ["serve", "serve_forever"]


def serve(
    graph: Any,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    namespace: Any = None,
    **options: Any,
) -> RunningServer:
    """Serve a graph over HTTP from a background thread.

    Args:
        graph: The graph, any step of it, a serving function, a `GraphServer` or a `GraphApp`.
        host: Address to listen on; `"0.0.0.0"` lets other machines in.
        port: Port; 0 picks a free one.
        namespace: Where names of classes and functions are looked up; by default the calling
            module.
        options: As for `WebOptions`: `timeout`, `token`, `max_in_flight`, `access_log`, …

    Raises:
        GraphError: naming every mistake of the graph.
        InvalidArgumentError: if an option cannot be used.
        ConflictError: if the port is taken.

    >>> import urllib.request
    >>> from mlrun_like.serving.definition.graph import flow
    >>> with serve(flow().to(abs).respond()) as server:
    ...     urllib.request.urlopen(server.url, data=b"-3").read()
    b'3'
    """
    found = sys._getframe(1).f_globals if namespace is None else namespace
    listening = listen(host, port)
    try:
        app = _application(graph, found, options)
        running: RunningServer = resolve("mlrun_like.serving.web.run:RunningServer")(app, listening)
    except BaseException:
        listening.close()
        raise
    return running


def serve_forever(
    graph: Any,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    namespace: Any = None,
    started: Callable[[str], None] | None = None,
    workers: int = 1,
    **options: Any,
) -> None:
    """Serve a graph until the process is told to end (Ctrl-C, SIGTERM).

    Args:
        graph: As for `serve`.
        host: Address to listen on.
        port: Port; 0 picks a free one.
        namespace: As for `serve`.
        started: Called with the URL just before requests are answered.
        workers: Processes that answer; more than one are forked from this one, replaced when they
            die, and all replaced by SIGHUP. Not for a graph that is a server already.
        options: As for `serve`.

    Raises:
        GraphError: naming every mistake of the graph.
        InvalidArgumentError: if an option cannot be used.
        ConflictError: if the port is taken.
    """
    found = sys._getframe(1).f_globals if namespace is None else namespace
    listening = listen(host, port)
    try:
        if workers != 1:
            run = resolve("mlrun_like.serving.web.workers:run_workers")
            run(lambda: _application(graph, found, options), listening, workers, started=started)
            return
        app = _application(graph, found, options)
        server = resolve("mlrun_like.serving.web.run:HttpServer")(app, linger=1.0)
        if started is not None:
            started(url_of(listening))
        server.run(sockets=[listening])
    finally:
        listening.close()


def _application(graph: Any, namespace: Any, options: dict[str, Any]) -> GraphApp:
    made: type[GraphApp] = resolve("mlrun_like.serving.web.app:GraphApp")
    if isinstance(graph, made):
        return graph
    chosen = WebOptions.of(**options)
    return made(graph, namespace, options=chosen)
