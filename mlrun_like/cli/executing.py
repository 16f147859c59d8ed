"""A run that a command starts: its end, and what is printed of it."""

from __future__ import annotations

from typing import Any

import typer

from mlrun_like.cli.output import print_json
from mlrun_like.cli.show import print_run
from mlrun_like.errors import MLRunLikeError, RecordLostError, RunError
from mlrun_like.functions.function import Function
from mlrun_like.names import parse_run_uri
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.connect import open_store

__all__ = ["execute_run", "print_end"]


def execute_run(
    function: Function[..., Any], options: dict[str, Any]
) -> tuple[RunObject, MLRunLikeError | None]:
    """The finished run and why it failed, if it did."""
    try:
        return function.run(**options), None
    except RecordLostError as exc:
        return RunObject(parse(RunDoc, exc.run, exc.where), open_store()), exc
    except RunError as exc:
        if not exc.where:
            raise
        if isinstance(exc.__cause__, RecordLostError):
            typer.echo(f"warning: {exc.__cause__}", err=True)
            return RunObject(parse(RunDoc, exc.__cause__.run, exc.where), open_store()), exc
        store, uri = open_store(), parse_run_uri(exc.where)
        if _say_what_waits(store):  # its record cannot be read; why it failed is known all the same
            raise
        found = store.read_run(uri.project, uri.uid, uri.iteration)
        return RunObject(parse(RunDoc, found, exc.where), store), exc


def print_end(
    finished: RunObject, error: MLRunLikeError | None, *, as_json: bool = False, dump: bool = False
) -> int:
    """Print a run that has ended, and why it failed if it did; gives the exit code."""
    away = _say_what_waits(open_store())
    if as_json:
        print_json(finished.to_dict())
    elif dump:
        typer.echo(finished.to_yaml())
    else:
        print_run(finished, curves=not away)
    if error is not None:
        typer.echo(f"error: {error.what}\n  where: {error.where}\n  fix: {error.fix}", err=True)
    return 0 if error is None else 1


def _say_what_waits(store: Any) -> bool:
    """Whether the store is away, so that nothing is asked of it; says where the records are."""
    writer = getattr(store, "writer", None)
    if writer is None:
        return False
    writer.settle()  # it may be back
    if not writer.spooling:
        return False
    typer.echo(
        f"warning: the tracking store cannot be used now\n  where: {store.shown}\n"
        f"  fix: what was recorded meanwhile waits in {writer.spool.folder}, and is delivered by "
        "the next command that reaches the store",
        err=True,
    )
    return True
