"""`mlrun-like batch`: a graph over a file of rows."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.batch.rows import Rows
from mlrun_like.serving.batch.run import run_batch
from mlrun_like.serving.codec import encode
from mlrun_like.serving.web.target import find_target, server_of

__all__ = ["batch"]

_SHOWN = 3
_LONGEST = 10_000


def batch(  # noqa: PLR0913  (options of a command)
    graph: Annotated[
        str,
        typer.Argument(metavar="GRAPH", help="graph.yaml, module:graph or file.py:graph."),
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN", help="A .parquet, .csv or .jsonl file (path or URL), or a Parquet folder."
        ),
    ],
    target: Annotated[
        str, typer.Argument(metavar="OUT", help="A .parquet, .csv or .jsonl file for the answers.")
    ],
    form: Annotated[
        str,
        typer.Option("--form", help="What a row is: bodies, inputs (of a model), or auto."),
    ] = "auto",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", help="A column that the graph gets; default: all."),
    ] = None,
    path: Annotated[
        str, typer.Option("--path", help="Path of the events, such as /v2/models/m1/infer.")
    ] = "/",
    prediction: Annotated[
        str, typer.Option("--prediction", help="Name of the column of predictions.")
    ] = "prediction",
    chunk: Annotated[int, typer.Option("--chunk", min=1, help="Rows in memory.")] = 10_000,
    max_in_flight: Annotated[
        int, typer.Option("--max-in-flight", min=1, help="Rows under way in async graphs.")
    ] = 64,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop at the first failing row and write nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Send every row of a file through a graph and write the answers, in the same order.

    mlrun-like batch graph.yaml in.parquet out.parquet

    mlrun-like batch flows.py:graph in.csv out.csv --column age --column income

    A failing row has its error in the column `error`; the others are not disturbed. What a flow
    gathers over all rows (Reduce) is printed.
    """
    found, namespace = find_target(graph)
    chosen: Any = form
    if form not in ("auto", "bodies", "inputs"):
        raise InvalidArgumentError(f"--form {form!r} is not one of: auto, bodies, inputs")
    with server_of(found, namespace) as server:
        result = run_batch(
            server,
            source,
            target,
            rows=Rows(chosen, column or (), path, prediction),
            chunk=chunk,
            max_in_flight=max_in_flight,
            errors="raise" if stop else "keep",
            progress=not quiet,
        )
        value = server.wait_for_completion()
    typer.echo(
        f"{result.rows:,} rows, {result.failed:,} failed, in {result.seconds:.1f} s: {target}"
    )
    if value is not None:
        typer.echo(f"result of the flow: {_text(value)}")
    for row, error in list(result.errors.items())[:_SHOWN]:
        typer.echo(f"row {row}: {error}", err=True)
    if result.failed > _SHOWN:
        typer.echo(f"and {result.failed - _SHOWN:,} more: see the column error", err=True)


def _text(value: Any) -> str:
    text = encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"
