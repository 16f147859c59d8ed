"""Which DAG each step is in, and behind which gates.

Gates are conditions of tasks, so that a step in a branch costs nothing more and only what needs a
skipped or failed step is left out. DAGs of their own are: the body of a loop, the body of an exit
handler, a loop or guard behind a gate, a branch one of whose outputs is taken (`OneOf`), and a step
behind a gate that others come after: such a DAG ends well when the step was skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.exports.kubeflow.channels import Ids
from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Node, Part, Step
from mlrun_like.pipelines.plan import Place, Plan
from mlrun_like.pipelines.refs import CollectRef, OneOfRef, producers
from mlrun_like.pipelines.values import Ref, refs_in

__all__ = ["Gates", "Layout", "Scope", "Task", "branch_of", "choices", "deep_refs"]

Gates = tuple[tuple[Branch, int], ...]
"""The branches around a node in its DAG, outermost first, and in which arm it is."""


@dataclass(eq=False)
class Task:
    """A task of a DAG; `node` is None for a DAG, and a loop or branch for what helps it."""

    id: str
    title: str
    gates: Gates = ()
    node: Step | Loop | Branch | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    after: dict[str, None] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def take(self, name: str, source: dict[str, Any], type_: str) -> None:
        """Add an input, and the task that gives it as one that comes before."""
        self.inputs[name], self.types[name] = source, type_
        given = source.get("taskOutputParameter") or source.get("taskFinalStatus")
        if given:
            self.after[given["producerTask"]] = None


@dataclass(eq=False)
class Scope:
    """A DAG: the pipeline itself, or a task of the DAG around it."""

    kind: str
    task: Task
    parent: Scope | None = None
    loop: Loop | None = None
    tasks: list[Task] = field(default_factory=list)
    inner: dict[str, Scope] = field(default_factory=dict)
    outputs: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)

    def child_towards(self, other: Scope) -> Scope | None:
        """The DAG directly in this one that is, or holds, another; None: it is not in this one."""
        while other.parent is not None:
            if other.parent is self:
                return other
            other = other.parent
        return None


class Layout:
    """See the module.

    Args:
        plan: The pipeline.

    Raises:
        PipelineError: if the plan cannot be expressed.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ids = Ids()
        self.root = Scope("root", Task("", plan.name))
        self.homes: dict[str, Scope] = {}
        self.tasks: dict[str, Task] = {}
        self.scopes: dict[str, Scope] = {}
        for name in plan.places:
            self.ids.of(name)
        self._choosing = {branch_of(ref, plan).name for ref in choices(plan)}
        self._ordered = set(_ordered(plan))
        self._lay(plan.body, self.root, ())

    def _lay(self, body: tuple[Node, ...], scope: Scope, gates: Gates) -> None:
        for node in body:
            if isinstance(node, Step):
                inside = scope
                if gates and node.name in self._ordered:
                    inside = self._wrap(f"{node.name}-done", "group", scope, ())
                self._step(node, inside, gates)
            elif isinstance(node, Branch):
                inside, before = scope, gates
                if node.name in self._choosing:
                    inside, before = self._wrap(node.name, "branch", scope, gates), ()
                self.homes[node.name] = inside
                self.tasks[node.name] = Task("", node.name, before, node)
                for number, arm in enumerate(node.arms):
                    self._lay(arm.body, inside, (*before, (node, number)))
            elif isinstance(node, Part):
                self._lay(node.body, scope, gates)
            else:
                if gates and node.name in self._ordered:
                    scope = self._wrap(f"{node.name}-done", "group", scope, ())
                    self._gated(node, scope, gates)
                    scope = scope.parent or scope
                else:
                    self._gated(node, scope, gates)

    def _gated(self, node: Loop | Guard, scope: Scope, gates: Gates) -> None:
        if gates:
            scope = self._wrap(f"{node.name}-when", "gate", scope, gates)
        kind = "loop" if isinstance(node, Loop) else "guard"
        inside = self._wrap(node.name, kind, scope, ())
        if isinstance(node, Loop):
            inside.loop = node
        self._lay(node.body, inside, ())
        if isinstance(node, Guard):
            self._step(node.handler, scope, ()).after[inside.task.id] = None

    def _step(self, node: Step, scope: Scope, gates: Gates) -> Task:
        title = node.policy.display_name or node.name
        task = Task(self.ids.of(node.name), title, gates, node)
        scope.tasks.append(task)
        self.homes[node.name], self.tasks[node.name] = scope, task
        return task

    def _wrap(self, name: str, kind: str, scope: Scope, gates: Gates) -> Scope:
        named = kind in ("loop", "guard", "branch")
        task = Task(self.ids.of(name) if named else self.ids.free(name), name, gates)
        found = Scope(kind, task, scope)
        scope.tasks.append(task)
        scope.inner[task.id] = found
        if named:
            self.scopes[name] = found
        return found


def branch_of(ref: OneOfRef, plan: Plan) -> Branch:
    """The innermost branch whose arms give the choices.

    Raises:
        PipelineError: if there is none, or it may choose none of them.
    """
    places = [plan.places[name] for name in producers(ref)]
    shared = [
        above.node
        for above in places[0].above
        if isinstance(above.node, Branch)
        and all(above.node in [each.node for each in place.above] for place in places)
    ]
    if not shared:
        raise PipelineError(
            f"{ref.text}: these steps are not in the arms of one branch, as Kubeflow wants it",
            where=f"pipeline {plan.name!r}",
            fix="choose between steps of If and Else",
        )
    branch = shared[-1]
    arms = {a.arm for place in places for a in place.above if a.node is branch}
    if branch.arms[-1].condition is not None or arms != set(range(len(branch.arms))):
        raise PipelineError(
            f"{ref.text}: Kubeflow wants one choice in each arm, and an Else",
            where=f"pipeline {plan.name!r}, branch {branch.name!r}",
            fix="add an Else whose step gives the value of that case",
        )
    return branch


def deep_refs(value: Any) -> Iterator[Ref]:
    """The references in a value, also those that others hold."""
    for ref in refs_in(value):
        yield ref
        if isinstance(ref, CollectRef):
            yield from deep_refs(ref.each)


def choices(plan: Plan) -> Iterator[OneOfRef]:
    """Every use of the one of several values that is there."""
    used: list[Any] = [plan.outputs or {}]
    for place in plan.places.values():
        node = place.node
        used += place.refs()
        used += [arm.condition for arm in node.arms] if isinstance(node, Branch) else []
        used += [node.items] if isinstance(node, Loop) else []
    yield from (ref for ref in deep_refs(used) if isinstance(ref, OneOfRef))


def _ordered(plan: Plan) -> Iterator[str]:
    """Nodes behind gates that others come after which are not behind the same ones."""
    for step in plan.steps:
        own = plan.places[step.name].above
        for name in (inner for after in step.after for inner in plan.inside(after)):
            found = _gated_node(plan.places[name], [(each.node, each.arm) for each in own])
            if found:
                yield found


def _gated_node(place: Place, around: list[tuple[Any, int]]) -> str:
    gated = False
    for above in place.above:
        if (above.node, above.arm) in around:
            continue
        if isinstance(above.node, Branch):
            gated = True
        elif not isinstance(above.node, Part):
            return above.node.name if gated else ""
    return place.name if gated else ""
