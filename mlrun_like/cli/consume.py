"""`mlrun-like consume`: the functions of a graph that read queues."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Annotated

import typer

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.runtimes.limits import die_with_parent
from mlrun_like.serving.function import graph_of
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.split import split
from mlrun_like.serving.queues.supervisor import Supervisor, function_processes
from mlrun_like.serving.queues.workers import serve_stream
from mlrun_like.serving.web.target import find_target

__all__ = ["consume"]


def consume(  # noqa: PLR0913  (options of a command)
    graph: Annotated[
        str,
        typer.Argument(
            metavar="GRAPH", help="graph.yaml, function.yaml, module:graph or file.py:graph."
        ),
    ],
    function: Annotated[
        str, typer.Option("--function", help="The function to run; default: the graph's own.")
    ] = "",
    run_all: Annotated[
        bool,
        typer.Option("--all", help="Run every function that reads a queue, each in a process."),
    ] = False,
    replicas: Annotated[
        int, typer.Option("--replicas", min=1, help="With --all: processes of each function.")
    ] = 1,
    source: Annotated[
        str, typer.Option("--source", help="URL of the stream to read instead of the queue's.")
    ] = "",
    group: Annotated[
        str, typer.Option("--group", help="Consumer group; default <function>-consumer-group.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="This process's name in the group; kept over restarts.")
    ] = "",
    batch: Annotated[int, typer.Option("--batch", min=1, help="Most records of a batch.")] = 1000,
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, help="Attempts before an event is a dead letter.")
    ] = 3,
    dead_letter: Annotated[
        str,
        typer.Option("--dead-letter", help="URL of the stream for events that failed for good."),
    ] = "",
    metrics_port: Annotated[
        int,
        typer.Option(
            "--metrics-port",
            min=0,
            max=65535,
            help="Answer GET /metrics here; with --all: the first process's, the others follow.",
        ),
    ] = 0,
    parent: Annotated[
        int, typer.Option("--parent", help="End when this process ends (supervisors).")
    ] = 0,
) -> None:
    """Run functions of a graph on their queues until SIGTERM or Ctrl-C.

    mlrun-like consume graph.yaml --function enrich

    mlrun-like consume flows.py:graph --all

    A function acknowledges an event after its last step; one that dies goes on where it was.
    """
    if parent:
        die_with_parent(parent)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    found, namespace = find_target(graph)
    if not run_all:
        options = ConsumeOptions(name=name, batch=batch, attempts=attempts, dead_letter=dead_letter)
        serve_stream(
            found,
            function,
            namespace=namespace,
            source=source,
            group=group,
            options=options,
            metrics_port=metrics_port,
        )
        return
    if function or source or group or name:
        raise InvalidArgumentError(
            "--all runs every function on its own queue, so it takes none of --function, --source, "
            "--group and --name",
            fix=f"mlrun-like consume {graph} --all",
        )
    functions = [
        part.function for part in split(graph_of(found)).values() if part.source is not None
    ]
    if not functions:
        raise GraphError("no function of the graph reads a queue", where=graph)
    passed = ["--batch", str(batch), "--attempts", str(attempts)]
    if dead_letter:
        passed += ["--dead-letter", dead_letter]
    supervisor = Supervisor(
        function_processes(graph, functions, passed, replicas, metrics_port=metrics_port)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    typer.echo(f"running {', '.join(item.name for item in supervisor.processes)}")
    supervisor.run()
