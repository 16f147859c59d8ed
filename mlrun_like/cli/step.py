"""`mlrun-like run PACKAGE --step NAME`: one job of an exported pipeline in another engine."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.pipelines.exports.arguments import read_arguments
from mlrun_like.pipelines.exports.package import read_package
from mlrun_like.pipelines.exports.stepwise import Order, run_node

__all__ = ["run_step"]


def run_step(
    url: str, fields: tuple[Any, ...], given: tuple[str, Mapping[str, str]], skip_code: int = 0
) -> int:
    """Do one job; its outcome is the only line on stdout.

    Args:
        url: File with the package, or `-`: it is on stdin.
        fields: Of an `Order`: which job.
        given: The pipeline's parameters as JSON, and further ones as texts.
        skip_code: Exit code if there was nothing to do.
    """
    order = Order(*fields)
    if not order.state:
        raise InvalidArgumentError(
            f"--step {order.node!r} needs the folder that all jobs of the run share",
            fix="--state .mlrun-like/state",
        )
    if url == "-":
        text = sys.stdin.read()
    elif Path(url).is_file():
        text = Path(url).read_text(encoding="utf-8")
    else:
        raise MissingFileError(
            f"there is no file {url!r}", fix="give the file with the exported package, or -"
        )
    plan = read_package(text, url)
    values = read_arguments(plan, *given)
    with contextlib.redirect_stdout(sys.stderr):
        outcome = run_node(plan, order, values, lambda line: typer.echo(line, err=True))
    if outcome.reason:
        typer.echo(f"{order.node}: {outcome.reason}", err=True)
    typer.echo(outcome.value)
    if outcome.failed:
        return 1
    return skip_code if outcome.skipped else 0
