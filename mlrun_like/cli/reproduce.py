"""`mlrun-like reproduce`: a recorded run made anew, and what differs."""

from __future__ import annotations

from typing import Annotated

import typer

from mlrun_like.cli.lookup import find_run
from mlrun_like.cli.output import Json, one_line, print_json, print_table
from mlrun_like.projects.reproduce import reproduce
from mlrun_like.tracking.connect import open_store

__all__ = ["reproduce_command"]


def reproduce_command(
    run: Annotated[str, typer.Argument(help="Its uid (or a beginning), name or <project>@<uid>.")],
    folder: Annotated[
        str, typer.Option("--folder", help="A new folder; default: one below the home folder.")
    ] = "",
    project: Annotated[str, typer.Option("--project", help="The run's project.")] = "",
    local: Annotated[
        bool | None,
        typer.Option("--local/--no-local", help="Run in this process whatever the kind."),
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Only write the folder and compare; run nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show what the run prints.")] = False,
    as_json: Json = False,
) -> int:
    """Make a recorded run anew: its code, environment lock, inputs and parameters; then compare.

    mlrun-like reproduce 019a3c

    mlrun-like reproduce fraud@019a3c --dry-run --folder ./again

    The folder gets function.yaml, code/, requirements.lock, run.json and report.json. To have the
    very packages too: pip install -r requirements.lock in a new environment, and run it there.
    The exit code is 1 if parameters, results, artifacts or the state differ.
    """
    original = find_run(open_store(), run, project)
    done = reproduce(original, folder, local=local, execute=not dry, watch=watch)
    if as_json:
        print_json(done.to_dict())
        return 0 if done.same or dry else 1
    typer.echo(f"run     {done.original.uri}")
    if done.run is not None:
        typer.echo(f"anew    {done.run.uri} {done.run.status.state}")
    typer.echo(f"folder  {done.folder}")
    if not done.differences:
        typer.echo("nothing differs")
        return 0
    rows = [
        [item.what, item.name, one_line(item.before, 40), one_line(item.after, 40)]
        for item in done.differences
    ]
    print_table(["what", "name", "recorded", "now"], rows)
    return 0 if done.same or dry else 1
