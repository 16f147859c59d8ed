"""`mlrun-like projects`: list, show, delete, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlrun_like.cli.output import Json, print_fields, print_json, print_table
from mlrun_like.projects.bundle import export_project
from mlrun_like.projects.deleting import STRATEGIES, delete_project
from mlrun_like.projects.places import read_stored
from mlrun_like.projects.restoring import import_project
from mlrun_like.projects.secrets import provider_of
from mlrun_like.tracking.connect import open_store

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Projects in the store: list, show, delete; move a whole one to another machine.",
)
Name = Annotated[str, typer.Argument(help="The project's name.")]


@app.command("list")
def list_projects(as_json: Json = False) -> None:
    """List projects with what they hold.

    mlrun-like projects list
    """
    store = open_store()
    found = store.list_projects()
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("No projects found.")
        return
    header = ["name", "runs", "artifacts", "functions", "schedules", "folder"]
    rows = []
    for document in found:
        name = document["metadata"]["name"]
        held = store.project_content(name)
        rows.append([name, *(held[key] for key in header[1:5]), document.get("context", "")])
    print_table(header, rows)


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one project: parameters, functions, workflows, source, names of secrets.

    mlrun-like projects show fraud
    """
    store = open_store()
    document = store.read_project(name)
    if as_json:
        print_json(document)
        return
    spec, held = document.get("spec") or {}, store.project_content(name)
    print_fields(
        [
            ("name", name),
            ("description", spec.get("description")),
            ("created", document["metadata"].get("created")),
            ("folder", document.get("context")),
            ("source", spec.get("source")),
            ("image", spec.get("default_image")),
            ("parameters", spec.get("params")),
            ("functions", ", ".join(str(row.get("name")) for row in spec.get("functions", []))),
            ("workflows", ", ".join(str(row.get("name")) for row in spec.get("workflows", []))),
            ("secrets", ", ".join(sorted(provider_of().read(name)))),
            ("holds", ", ".join(f"{count} {what}" for what, count in held.items() if count)),
        ]
    )


@app.command()
def delete(
    name: Name,
    strategy: Annotated[
        str, typer.Option("--deletion-strategy", help=f"One of: {', '.join(STRATEGIES)}.")
    ] = "restrict",
) -> None:
    """Delete a project; its folder stays, and `mlrun-like gc` removes its artifacts' files.

    mlrun-like projects delete fraud --deletion-strategy cascade
    """
    held = delete_project(name, strategy)
    if strategy == "check":
        typer.echo(f"{name}: can be deleted")
        return
    shown = ", ".join(f"{count} {what}" for what, count in held.items() if count)
    typer.echo(f"{name}: deleted{f' with {shown}' if shown else ''}")


@app.command("export")
def export_command(
    name: Name,
    target: Annotated[str, typer.Argument(help="The zip file, at a path or URL.")],
    content: Annotated[
        bool, typer.Option("--content/--no-content", help="With the bytes of artifacts.")
    ] = True,
) -> None:
    """Write a project with its folder, functions, artifacts and runs to one file.

    mlrun-like projects export fraud fraud.zip

    Values of secrets are not in it. On the other machine: mlrun-like projects import fraud.zip
    """
    folder = str(open_store().read_project(name).get("context") or ".")
    done = export_project(read_stored(name, Path(folder)), target, content=content)
    shown = ", ".join(f"{count} {what}" for what, count in done.counts.items())
    typer.echo(f"{name}: {shown}, {done.size} bytes -> {target}")
    for note in done.notes:
        typer.echo(f"warning: {note}", err=True)


@app.command("import")
def import_command(
    archive: Annotated[str, typer.Argument(help="The zip file that export wrote.")],
    context: Annotated[
        str, typer.Option("--context", help="A new folder for its files; default: its name.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="Its name here.")] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete a project of this name first.")
    ] = False,
) -> None:
    """Read a project from a file that export wrote; nothing in it is run.

    mlrun-like projects import fraud.zip --context ./fraud
    """
    project = import_project(archive, context, name, overwrite=overwrite)
    held = open_store().project_content(project.name)
    shown = ", ".join(f"{count} {what}" for what, count in held.items() if count)
    typer.echo(f"{project.name}: {shown or 'nothing recorded'}; its folder is {project.context}")
