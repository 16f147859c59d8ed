"""`mlrun-like compat`: run and check code that was written for MLRun."""

from __future__ import annotations

from typing import Annotated

import typer

from mlrun_like.cli.output import Json, clean, counted, print_json
from mlrun_like.compat.needs import files_in, needs_of
from mlrun_like.compat.script import run_module, run_pytest, run_script

__all__ = ["app", "check", "run", "tests"]

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    help="Run and check code that was written for MLRun; nothing named mlrun is installed.",
)
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command("run", context_settings={**_PASSED_ON, "allow_interspersed_args": False})
def run(
    context: typer.Context,
    script: Annotated[str, typer.Argument(metavar="SCRIPT", help="A Python file.")],
    module: Annotated[
        bool, typer.Option("-m", help="SCRIPT is a module: `-m mlrun` is MLRun's command line.")
    ] = False,
) -> int:
    """Run a script as python would; its imports of mlrun, storey and nuclio are this product.

    mlrun-like compat run train.py --epochs 3

    mlrun-like compat run -m mlrun run --handler train train.py

    What follows the script is its own. The exit code is the script's.
    """
    raise typer.Exit((run_module if module else run_script)(script, context.args))


@app.command("pytest", context_settings={**_PASSED_ON, "help_option_names": []})
def tests(context: typer.Context) -> int:
    """Run pytest with all arguments passed on.

    mlrun-like compat pytest tests -q -k serving
    """
    raise typer.Exit(run_pytest(context.args))


@app.command("check")
def check(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Python files, notebooks, folders.")
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="List also what works as it did.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Say what a script needs of MLRun, and whether it is here; nothing is run.

    mlrun-like compat check project/ notebook.ipynb

    The exit code is 1 if something is missing or a file cannot be read.
    """
    files = files_in(paths)
    found = [need for file in files for need in needs_of(file)]
    counts = {state: sum(need.state == state for need in found) for state in _STATES}
    if as_json:
        print_json([need._asdict() for need in found])
    else:
        shown = [need for need in found if everything or need.state != "works"]
        for need in shown:
            typer.echo(f"{need.state:<10}  {need.name or 'the file':<44}  {clean(need.where)}")
            if need.note:
                typer.echo(f"{'':12}{clean(need.note)}")
        said = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
        typer.echo(f"{counted(len(files), 'file')}: {said or 'nothing of MLRun is used'}")
    raise typer.Exit(int(bool(counts["missing"] or counts["unreadable"])))


_STATES = ("works", "differs", "missing", "unreadable")
