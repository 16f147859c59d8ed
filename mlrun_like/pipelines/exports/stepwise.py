"""One step of a plan, in a job of another engine: `mlrun-like run PACKAGE --step NAME`.

What came before is read from the state folder, where each job leaves what happened in it. Gates,
references and skipped steps are decided by the code of the local engine: it goes through the plan
again and takes for each other step what is recorded of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import PipelineError, nearest
from mlrun_like.names import check_project
from mlrun_like.pipelines.engine.calls import StepCaller
from mlrun_like.pipelines.engine.execution import Execution
from mlrun_like.pipelines.engine.instances import Index, Instance, shown_path
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.exports.joint import JointRun
from mlrun_like.pipelines.exports.state import StateFolder
from mlrun_like.pipelines.nodes import Branch, Loop, Part, Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.progress import Lines
from mlrun_like.pipelines.run import StepRun
from mlrun_like.tracking.connect import open_store

__all__ = ["Order", "Outcome", "run_node", "workflow_id"]

_NODE = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<round>\*|[0-9]+(?:,[0-9]+)*)\])?\Z")


@dataclass(frozen=True)
class Order:
    """What a job is to do.

    Args:
        node: A step such as `train`, `train[3]` (one round of a loop) or `train[*]` (all rounds); a
            branch, which is decided; or a loop, whose rounds are listed.
        state: Folder or URL that all jobs of one run share.
        workflow: What tells this run from others; runs of steps have it as label.
        project: Where runs are recorded.
        once: The caller tries again after a failure, so this does not.
        local: Whether the function runs in this process whatever its kind.
    """

    node: str
    state: str
    workflow: str = ""
    project: str = ""
    once: bool = False
    local: bool | None = None


@dataclass(frozen=True)
class Outcome:
    """What a job tells its engine.

    Args:
        value: Of a step its state; of a branch the number of its arm, or `none`; of a loop the
            rounds as JSON, such as `["0", "1"]` or `["0,0", "0,1"]`.
        failed: Whether the job failed.
        skipped: Whether there was nothing to do.
        reason: Why.
    """

    value: str
    failed: bool = False
    skipped: bool = False
    reason: str = ""


def workflow_id(text: str) -> str:
    """The id of a run from what the other engine calls it; a UUID stays what it is.

    >>> len(workflow_id("scheduled__2026-01-01T00:00:00+00:00"))
    32
    >>> workflow_id("0193a4b2-7c11-7d00-8000-2f5e6b1c9a10")
    '0193a4b27c117d0080002f5e6b1c9a10'
    """
    plain = text.replace("-", "").lower()
    return plain if re.fullmatch("[0-9a-f]{32}", plain) else _digest(text)


def run_node(
    plan: Plan, order: Order, arguments: Mapping[str, Any], report: Callable[[str], None]
) -> Outcome:
    """Do what an order says.

    Args:
        plan: The pipeline.
        order: Which part of it, and where its state is.
        arguments: Values of all its parameters.
        report: Receives lines of progress.

    Raises:
        PipelineError: if there is no such step, or the state folder is damaged.
    """
    match = _NODE.match(order.node)
    place = plan.places.get(match["name"]) if match else None
    if match is None or place is None or isinstance(place.node, Part):
        raise PipelineError(
            f"pipeline {plan.name!r} has no step {order.node!r}.{nearest(order.node, plan.places)}",
            fix=f"--step: one of {', '.join(plan.places)}",
        )
    depth = len(place.loops)
    wanted = None if match["round"] in (None, "*") else _index(match["round"])
    if isinstance(place.node, Step) and len(wanted or ()) != depth and match["round"] != "*":
        example = shown_path(place.name, (0,) * depth)
        raise PipelineError(
            f"step {place.name!r} is in {depth} loops, so {order.node!r} names no round of it",
            fix=f"--step {example!r}, or {place.name + '[*]'!r} for all",
        )
    folder = StateFolder(order.state)
    values = _Seen(plan, arguments)
    workflow = workflow_id(order.workflow or order.state)
    project = check_project(order.project or config.default_project)
    store = open_store()
    joint = JointRun(plan, arguments, store, project, workflow, order.workflow)
    stopped = joint.begin()
    if stopped:
        return Outcome("aborted", failed=True, reason=stopped)
    caller = _Caller(workflow, project, store, Lines(plan.name, report))
    caller.joint = joint
    worker = _Worker(caller, folder, order, (place.name, wanted))
    Execution(plan, values, worker, workers=4 if match["round"] == "*" else 1).run()
    if worker.found:
        joint.finish()
    if isinstance(place.node, Branch):
        return _decided(values.decisions.get((place.name, wanted or ())))
    if isinstance(place.node, Loop):
        return _listed(values.rounds.get(place.name, {}))
    return _done(list(worker.found.values()))


class _Seen(Values):
    """Values that remember what was decided."""

    def __init__(self, plan: Plan, arguments: Mapping[str, Any]) -> None:
        super().__init__(plan, arguments)
        self.decisions: dict[tuple[str, Index], tuple[int | None, StepRun | None]] = {}
        self.rounds: dict[str, dict[Index, StepRun | int]] = {}

    def decide(self, branch: Branch, index: Index) -> None:
        super().decide(branch, index)
        self.decisions[(branch.name, index)] = self._gates[Instance(branch.name, index)]

    def items(self, loop: Loop, index: Index) -> tuple[StepRun | None, Sequence[Any]]:
        verdict, found = super().items(loop, index)
        count: StepRun | int = len(found) if verdict is None else verdict
        self.rounds.setdefault(loop.name, {})[index] = count
        return verdict, found


class _Caller(StepCaller):
    """Makes runs of steps that the pipeline's run knows of."""

    joint: JointRun

    def attempt(self, path: str) -> int:
        """See StepCaller.attempt."""
        return self.joint.attempt(path)

    def started(self, path: str, step: Step) -> None:
        """See Worker of the engine."""
        self.joint.started(path)
        super().started(path, step)

    def ended(self, path: str, index: Index, run: StepRun) -> None:
        """See Worker of the engine."""
        if not run.reused:
            self.joint.ended(path, run)
        super().ended(path, index, run)


class _Worker:
    """Runs the wanted step; of all others it gives what is recorded."""

    def __init__(
        self,
        caller: _Caller,
        folder: StateFolder,
        order: Order,
        wanted: tuple[str, Index | None],
    ) -> None:
        self._caller = caller
        self._folder = folder
        self._order = order
        self._wanted = wanted
        self._known = folder.read()
        self.found: dict[str, StepRun] = {}

    def execute(self, step: Step, index: Index, values: Values) -> StepRun:
        """See Worker of the engine."""
        path = shown_path(step.name, index)
        recorded = self._known.get(path)
        if not self._mine(step.name, index):
            reason = "it has not run" if recorded is None else ""
            return recorded or StepRun("skipped", reason=reason, blocked=True)
        if recorded is not None and recorded.state == "completed":
            return replace(recorded, reused=True)  # an earlier attempt of this job did it
        options: dict[str, Any] = {"watch": True, **step.options}  # the job's log shows its prints
        if self._order.once:
            options["retry"] = 0
        if self._order.local is not None:
            options["local"] = self._order.local
        step = replace(step, options=options)
        self._caller.started(path, step)
        return self._caller.execute(step, index, values)

    def started(self, path: str, step: Step) -> None:
        """See Worker of the engine."""

    def ended(self, path: str, index: Index, run: StepRun) -> None:
        """See Worker of the engine."""
        if self._mine(path.partition("[")[0], index):
            self.found[path] = run
            self._caller.ended(path, index, run)  # before the file, by which it is done for good
            self._folder.write(path, run)

    def rounds(self, loop: str, count: int) -> None:
        """See Worker of the engine."""

    def stop(self) -> None:
        """See Worker of the engine."""
        self._caller.stop()

    def _mine(self, name: str, index: Index) -> bool:
        wanted, only = self._wanted
        return name == wanted and (only is None or index == only)


def _decided(decision: tuple[int | None, StepRun | None] | None) -> Outcome:
    arm, verdict = decision or (None, None)
    reason = verdict.reason if verdict is not None else ""
    if arm is not None:
        return Outcome(str(arm), reason=reason)
    failed = verdict is not None and verdict.state == "error"
    return Outcome("none", failed=failed, reason=reason)


def _listed(counts: Mapping[Index, StepRun | int]) -> Outcome:
    rounds: list[str] = []
    for index, count in sorted(counts.items()):
        if isinstance(count, int):
            rounds += [",".join(map(str, (*index, number))) for number in range(count)]
        elif count.state == "error":
            return Outcome("[]", failed=True, reason=count.reason)
    reasons = [count.reason for count in counts.values() if isinstance(count, StepRun)]
    return Outcome(json.dumps(rounds), reason="; ".join(reasons[:1]))


def _done(runs: list[StepRun]) -> Outcome:
    states = [run.state for run in runs]
    for state in ("error", "aborted"):
        if state in states:
            return Outcome(state, failed=True, reason=runs[states.index(state)].reason)
    if "completed" in states:
        return Outcome("completed")
    return Outcome("skipped", skipped=True, reason=runs[0].reason if runs else "no rounds")


def _index(text: str) -> Index:
    return tuple(int(part) for part in text.split(","))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
