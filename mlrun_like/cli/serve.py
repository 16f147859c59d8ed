"""`mlrun-like serve`: a graph over HTTP, from several processes, reloaded without a gap."""

from __future__ import annotations

import functools
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.beside import allow
from mlrun_like.serving.definition.parts import part_for
from mlrun_like.serving.function import graph_of
from mlrun_like.serving.web.app import GraphApp
from mlrun_like.serving.web.changes import Changes
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.sockets import listen
from mlrun_like.serving.web.target import find_target, watched_folder
from mlrun_like.serving.web.workers import run_workers

__all__ = ["serve"]


def serve(  # noqa: PLR0913  (options of a command)
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="graph.yaml, function.yaml, FILE.py:NAME or MODULE:NAME."
        ),
    ],
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; 0.0.0.0: all networks.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", help="Port; 0: a free one.")] = 8080,
    workers: Annotated[
        int | None,
        typer.Option("--workers", "-w", min=0, help="Processes that answer; 0: one a core."),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start anew when a file in the folder changes.")
    ] = False,
    preload: Annotated[
        bool | None,
        typer.Option(
            "--preload/--no-preload",
            help="Load once and fork: less memory; by default if nothing loaded has threads.",
        ),
    ] = None,
    metrics: Annotated[
        bool, typer.Option("--metrics/--no-metrics", help="Count for the page /metrics.")
    ] = True,
    pages: Annotated[
        bool,
        typer.Option("--pages/--no-pages", help="Also serve /metrics, /openapi.json and /docs."),
    ] = True,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds a request may take.")
    ] = None,
    max_body: Annotated[
        int | None, typer.Option("--max-body", min=0, help="Bytes of one request body.")
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option("--max-in-flight", min=0, help="Requests at a time in one process."),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors-origin", help="Origin of web pages that may call; * for all."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="File with the token that callers must send."),
    ] = None,
    access_log: Annotated[
        str | None,
        typer.Option("--access-log", help="File for a line of JSON per request; -: stderr."),
    ] = None,
    front: Annotated[
        bool,
        typer.Option("--front", help="Only the steps before the first queue; see consume."),
    ] = False,
) -> None:
    """Serve a graph over HTTP until Ctrl-C or SIGTERM; SIGHUP starts new processes without a gap.

    mlrun-like serve graph.yaml --workers 2

    mlrun-like serve app.py:graph --port 8000 --reload

    mlrun-like serve app.py:graph --front, beside mlrun-like consume app.py:graph --all

    The graph answers on every path; /docs is a page to try it, /readyz tells load balancers.
    """
    options = WebOptions.of(
        timeout=timeout,
        max_body=max_body,
        max_in_flight=max_in_flight,
        cors_origins=tuple(cors) if cors else None,
        token=None if token_file is None else _token(token_file),
        access_log=access_log,
        pages=pages,
        metrics=metrics,
    )
    logging.basicConfig(
        level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    listening = listen(host, port)
    run_workers(
        functools.partial(_load, target, options, front),
        listening,
        config.serving_workers if workers is None else workers,
        preload=preload,
        changed=Changes(watched_folder(target)) if reload else None,
        started=_started,
    )


def _load(target: str, options: WebOptions, front: bool) -> Any:
    """The application of a target, in the process that answers."""
    allow()  # what it records may start the monitoring service
    found, namespace = find_target(target)
    if isinstance(found, GraphApp):
        if options != WebOptions.of(pages=True, metrics=True) or front:
            raise InvalidArgumentError(
                f"{target} is a GraphApp, which has options of its own",
                fix="give them to GraphApp(...), or name its graph instead",
            )
        return found
    if front:
        found = part_for(graph_of(found), "")
    return GraphApp(found, namespace, options=options)


def _started(url: str) -> None:
    typer.echo(f"serving on {url}")
    sys.stdout.flush()


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"the token cannot be read: {exc}", where=str(path)) from exc
    if not token:
        raise InvalidArgumentError("the file with the token is empty", where=str(path))
    return token
