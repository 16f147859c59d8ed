"""`mlrun-like pipeline`: run, look at and export pipelines of files; what became of their runs."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, clean, print_json, print_table
from mlrun_like.cli.pipeline_records import abort, find, list_runs, logs, print_steps, show
from mlrun_like.cli.pipeline_submit import submit, watch
from mlrun_like.cli.pipeline_target import find_pipeline, planned
from mlrun_like.cli.show import print_run
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.errors import InvalidArgumentError, PipelineError, RunError
from mlrun_like.pipelines.document import to_document
from mlrun_like.pipelines.eager import EagerEngine
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.explain import explain
from mlrun_like.pipelines.nodes import REQUIRED
from mlrun_like.pipelines.resume import resume as resume_run
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.pipelines.spin import spin as spin_step
from mlrun_like.pipelines.workflow import plan_of
from mlrun_like.registry import load

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Pipelines: functions whose body calls other functions, decorated with @pipeline.",
)
Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:NAME]",
        help="FILE.py, FILE.ipynb or a module; NAME of the pipeline if there are several.",
    ),
]
Project = Annotated[str, typer.Option("--project", help="The project.")]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="A parameter, k=v; v may be a Python literal."),
]
CacheOption = Annotated[
    bool | None,
    typer.Option(
        "--cache/--no-cache",
        help="Whether equal earlier steps stand in; default: as the pipeline says.",
    ),
]
Refresh = Annotated[
    list[str] | None,
    typer.Option("--refresh", help="A step that runs although an equal one did."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Steps at a time.")]

app.command("list")(list_runs)
app.command()(show)
app.command("status", hidden=True)(show)
app.command()(logs)
app.command()(abort)
app.command()(submit)
app.command()(watch)


@app.command()
def run(
    target: Target,
    param: Params = None,
    project: Project = "",
    workers: Workers = 4,
    cache: CacheOption = None,
    refresh: Refresh = None,
    as_json: Json = False,
) -> int:
    """Run a pipeline here and record it; the exit code is 1 if a step fails.

    mlrun-like pipeline run flow.py:train -p rows=100 --workers 8
    """
    arguments = _arguments(param)
    flow = find_pipeline(target)
    plan = plan_of(flow)
    with _stdout_for(as_json):
        if plan is None:
            if cache is not None or refresh:
                raise PipelineError(
                    "a dynamic pipeline has no plan, so its steps are not cached",
                    where=target,
                    fix="leave --cache and --refresh out",
                )
            eager = EagerEngine(lambda line: typer.echo(clean(line), err=True))
            done: PipelineRun = eager.run(flow, arguments, project)
        else:
            engine = LocalEngine(workers, cache=cache, refresh=refresh or ())
            done = engine.run(plan, arguments, project, origin=flow.origin)
    return _finished(done, as_json)


@app.command()
def plan(
    target: Target,
    param: Params = None,
    project: Project = "",
    cache: CacheOption = None,
    refresh: Refresh = None,
    as_json: Json = False,
) -> None:
    """Check a pipeline, list its steps, and say of each whether it would run, without running any.

    mlrun-like pipeline plan flow.py -p rows=100
    """
    found = planned(target)
    arguments = _arguments(param)
    missing = [
        name
        for name, item in found.parameters.items()
        if item.default is REQUIRED and name not in arguments
    ]
    rows = (
        []
        if missing
        else explain(found, arguments, cache=cache, refresh=refresh or (), project=project)
    )
    if as_json:
        print_json({**to_document(found), "steps": [row._asdict() for row in rows]})
        return
    typer.echo(clean(found))
    typer.echo("")
    if rows:
        print_table(["step", "action", "why"], rows)
    else:
        given = " ".join(f"-p {name}=..." for name in missing)
        typer.echo(f"what would run depends on: {given}")


@app.command()
def plot(
    target: Target,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write this picture.")] = None,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print Mermaid text (the default).")
    ] = False,
) -> None:
    """Draw a pipeline.

    mlrun-like pipeline plot flow.py --svg flow.svg
    """
    found = planned(target)
    if svg is not None:
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(found.to_svg(), encoding="utf-8")
        typer.echo(f"wrote {svg}", err=mermaid)
    if mermaid or svg is None:
        typer.echo(found.plot())


@app.command()
def resume(
    uid: Annotated[str, typer.Argument(metavar="ID", help="The id of the pipeline's run.")],
    project: Project = "",
    workers: Workers = 4,
    as_json: Json = False,
) -> int:
    """Let a run go on that failed, was stopped or killed; steps that finished are kept.

    mlrun-like pipeline resume 0193a4b2
    """
    found = find(uid, project)
    with _stdout_for(as_json):
        done = resume_run(found.metadata.uid, found.metadata.project, engine=LocalEngine(workers))
    return _finished(done, as_json)


@app.command()
def export(
    target: Target,
    to: Annotated[
        str, typer.Option("--to", help="kubeflow, airflow, github, gitlab or argo.")
    ] = "kubeflow",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: stdout.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help='An option of the export, k=v, such as schedule="0 3 * * *".'),
    ] = None,
) -> None:
    """Write a pipeline for another engine.

    mlrun-like pipeline export flow.py --to github -o .github/workflows/flow.yml
    """
    exporter = load("exporters", to)
    options = {k: parse_value(v) for k, v in parse_pairs(option or (), "--set").items()}
    found = planned(target)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
    try:
        text = exporter(found, "" if output is None else str(output), **options)
    except TypeError as exc:
        if options and "unexpected keyword argument" in str(exc):
            raise InvalidArgumentError(
                f"exporter {to!r} has no such option: {exc}",
                fix='see its help: python -c "from mlrun_like.registry import load; '
                f"help(load('exporters', '{to}'))\"",
            ) from exc
        raise
    typer.echo(text if output is None else f"wrote {output}", nl=output is not None)


@app.command()
def spin(
    uid: Annotated[str, typer.Argument(metavar="ID", help="The id of the pipeline's run.")],
    step: Annotated[str, typer.Argument(help="The step, such as train or train[3].")],
    debug: Annotated[
        bool, typer.Option("--debug", help="Stop in Python's debugger where its code begins.")
    ] = False,
    project: Project = "",
    as_json: Json = False,
) -> int:
    """Run one step of a recorded run again, alone, with the inputs it had and the code as it is.

    mlrun-like pipeline spin 0193a4b2 train --debug
    """
    found = find(uid, project)
    with _stdout_for(as_json and not debug):
        done = spin_step(found.metadata.uid, step, debug, found.metadata.project)
    if as_json:
        print_json(done.to_dict())
    else:
        print_run(done)
    return int(done.state() != "completed")


def _arguments(texts: list[str] | None) -> dict[str, Any]:
    return {k: parse_value(v) for k, v in parse_pairs(texts or (), "--param").items()}


def _finished(done: PipelineRun, as_json: bool) -> int:
    error: RunError | None = None
    try:
        done.check()
    except RunError as exc:
        error = exc
    if as_json:
        steps: dict[str, Any] = {
            path: {"state": run.state, "run": run.uid, "reason": run.reason, "reused": run.reused}
            for path, run in done.steps.rows()
        }
        state, outputs = done.state, dict(done.outputs)
        print_json(
            {"uid": done.uid, "name": done.name, "state": state, "outputs": outputs, "steps": steps}
        )
    else:
        print_steps(done)
    if error is not None:
        typer.echo(clean(f"error: {error}"), err=True)
        typer.echo(f"  go on after mending: mlrun-like pipeline resume {done.uid[:12]}", err=True)
    return int(error is not None)


@contextlib.contextmanager
def _stdout_for(json: bool) -> Any:
    """With `--json`, stdout is for the document alone."""
    with contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():
        yield
