"""`mlrun-like project`: load or make a project, run its workflows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import print_fields
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.projects.loading import get_or_create_project, load_project
from mlrun_like.projects.places import PROJECT_FILES
from mlrun_like.projects.project import MlrunProject
from mlrun_like.runs.secrets import read_env_file

__all__ = ["function_named", "project", "workflow_end"]

_FAILED = ("error", "failed", "aborted", "canceled")


def project(  # noqa: PLR0913  (MLRun's options)
    context: Annotated[str, typer.Argument(help="The project's folder.")] = "./",
    name: Annotated[str, typer.Option("--name", "-n", help="The project's name.")] = "",
    url: Annotated[
        str,
        typer.Option("--url", "-u", help="git://... repository, .zip, .tar.gz, or db://<name>."),
    ] = "",
    run: Annotated[str, typer.Option("--run", "-r", help="The workflow to run.")] = "",
    arguments: Annotated[
        list[str] | None,
        typer.Option("--arguments", "-a", help="An argument of the workflow, k=v."),
    ] = None,
    artifact_path: Annotated[
        str, typer.Option("--artifact-path", "-p", help="Where artifacts go.")
    ] = "",
    param: Annotated[
        list[str] | None, typer.Option("--param", "-x", help="A parameter of the project, k=v.")
    ] = None,
    secrets: Annotated[
        list[str] | None,
        typer.Option("--secrets", "-s", help="More secrets: file=PATH or env=NAME,NAME."),
    ] = None,
    init_git: Annotated[
        bool, typer.Option("--init-git", help="Make the folder a git repository.")
    ] = False,
    clone: Annotated[
        bool, typer.Option("--clone", "-c", help="Replace what the folder holds.")
    ] = False,
    sync: Annotated[
        bool, typer.Option("--sync", help="Make the project's functions anew.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", "-w", help="Wait for the end, and show it.")
    ] = False,
    dirty: Annotated[
        bool, typer.Option("--dirty", "-d", help="Run although git knows of changes.")
    ] = False,
    handler: Annotated[
        str, typer.Option("--handler", help="The function in the workflow's file.")
    ] = "",
    engine: Annotated[
        str, typer.Option("--engine", help="local, remote, kfp: what runs the workflow.")
    ] = "",
    local: Annotated[
        bool | None, typer.Option("--local/--no-local", help="Run all functions in this process.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", "-t", help="Stop waiting after so many seconds.")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="File of K=V lines, set before anything.")
    ] = None,
    schedule: Annotated[
        str, typer.Option("--schedule", help='Run at these times instead: "0 9 * * *".')
    ] = "",
    ensure_project: Annotated[
        bool, typer.Option("--ensure-project", help="Make the project if there is none.")
    ] = False,
    subpath: Annotated[
        str, typer.Option("--subpath", help="The part of the folder with its files.")
    ] = "",
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="Put the project into the store.")
    ] = True,
) -> int:
    """Load a project, and run one of its workflows.

    mlrun-like project ./ --run main --watch --arguments model=xgb

    mlrun-like project ./fraud --url git://github.com/owner/fraud.git#refs/heads/main --run main

    mlrun-like project ./fraud --name fraud          makes the project if there is none

    Without --run it shows what the project has. The exit code is 1 if the workflow fails.
    """
    if env_file is not None:
        exchange_environment(dict(read_env_file(env_file)))
    loaded = _load(
        context,
        name,
        url,
        {
            "init_git": init_git,
            "clone": clone,
            "subpath": subpath or None,
            "save": save,
            "parameters": _values(param, "--param"),
        },
        ensure_project,
    )
    for kind, source in parse_pairs(secrets or (), "--secrets").items():
        loaded.with_secrets(kind, source)
    if artifact_path:
        loaded.artifact_path = artifact_path
    if sync:
        loaded.sync_functions(save=save)
    if not run:
        if arguments or schedule:
            raise InvalidArgumentError(
                "--arguments and --schedule are for a workflow, and --run names none",
                fix="mlrun-like project ./ --run main --arguments model=xgb",
            )
        _show(loaded)
        return 0
    done = loaded.run(
        run,
        arguments=_values(arguments, "--arguments"),
        artifact_path=artifact_path or None,
        workflow_handler=handler or None,
        sync=sync,
        watch=watch,
        dirty=dirty,
        engine=engine or None,
        local=local,
        schedule=schedule or None,
        timeout=timeout,
    )
    return workflow_end(run, done)


def workflow_end(name: str, done: Any) -> int:
    """Print how a workflow's run ended; gives the exit code."""
    state = str(getattr(done, "state", "") or "")
    typer.echo(f"workflow {name} {getattr(done, 'run_id', '') or getattr(done, 'uid', '')} {state}")
    exc = getattr(done, "exc", None)
    if exc is not None:
        typer.echo(f"error: {exc}", err=True)
    return 1 if state.lower() in _FAILED else 0


def _load(context: str, name: str, url: str, options: dict[str, Any], ensure: bool) -> MlrunProject:
    folder = Path(context, options["subpath"] or "")
    there = any((folder / file).is_file() for file in (*PROJECT_FILES, "project_setup.py"))
    if name and not url and (ensure or not there):
        return get_or_create_project(name, context, **options)
    return load_project(context, url or None, name or None, **options)


def _values(texts: list[str] | None, option: str) -> dict[str, Any]:
    return {key: parse_value(text) for key, text in parse_pairs(texts or (), option).items()}


def _show(loaded: MlrunProject) -> None:
    print_fields(
        [
            ("name", loaded.name),
            ("description", loaded.spec.description),
            ("folder", loaded.context),
            ("source", loaded.source),
            ("parameters", loaded.params),
            ("functions", ", ".join(loaded.get_function_names())),
            ("workflows", ", ".join(str(row.get("name")) for row in loaded.workflows)),
            ("secrets", ", ".join(sorted(loaded.secrets()))),
        ]
    )


def function_named(name: str) -> Any:
    """A function of the project in this folder, for `mlrun-like run --func-url NAME`."""
    return load_project("./", save=False).get_function(name, enrich=True)
