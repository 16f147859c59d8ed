"""`mlrun-like demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from mlrun_like.cli.demo import run_demo

__all__ = ["demo"]


def demo(
    project: Annotated[
        str, typer.Option("--project", "-p", help="Where runs and artifacts are recorded.")
    ] = "demo",
    least_auc: Annotated[
        float,
        typer.Option("--least-auc", min=0, max=1, help="A model below it is not registered."),
    ] = 0.95,
) -> int:
    """See the main job done on real data: prepare, search, evaluate, register, serve.

    mlrun-like demo

    Needs scikit-learn: pip install "mlrun-like[frameworks]"
    """
    return run_demo(project, least_auc)
