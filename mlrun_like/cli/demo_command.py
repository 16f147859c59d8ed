"""`mlrun-like demo`, and the demos of single parts: `mlrun-like demo monitoring`."""

from __future__ import annotations

from typing import Annotated

import typer

from mlrun_like.cli.demo import run_demo
from mlrun_like.cli.demo_monitoring import monitoring

__all__ = ["app", "demo"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
def demo(
    context: typer.Context,
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
    return 0 if context.invoked_subcommand else run_demo(project, least_auc)


app.command("monitoring")(monitoring)
