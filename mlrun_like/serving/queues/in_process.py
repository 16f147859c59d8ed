"""All functions of a graph as threads of this process, joined by its real streams."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import RunTimeoutError
from mlrun_like.serving.queues.consuming import StreamWorker
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.split import split
from mlrun_like.serving.queues.workers import worker_of
from mlrun_like.serving.server import GraphServer

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["InProcess", "in_process"]


class InProcess:
    """The running functions of a graph.

    Args:
        server: The graph's own function: its `test` and `run` are where events enter.
        workers: The others, by name.
    """

    def __init__(self, server: GraphServer, workers: dict[str, StreamWorker]) -> None:
        self.server, self.workers = server, workers
        self.test = server.test

    def drain(self, timeout: float = 30.0) -> None:
        """Wait until every queue is empty and everything read from it is done.

        Raises:
            RunTimeoutError: if that takes longer than `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while any(worker.source.depth(worker.group) for worker in self.workers.values()):
            if time.monotonic() > deadline:
                waiting = [n for n, w in self.workers.items() if w.source.depth(w.group)]
                raise RunTimeoutError(
                    f"functions {waiting} are not done after {timeout:g} seconds",
                    fix="look at the log for steps that fail or are slow",
                )
            time.sleep(0.005)


@contextlib.contextmanager
def in_process(
    graph: Graph, namespace: Any = None, *, options: ConsumeOptions | None = None
) -> Iterator[InProcess]:
    """Run every function of a graph in a thread, for tests and notebooks; at the end all stop.

    Args:
        graph: The whole graph.
        namespace: Where names are looked up; by default the calling module.
        options: How the functions read their queues.

    Raises:
        GraphError: naming every mistake of the graph.

    >>> from mlrun_like.serving import flow
    >>> from mlrun_like.streams import open_stream
    >>> graph = flow()
    >>> _ = graph.to(abs, "size").to(">>", "sizes", path="memory://doc-sizes")
    >>> _ = graph.add_step("math.sqrt", "root", after="sizes", function="rooter")
    >>> _ = graph.add_step(">>", "roots", after="root", path="memory://doc-roots")
    >>> with in_process(graph) as running:
    ...     _ = running.server.test(body=-9)
    ...     running.drain()
    >>> open_stream("memory://doc-roots").consumer("reader").read(1)[0].body
    b'3.0'
    """
    if namespace is None:
        namespace = sys._getframe(2).f_globals
    parts = split(graph)
    workers = {
        name: worker_of(graph, name, namespace=namespace, options=options)
        for name, part in parts.items()
        if part.source is not None
    }
    for worker in workers.values():  # what the first events lead to must find its readers
        worker.source.create([worker.group])
    threads = [
        threading.Thread(target=worker.run, name=f"function-{name}", daemon=True)
        for name, worker in workers.items()
    ]
    with GraphServer(parts[""].graph, namespace) as server:
        for thread in threads:
            thread.start()
        try:
            yield InProcess(server, workers)
        finally:
            for worker in workers.values():
                worker.stop()
            for thread in threads:
                thread.join()
            for worker in workers.values():
                worker.close()
