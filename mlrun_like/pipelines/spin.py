"""One step of a recorded pipeline run again, alone, with the inputs it had."""

from __future__ import annotations

import functools
import inspect
import pdb
from collections.abc import Callable
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, PipelineError, nearest
from mlrun_like.functions.function import Function
from mlrun_like.packaging.loader import resolve_handler
from mlrun_like.pipelines.engine.calls import StepCaller
from mlrun_like.pipelines.engine.instances import Instance
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.resume import plan_of_run
from mlrun_like.pipelines.run import StepRun
from mlrun_like.runs.object import RunObject
from mlrun_like.tracking.abilities import StepRow, WorkflowStore
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store

__all__ = ["spin"]


def spin(
    uid: str, step: str, debug: bool = False, project: str = "", plan: Plan | None = None
) -> RunObject:
    """Run one step of a recorded run alone, with the code as it is now.

    The run it makes is one of its own: it belongs to no pipeline.

    Args:
        uid: The pipeline's run.
        step: The step's name, with the rounds of the loops around it: `train`, `train[3]`.
        debug: Stop in Python's debugger where the handler begins; the step runs in this process.
        project: The run's project; by default the default project.
        plan: The pipeline; by default it is read from its file, else from the record.

    Raises:
        NotFoundError: if there is no such run or step.
        PipelineError: if what the step needs was never there.
        RunError: if the step fails.
    """
    store, name = open_store(), project or config.default_project
    found = plan if plan is not None else plan_of_run(uid, name)
    own, _, rounds = step.partition("[")
    if own not in found.places:
        known = [each.name for each in found.steps]
        raise NotFoundError(
            f"there is no step {own!r}.{nearest(own, known)}",
            where=f"pipeline {found.name!r}",
            fix=f"steps: {', '.join(known)}",
        )
    node = found[own]
    index = tuple(int(part) for part in rounds.rstrip("]").split(",") if part.isdigit())
    loops = found.places[own].loops
    if len(index) != len(loops):
        raise PipelineError(
            f"step {own!r} is in {len(loops)} loops, so {step!r} names none of its rounds",
            fix=f"{own}[{','.join('0' for _ in loops)}]" if loops else own,
        )
    values = _recorded(found, store, name, uid)
    try:
        params, inputs = StepCaller.given(node, index, values)
        options: dict[str, Any] = values.of_step(node, index, dict(node.options))
    except (LookupError, PipelineError) as exc:
        raise PipelineError(
            f"step {step!r} cannot run alone: what it needs was never there",
            where=f"{name}@{uid}",
            fix=f"mlrun-like pipeline resume {uid}",
        ) from exc
    options = {"name": own, "project": name, **options}
    if debug:
        options.update(local=True, handler=_debugged(node.function, options.get("handler")))
    run: RunObject = node.function.run(params=params, inputs=inputs, **options)
    return run


def _recorded(plan: Plan, store: Store, project: str, uid: str) -> Values:
    """The values of a recorded run, as far as it came."""
    record = store.read_run(project, uid)
    values = Values(plan, record["spec"].get("parameters", {}))
    rows = store.list_steps(project, uid) if isinstance(store, WorkflowStore) else []
    for row in rows:
        own, _, rounds = row.step.partition("[")
        index = tuple(int(part) for part in rounds.rstrip("]").split(",") if part)
        if own in plan.places and row.state != "running":
            values.ended(Instance(own, index), _step_run(row, store, project))
    values.find_items()
    return values


def _step_run(row: StepRow, store: Store, project: str) -> StepRun:
    outputs: dict[str, Any] = {}
    if row.state == "completed" and row.uid:
        status = store.read_run(project, row.uid).get("status", {})
        outputs = {**status.get("results", {}), **status.get("artifact_uris", {})}
    return StepRun(row.state, row.uid, row.body.get("reason", ""), outputs)


def _debugged(function: Any, handler: Any) -> Callable[..., Any]:
    """The handler, called by the debugger: it stops at its first line."""
    if isinstance(handler, str) or handler is None:
        own = function._handler if isinstance(function, Function) else None
        target = own if own is not None and not handler else None
        if target is None:
            target = resolve_handler(function._doc(), handler or "")
    else:
        target = handler

    @functools.wraps(target)
    def call(*args: Any, **kwargs: Any) -> Any:
        return pdb.Pdb().runcall(target, *args, **kwargs)

    call.__signature__ = inspect.signature(target)  # type: ignore[attr-defined]
    return call
