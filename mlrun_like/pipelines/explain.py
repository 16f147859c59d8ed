"""What a run of a plan would do, without running anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import PipelineError
from mlrun_like.names import check_project
from mlrun_like.pipelines.cache import Cache, CacheMode, Lookup
from mlrun_like.pipelines.engine.calls import StepCaller
from mlrun_like.pipelines.engine.execution import Execution
from mlrun_like.pipelines.engine.instances import Index
from mlrun_like.pipelines.engine.local import check_arguments
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.nodes import Arm, Branch, Guard, Node, Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.progress import Listener
from mlrun_like.pipelines.run import StepRun
from mlrun_like.tracking.connect import open_store

__all__ = ["Explained", "Explanation", "explain"]


class Explained(NamedTuple):
    """What would become of a step.

    Args:
        step: Its name.
        action: `run`, `reuse`, `depends` (on steps that will run) or `skip`.
        reason: Why.
    """

    step: str
    action: str
    reason: str


class Explanation(tuple[Explained, ...]):
    """The steps in the order of the plan; `str` is a table of them."""

    __slots__ = ()

    def __str__(self) -> str:
        wide = max((len(row.step) for row in self), default=0)
        return "\n".join(f"{row.step:<{wide}}  {row.action:<7}  {row.reason}" for row in self)

    def __repr__(self) -> str:
        counts: dict[str, int] = {}
        for row in self:
            counts[row.action] = counts.get(row.action, 0) + 1
        found = ", ".join(f"{count} {action}" for action, count in counts.items())
        return f"<explanation of {len(self)} steps: {found}>"


def explain(
    plan: Plan,
    arguments: Mapping[str, Any] | None = None,
    *,
    cache: CacheMode = None,
    refresh: Collection[str] = (),
    project: str = "",
) -> Explanation:
    """Say of each step whether it would run or be reused, and why.

    A step that needs values of steps which will run can only be decided then: it depends on them.

    Args:
        plan: The pipeline.
        arguments: Values of its parameters.
        cache: See `LocalEngine`.
        refresh: See `LocalEngine`.
        project: Where it would be recorded; by default the default project.

    Raises:
        PipelineError: if arguments are missing or unknown, or there is no such step to refresh.
        InvalidArgumentError: if the cache mode is not known.
    """
    given = check_arguments(plan, arguments or {})
    store, name = open_store(), check_project(project or config.default_project)
    free = replace(plan, body=tuple(_unordered(node) for node in plan.body))
    caller = _Asking(plan, name)
    caller.cache = Cache(store, name, plan, cache, refresh)
    Execution(free, Values(free, given), caller, workers=4).run()
    return Explanation(caller.row(step.name) for step in plan.steps)


class _WouldRunError(PipelineError):
    """Nothing stands in for a step."""


class _Asking(StepCaller):
    """A `Worker` that looks for earlier steps, and fails where there is none."""

    def __init__(self, plan: Plan, project: str) -> None:
        super().__init__("", project, open_store(), Listener())
        self._plan = plan
        self._runs: dict[str, list[StepRun]] = {}
        self._why: dict[str, str] = {}

    def execute(self, step: Step, index: Index, values: Values) -> StepRun:
        """See Worker."""
        if any(values.missing(step, index, ref) for ref in step.references()):
            return StepRun("skipped", blocked=True)  # it runs after failures, but not without them
        return super().execute(step, index, values)

    def lookup(self, step: Step, path: str, options: Mapping[str, Any]) -> Lookup | None:
        """See StepCaller."""
        found = super().lookup(step, path, options)
        if found is not None and found.run is None:
            self._why[path] = found.reason
        return found

    def run_function(self, step: Step, path: str, options: Mapping[str, Any]) -> Any:
        """See StepCaller."""
        raise _WouldRunError(self._why.get(path, ""))

    def started(self, path: str, step: Step) -> None:
        """See Worker."""

    def ended(self, path: str, index: Index, run: StepRun) -> None:
        """See Worker."""
        self._runs.setdefault(path.partition("[")[0], []).append(run)

    def row(self, name: str) -> Explained:
        """What becomes of a step in all its rounds."""
        runs = self._runs.get(name, [])
        running = [run for run in runs if run.state == "error"]
        waiting = [run for run in runs if run.state == "skipped" and run.blocked]
        reused = [run for run in runs if run.reused]
        many = f"{len(running)} of {len(runs)} rounds: " if len(runs) > 1 else ""
        if running:
            return Explained(name, "run", many + running[0].reason)
        if waiting:
            return Explained(name, "depends", f"on {', '.join(self._open(name)) or 'other steps'}")
        if reused:
            rounds = f"{len(reused)} rounds; the first " if len(reused) > 1 else ""
            return Explained(name, "reuse", rounds + reused[0].reason.removeprefix("reused: "))
        reason = runs[0].reason if runs else "its loop has no items"
        return Explained(name, "skip", reason)

    def _open(self, name: str) -> list[str]:
        """The steps it uses that will run, or depend on others themselves."""
        after = self._plan[name].after
        before = [step for step in self._plan.steps_before(name) if step not in after]
        return [
            step
            for step in before
            if any(run.state == "error" or run.blocked for run in self._runs.get(step, []))
        ]


def _unordered(node: Node) -> Node:
    """A node whose steps wait for values only: what merely comes before decides nothing."""
    if isinstance(node, Step):
        return replace(node, after=())
    if isinstance(node, Branch):
        arms = tuple(
            Arm(arm.condition, tuple(_unordered(each) for each in arm.body)) for arm in node.arms
        )
        return replace(node, arms=arms)
    body = tuple(_unordered(each) for each in node.body)
    if isinstance(node, Guard):
        return replace(node, body=body, handler=replace(node.handler, after=()))
    return replace(node, body=body)
