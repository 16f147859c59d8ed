"""`mlrun-like pipeline list`, `show`, `logs` and `abort`: what became of pipelines' runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.lookup import find_run
from mlrun_like.cli.output import Json, clean, print_fields, print_json, print_table
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    PipelineError,
    nearest,
)
from mlrun_like.pipelines.resume import plan_of_run
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.pipelines.tallies import Tally, duration
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.tracking.abilities import StepRow, WorkflowStore
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

__all__ = ["abort", "find", "list_runs", "logs", "print_steps", "show"]

_MANY = 20  # rounds of a loop from which on they are one line
Uid = Annotated[str, typer.Argument(metavar="ID", help="The run's id, or the beginning of it.")]
Project = Annotated[str, typer.Option("--project", help="The project to look in.")]


def list_runs(
    project: Annotated[str, typer.Option("--project", help="Only this project.")] = "*",
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 20,
    as_json: Json = False,
) -> None:
    """List runs of pipelines, newest first.

    mlrun-like pipeline list
    """
    found = open_store().list_runs(
        RunQuery(project=project, labels={"kind": "pipeline"}, limit=limit)
    )
    if as_json:
        print_json(found)
        return
    rows = []
    for run in found:
        meta, status = run["metadata"], run.get("status", {})
        started = str(status.get("start_time") or "")[:19].replace("T", " ")
        outputs = {**status.get("results", {}), **status.get("artifact_uris", {})}
        text = ", ".join(f"{key}={value}" for key, value in outputs.items())
        uid, state = meta["uid"][:12], status.get("state", "")
        rows.append([meta.get("project", ""), uid, meta["name"], state, started, text])
    print_table(["project", "id", "pipeline", "state", "started", "outputs"], rows)


def show(
    uid: Uid,
    project: Project = "",
    rounds: Annotated[
        bool, typer.Option("--rounds", help="A line for each round of loops, however many.")
    ] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Write the picture with the steps' states.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a pipeline's run: its steps with states, times, reasons and run ids.

    mlrun-like pipeline show 0193a4b2
    """
    run = find(uid, project)
    rows = _rows(run)
    if svg is not None:
        plan = plan_of_run(run.metadata.uid, run.metadata.project)
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(plan.to_svg(rows), encoding="utf-8")
    if as_json:
        steps = [{**vars(row), "seconds": _seconds(row)} for row in rows]
        meta = run.metadata
        print_json(
            {
                "uid": meta.uid,
                "project": meta.project,
                "name": meta.name,
                "state": run.status.state,
                "outputs": dict(run.outputs),
                "steps": steps,
            }
        )
        return
    outputs = ", ".join(f"{key}={value}" for key, value in run.outputs.items())
    print_fields(
        [
            ("pipeline", run.metadata.name),
            ("id", run.metadata.uid),
            ("project", run.metadata.project),
            ("state", run.status.state),
            ("parameters", run.spec.parameters or ""),
            ("outputs", outputs),
        ]
    )
    _print(
        [
            (r.step, r.state, _seconds(r), bool(r.body.get("reused")), r.body.get("reason"), r.uid)
            for r in rows
        ],
        rounds,
    )


def logs(
    uid: Uid,
    step: Annotated[
        str, typer.Argument(help="A step, such as train or train[3]; default: all in turn.")
    ] = "",
    project: Project = "",
) -> None:
    """Print what the steps of a pipeline's run printed.

    mlrun-like pipeline logs 0193a4b2 train
    """
    run = find(uid, project)
    rows = [row for row in _rows(run) if row.uid]
    wanted = [row for row in rows if not step or step in (row.step, row.step.partition("[")[0])]
    if step and not wanted:
        known = [row.step for row in rows]
        raise NotFoundError(
            f"step {step!r} has no run.{nearest(step, known)}",
            where=run.uri,
            fix=f"steps with runs: {', '.join(known[:20]) or 'none'}",
        )
    store = open_store()
    for row in wanted:
        text = find_run(store, row.uid, run.metadata.project).logs(watch=False)
        if len(wanted) > 1:
            typer.echo(f"== {clean(row.step)} ({row.state})")
        typer.echo(text, nl=bool(text) and not text.endswith("\n"))


def abort(
    uid: Uid,
    project: Project = "",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds to wait until it has stopped.")
    ] = 30.0,
) -> int:
    """Stop a pipeline's run and wait until it has stopped.

    mlrun-like pipeline abort 0193a4b2
    """
    run = find(uid, project)
    before = run.state()
    if before in TERMINAL:
        raise ConflictError(f"the run is over: it is {before!r}", where=run.uri)
    state = run.abort(timeout)
    typer.echo(f"{run.uri} is {state}")
    return 0 if state in TERMINAL else 1


def find(uid: str, project: str) -> RunObject:
    """A pipeline's run by its id, the beginning of it, or its name (the newest).

    Raises:
        NotFoundError: if there is no such run.
        InvalidArgumentError: if several begin so.
        PipelineError: if it is the run of something else.
    """
    store = open_store()
    place, labels = project or "*", {"kind": "pipeline"}
    found = store.list_runs(RunQuery(project=place, labels=labels, uid=uid))
    if not found and uid and set(uid) <= set("0123456789abcdef"):
        every = store.list_runs(RunQuery(project=place, labels=labels))
        found = [run for run in every if run["metadata"]["uid"].startswith(uid)]
    if not found:
        found = store.list_runs(RunQuery(project=place, labels=labels, name=uid, limit=1))
    if len(found) > 1:
        raise InvalidArgumentError(
            f"{len(found)} runs of pipelines begin with {uid!r}", fix="give more of the id"
        )
    if found:
        return RunObject(parse(RunDoc, found[0], uid), store)
    try:
        run = find_run(store, uid, project)
    except NotFoundError as exc:
        raise NotFoundError(exc.what, fix="mlrun-like pipeline list") from exc
    workflow = run.metadata.labels.get("workflow")
    raise PipelineError(
        f"run {uid!r} is not the run of a pipeline",
        where=run.uri,
        fix=f"it is a step of: mlrun-like pipeline show {workflow}"
        if workflow
        else "mlrun-like pipeline list",
    )


def print_steps(done: PipelineRun) -> None:
    """The steps of a run that has just ended, and what it gave."""
    steps = [
        (path, run.state, run.seconds, run.reused, run.reason, run.uid)
        for path, run in done.steps.rows()
    ]
    _print(steps, False)
    outputs = ", ".join(f"{key}={value}" for key, value in list(done.outputs.items())[:20])
    print_fields([("pipeline", done.name), ("id", done.uid), ("state", done.state)])
    if outputs:
        print_fields([("outputs", outputs)])


Line = tuple[str, str, float, bool, Any, str]
"""Path, state, seconds, whether it was reused, reason, id of its run."""


def _print(steps: Iterable[Line], rounds: bool) -> None:
    grouped: dict[str, list[Line]] = {}
    for line in steps:
        grouped.setdefault(line[0].partition("[")[0], []).append(line)
    rows: list[list[object]] = []
    for name, lines in grouped.items():
        if len(lines) > _MANY and not rounds:
            rows.append(_together(name, lines))
            continue
        for path, state, seconds, reused, reason, uid in lines:
            word = "reused" if reused and state == "completed" else state
            rows.append([path, word, duration(seconds) if uid else "", reason or "", uid[:32]])
    print_table(["step", "state", "time", "reason", "run"], rows)


def _together(name: str, lines: list[Line]) -> list[object]:
    tally = Tally(looped=True, total=len(lines))
    for _, state, seconds, reused, reason, _ in lines:
        if state == "running":
            tally.running += 1
        else:
            tally.end(state, seconds, reused, str(reason or ""))
    why = [*tally.counts, *([tally.reason] if tally.reason else [])]
    return [f"{name}[...]", tally.state, duration(tally.seconds), ", ".join(why), ""]


def _rows(run: RunObject) -> list[StepRow]:
    store = open_store()
    if not isinstance(store, WorkflowStore):
        return []
    return store.list_steps(run.metadata.project, run.metadata.uid)


def _seconds(row: StepRow) -> float:
    if not row.started:
        return 0.0
    return max(0.0, (row.ended or datetime.now(timezone.utc).timestamp()) - row.started)
