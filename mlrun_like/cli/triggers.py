"""`mlrun-like trigger`: events that start functions."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, print_json, print_table
from mlrun_like.cli.run import function_from, split_handler
from mlrun_like.cli.schedules import delete, invoke
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.resume import pipeline_in
from mlrun_like.schedules.triggers import fire_event
from mlrun_like.specs.trigger import KINDS, read_trigger
from mlrun_like.tracking.connect import open_store

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Events that start functions; `mlrun-like schedules serve` runs them.",
)
Project = Annotated[str, typer.Option("--project", help="Only triggers of this project.")]


@app.command()
def add(
    target: Annotated[
        str, typer.Argument(metavar="FILE[:NAME]", help="A file, and its pipeline or handler.")
    ],
    on: Annotated[
        str,
        typer.Option(
            "--on",
            metavar="KIND=SOURCE",
            help="data=URL, stream=URL, run=NAME, event=NAME, cron='0 4 * * *'.",
        ),
    ],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="Of Trigger or Schedule: interval=5, debounce=60."),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="A parameter of its runs, k=v.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="By default the pipeline's or run's.")] = "",
    project: Annotated[str, typer.Option("--project", help="Its project.")] = "",
) -> None:
    """Add a trigger: what starts a function or a pipeline besides a command.

    mlrun-like trigger add flow.py:retrain --on data=incoming/ -o param=event -o debounce=30

    mlrun-like trigger add flow.py:retrain --on event=drift

    mlrun-like trigger add report.py:report --on run=train -o states=error
    """
    kind, equals, source = on.partition("=")
    if not equals or kind not in (*KINDS, "cron"):
        raise InvalidArgumentError(
            f"--on {on!r:.80} names no beginning.{nearest(kind, (*KINDS, 'cron'))}",
            fix="--on data=URL, stream=URL, run=NAME, event=NAME or cron='0 4 * * *'",
        )
    when: Any = {key: parse_value(text) for key, text in parse_pairs(option or (), "-o").items()}
    if kind == "data" and "://" not in source:
        source = os.path.abspath(source)  # the service may run in another folder
    when |= {"cron": source} if kind == "cron" else {"kind": kind, "source": source}
    when |= {"name": name} if name else {}
    params = {key: parse_value(text) for key, text in parse_pairs(param or (), "--param").items()}
    file, handler = split_handler(target, "")
    flow = _pipeline(file, handler)
    if flow is not None:
        with config.override(**({"default_project": project} if project else {})):
            flow.run(schedule=when, **params)
        return
    function = function_from(file, "", project, handler)
    function.run(schedule=when, params=params, handler=handler or None, project=project)


def _pipeline(file: str, name: str) -> Pipeline | None:
    if not file.endswith((".py", ".ipynb")) or not os.path.isfile(file):
        return None
    try:
        return pipeline_in(file, name)
    except NotFoundError:
        return None


@app.command()
def fire(
    name: Annotated[str, typer.Argument(help="The event's name.")],
    data: Annotated[str, typer.Option("--data", help="More about it, a JSON object.")] = "{}",
    project: Project = "",
) -> int:
    """Post a named event to the triggers that wait for it; exit code 1 if there is none.

    mlrun-like trigger fire drift --data '{"feature": "amount"}'
    """
    try:
        found = json.loads(data)
    except ValueError as exc:
        raise InvalidArgumentError(f"--data is no JSON: {exc}", fix="--data '{\"a\": 1}'") from exc
    if not isinstance(found, dict):
        raise InvalidArgumentError("--data must be a JSON object", fix="--data '{\"a\": 1}'")
    told = fire_event(open_store(), name, found, project)
    typer.echo(f"{name}: {', '.join(told) or 'no trigger waits for it'}")
    return int(not told)


@app.command("list")
def list_triggers(project: Project = "", as_json: Json = False) -> None:
    """List triggers, what waits at them and what hinders them.

    mlrun-like trigger list
    """
    found = [d for d in open_store().list_schedules(project) if d.get("spec", {}).get("trigger")]
    if as_json:
        print_json(found)
        return
    rows = []
    for document in found:
        spec = document["spec"]
        state = spec.get("state") or {}
        waiting = len(state.get("pending") or ())
        running = len(state.get("flying") or {})
        rest = "paused" if document.get("paused") else str(state.get("error") or "")
        when = str(read_trigger(spec["trigger"]))
        rows.append([document["project"], document["name"], when, waiting, running, rest])
    print_table(["project", "name", "trigger", "waiting", "running", "note"], rows)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The trigger's name.")],
    project: Annotated[str, typer.Option("--project", help="Its project.")] = "",
) -> None:
    """Delete a trigger with its history; its runs stay.

    mlrun-like trigger remove on-drift
    """
    delete(name, project)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The trigger's name.")],
    project: Annotated[str, typer.Option("--project", help="Its project.")] = "",
) -> int:
    """Start what a trigger starts, now and here, without an event; exit code 1 if it fails.

    mlrun-like trigger run on-drift
    """
    return invoke(name, project)
