"""Runs of pipelines as plain data: rows, and one with its steps and its graph.

A plan is read as it was recorded: no code of the pipeline is loaded into this process.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.routes.steps_data import with_runs
from mlrun_like.errors import MLRunLikeError, NotFoundError, PipelineError
from mlrun_like.names import parse_function_uri
from mlrun_like.pipelines.document import plan_from_document
from mlrun_like.pipelines.nodes import REQUIRED
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.tallies import Tallies
from mlrun_like.tracking.abilities import StepRow
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = [
    "pipeline_data",
    "pipeline_row",
    "pipeline_rows",
    "pipeline_run",
    "pipeline_svg",
    "plan_graph",
    "recorded_plan",
    "step_rows",
    "stored_workflows",
    "workflow_plan",
]

_KIND = "pipeline"
_MOST_STEPS = 2000
_PARAMETERS = 50


class _Named:
    """A function of a plan that is only looked at."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.name = parse_function_uri(uri).name if "/" in uri else uri

    def run(self, params: Any = None, inputs: Any = None, **options: Any) -> Any:
        """Refuse: nothing is run in this process."""
        raise PipelineError("a plan that is only looked at cannot run")


def pipeline_rows(
    store: SqlStore, project: str, *, limit: int = 100, name: str = "", state: str = ""
) -> list[Document]:
    """Runs of pipelines, newest first.

    Args:
        store: The store.
        project: The project; `"*"`: all.
        limit: At most so many; 0: all.
        name: Exactly this, or `~part`.
        state: In this state.
    """
    query = RunQuery(
        project=project,
        name=name,
        labels={"kind": _KIND},
        states=(state,) if state else (),
        limit=limit,
    )
    return [pipeline_row(run) for run in store.list_runs(query)]


def pipeline_row(run: Document) -> Document:
    """What a list shows of a pipeline's run."""
    meta, status, spec = run["metadata"], run.get("status") or {}, run.get("spec") or {}
    return {
        "project": meta.get("project", ""),
        "uid": meta["uid"],
        "name": meta.get("name", ""),
        "state": status.get("state", ""),
        "start_time": status.get("start_time"),
        "end_time": status.get("end_time"),
        "error": status.get("error") or "",
        "parameters": dict(list((spec.get("parameters") or {}).items())[:_PARAMETERS]),
        "outputs": {**(status.get("results") or {}), **(status.get("artifact_uris") or {})},
        "labels": meta.get("labels") or {},
    }


def pipeline_run(store: SqlStore, project: str, uid: str) -> Document:
    """The run of a pipeline.

    Raises:
        NotFoundError: if there is none, or it is the run of something else.
    """
    run = store.read_run(project, uid)
    if (run["metadata"].get("labels") or {}).get("kind") != _KIND:
        raise NotFoundError(
            f"run {uid!r:.80} is not the run of a pipeline",
            where=f"project {project!r}",
            fix="look at it as a run",
        )
    return run


def pipeline_data(store: SqlStore, project: str, uid: str) -> Document:
    """A pipeline's run with its steps (at most 2000) and its graph.

    Args:
        store: The store.
        project: The project.
        uid: The run.

    Returns:
        `run` (its document), `row`, `state`, `outputs`, `steps`, `steps_total`, and `graph`
        (`nodes`, `edges`, `groups`), or None with `graph_error` if there is no plan: it is dynamic.

    Raises:
        NotFoundError: if there is no such run of a pipeline.
    """
    run = pipeline_run(store, project, uid)
    rows = with_runs(store, project, uid, store.list_steps(project, uid))
    row = pipeline_row(run)
    graph, why = None, ""
    try:
        graph = plan_graph(recorded_plan(store, run), rows)
    except MLRunLikeError as exc:
        why = exc.what
    return {
        "run": run,
        "row": row,
        "state": row["state"],
        "outputs": row["outputs"],
        "steps": step_rows(rows[:_MOST_STEPS]),
        "steps_total": len(rows),
        "graph": graph,
        "graph_error": why,
    }


def step_rows(rows: Sequence[StepRow]) -> list[Document]:
    """Steps as plain data; times are seconds since 1970."""
    now = time.time()
    return [
        {
            "step": row.step,
            "name": row.step.partition("[")[0],
            "state": row.state,
            "uid": row.uid,
            "started": row.started,
            "ended": row.ended,
            "seconds": max(0.0, (row.ended or now) - row.started) if row.started else 0.0,
            "reused": bool(row.body.get("reused")),
            "blocked": bool(row.body.get("blocked")),
            "reason": str(row.body.get("reason") or ""),
            "key": str(row.body.get("key") or ""),
        }
        for row in rows
    ]


def recorded_plan(store: SqlStore, run: Document) -> Plan:
    """The plan of a run, as it was recorded.

    Raises:
        NotFoundError: if its function is not there any more.
        PipelineError: if it is dynamic, or the record is damaged.
    """
    function = str((run.get("spec") or {}).get("function") or "")
    uri = parse_function_uri(function, run["metadata"].get("project") or "")
    document = store.read_function(uri.project, uri.name, tag=uri.tag, hash=uri.hash)
    return _plan_in(document, uri.name)


def _plan_in(document: Document, name: str) -> Plan:
    plan = (document.get("spec") or {}).get("plan")
    if not isinstance(plan, Mapping):
        raise PipelineError(f"pipeline {name!r} is dynamic: each run makes its own steps")
    try:
        return plan_from_document(_shown(plan), _Named)
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as exc:
        if isinstance(exc, MLRunLikeError):
            raise
        raise PipelineError(f"the recorded plan is damaged: {type(exc).__name__}") from exc


def _shown(value: Any) -> Any:
    """A plan's document whose values that were no plain data are their description."""
    if isinstance(value, Mapping):
        if set(value) == {"$live"}:
            return str(value["$live"])
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def plan_graph(plan: Plan, rows: Sequence[StepRow] = ()) -> Document:
    """A plan as nodes and edges, with what became of each step so far."""
    tallies = Tallies.of(plan, rows)
    last: dict[str, StepRow] = {}
    for row in rows:
        last[row.step.partition("[")[0]] = row
    nodes, edges = [], []
    for step in plan.steps:
        place, tally, row_ = plan.places[step.name], tallies.steps[step.name], last.get(step.name)
        nodes.append(
            {
                "id": step.name,
                "label": step.policy.display_name or step.name,
                "kind": step.action,
                "function": str(getattr(step.function, "uri", "") or step.function.name),
                "state": tally.state,
                "words": tally.words,
                "seconds": tally.seconds,
                "reason": tally.reason,
                "reused": tally.reused,
                "rounds": {"done": tally.done, "total": tally.total} if tally.looped else None,
                "gates": [above.gate for above in place.above if above.gate],
                "group": place.above[-1].node.name if place.above else "",
                "uid": row_.uid if row_ is not None and not tally.looped else "",
            }
        )
        edges += [[before, step.name] for before in plan.steps_before(step.name)]
    groups = [
        {
            "id": name,
            "kind": type(place.node).__name__.lower(),
            "group": place.above[-1].node.name if place.above else "",
        }
        for name, place in plan.places.items()
        if name not in tallies.steps
    ]
    parameters = {
        name: {
            "required": item.default is REQUIRED,
            "default": None if item.default is REQUIRED else item.default,
            "type": item.type.__name__ if item.type else "",
        }
        for name, item in plan.parameters.items()
    }
    return {"name": plan.name, "nodes": nodes, "edges": edges, "groups": groups,
            "parameters": parameters}  # fmt: skip


def pipeline_svg(store: SqlStore, project: str, uid: str) -> str:
    """The picture of a pipeline's run, with its steps' states.

    Raises:
        NotFoundError: if there is no such run.
        PipelineError: if it has no plan.
    """
    run = pipeline_run(store, project, uid)
    return recorded_plan(store, run).to_svg(store.list_steps(project, uid))


def stored_workflows(store: SqlStore, project: str) -> list[Document]:
    """The workflows of a project, each with its newest run.

    Raises:
        NotFoundError: if there is no such project.
    """
    try:
        spec = store.read_project(project).get("spec") or {}
    except NotFoundError:
        return []
    found = []
    for row in spec.get("workflows") or []:
        if not isinstance(row, Mapping):
            continue
        name = str(row.get("name") or "")
        last = pipeline_rows(store, project, name=name, limit=1) if name else []
        found.append(
            {
                "name": name,
                "path": str(row.get("path") or ""),
                "embedded": bool(row.get("code")),
                "engine": str(row.get("engine") or "local"),
                "handler": str(row.get("handler") or ""),
                "image": str(row.get("image") or ""),
                "schedule": row.get("schedule"),
                "args": row.get("args") or {},
                "args_schema": row.get("args_schema") or [],
                "last": last[0] if last else None,
            }
        )
    return sorted(found, key=lambda item: str(item["name"]))


def workflow_plan(store: SqlStore, project: str, name: str) -> Plan:
    """The plan of a pipeline as it was recorded last.

    Raises:
        NotFoundError: if it never ran here.
    """
    return _plan_in(store.read_function(project, name), name)
