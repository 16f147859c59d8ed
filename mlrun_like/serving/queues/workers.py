"""The worker of one function of a graph: its part, its queue, its dead letters."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from mlrun_like.errors import GraphError
from mlrun_like.registry import resolve
from mlrun_like.serving.function import ServingFunction, graph_of
from mlrun_like.serving.queues.consuming import StreamWorker
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.push import open_queue
from mlrun_like.serving.queues.split import Part, part_of
from mlrun_like.serving.server import GraphServer

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["serve_stream", "worker_of"]

_METRICS = "mlrun_like.serving.queues.metrics:metrics_on"


def serve_stream(
    graph: Graph | ServingFunction,
    function: str = "",
    *,
    namespace: Any = None,
    source: str = "",
    group: str = "",
    options: ConsumeOptions | None = None,
    metrics_port: int = 0,
) -> StreamWorker:
    """Run one function of a graph on its queue until SIGTERM or SIGINT; returns the worker.

    Args:
        graph: The whole graph, or a function of kind serving that has one.
        function: The function; empty: the graph's own, which needs `source`.
        namespace: Where names of classes and functions are looked up.
        source: URL of the stream to read, if no queue of the graph comes before the function.
        group: Consumer group; by default the queue's, else `<function>-consumer-group`.
        options: How to read it.
        metrics_port: Answer `GET /metrics` there; 0: nowhere.

    Raises:
        GraphError: naming every mistake of the graph, or if there is nothing to read.
    """
    worker = worker_of(
        graph, function, namespace=namespace, source=source, group=group, options=options
    )
    with contextlib.ExitStack() as stack:
        stack.callback(worker.close)
        if metrics_port:
            stack.enter_context(resolve(_METRICS)(worker, metrics_port))
        stack.enter_context(_stopped_by_signals(worker))
        worker.run()
    return worker


def worker_of(
    graph: Graph | ServingFunction,
    function: str = "",
    *,
    namespace: Any = None,
    source: str = "",
    group: str = "",
    options: ConsumeOptions | None = None,
) -> StreamWorker:
    """The worker that `serve_stream` runs; arguments as there."""
    part = part_of(graph_of(graph), function)
    options = options or ConsumeOptions()
    arguments: dict[str, Any] = dict(part.source.class_args) if part.source is not None else {}
    path = source or str(arguments.pop("path", ""))
    if not path:
        raise GraphError(
            f"function {function!r} reads no queue" if function else "no queue comes before it",
            where="the graph's own function" if not function else "",
            fix="name the function that reads a queue, or the stream to read (source)",
        )
    for name in ("attempts", "dead_letter", "deliveries"):  # the queue's own, unless given here
        if name in arguments and getattr(options, name) == getattr(ConsumeOptions(), name):
            options = dataclasses.replace(options, **{name: arguments[name]})
    for name in ("path", "groups", "max_depth"):  # what concerns those who push
        arguments.pop(name, None)
    stream = open_queue(path, {} if source else arguments)
    shared = {k: v for k, v in arguments.items() if k.startswith("kafka_")}
    letters = open_queue(options.dead_letter or _beside(path, "-dead-letters"), shared)
    server = _server(graph, part, namespace)
    return StreamWorker(
        server,
        stream,
        group or part.group or f"{function or 'root'}-consumer-group",
        options,
        dead_letters=letters,
        function=function,
    )


def _server(graph: Graph | ServingFunction, part: Part, namespace: Any) -> GraphServer:
    if not isinstance(graph, ServingFunction):
        server = GraphServer(part.graph, namespace)
        server.context.current_function = part.function
        return server
    spaces = [] if namespace is None else [namespace]
    server = graph.server(spaces, current_function=part.function)
    for name, node in server.plan.nodes.items():
        if node.answers and node.children:  # what follows would run beside the worker, unwatched
            server.close()
            raise GraphError(
                f"step {name!r} responds and has followers, but nobody waits for the answer of a "
                "function that reads a queue",
                where=f"function {part.function!r}",
                fix="remove .respond()",
            )
    return server


@contextlib.contextmanager
def _stopped_by_signals(worker: StreamWorker) -> Iterator[None]:
    """SIGTERM and SIGINT stop the worker; elsewhere than in the main thread nothing happens."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: worker.stop()) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _beside(url: str, suffix: str) -> str:
    """The address of a stream beside another one.

    >>> _beside("redis://host/q?shards=4", "-dead-letters")
    'redis://host/q-dead-letters'
    """
    parts = urlsplit(url)
    if not parts.path.strip("/"):  # memory://name
        return f"{parts.scheme}://{parts.netloc}{suffix}"
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, query="", fragment=""))
