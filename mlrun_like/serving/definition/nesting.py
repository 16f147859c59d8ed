"""A graph inside a graph: its steps become steps of the outer one, so nesting costs nothing."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.step import GraphStep, RouterStep

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["insert_flow"]


def insert_flow(outer: Graph, inner: Graph, name: str, after: list[str]) -> GraphStep:
    """Add copies of the inner graph's steps as `name/step`; returns its last step.

    The last step is the one that responds in the inner graph, else the only one without
    followers. Responding itself is left to the outer graph. An error handler of the inner graph
    becomes that of its steps, except those that it leads to itself. Ways back within the inner
    graph stay there: they change nothing of the outer one.

    Raises:
        GraphError: if the inner graph is empty or has several ends.
    """
    followed = {parent for step in inner.steps for parent in step.earlier}
    handlers = {step.on_error for step in inner.steps} | {inner.on_error}
    ends = [s for s in inner.steps if s.responder] or [
        s for s in inner.steps if s.name not in followed and s.name not in handlers
    ]
    if len(ends) != 1:
        names = ", ".join(step.name for step in ends)
        raise GraphError(
            f"the flow {name!r} has {len(ends)} ends{': ' + names if names else ''}",
            fix="let one step of it call .respond(), or join its branches",
        )
    last = ends[0]
    handling = handlers | _from(inner, {inner.on_error})
    outer.share(inner)
    for step in inner.steps:
        made = copy.copy(step)
        made.graph = outer
        made.name = f"{name}/{step.name}"
        made.responder = False
        made.class_args = dict(step.class_args)
        if isinstance(made, RouterStep) and isinstance(step, RouterStep):
            made.routes = dict(step.routes)
        made.after = [f"{name}/{parent}" for parent in step.after]
        made.cycle_from = [f"{name}/{parent}" for parent in step.cycle_from]
        made.max_iterations = step.max_iterations or inner.max_iterations
        made.before = [f"{name}/{follower}" for follower in step.before]
        if not made.earlier and step.kind != "error_step" and step.name not in handlers:
            made.after = [*after, *made.after]
        on_error = step.on_error or (inner.on_error if step.name not in handling else "")
        made.on_error = f"{name}/{on_error}" if on_error else ""
        outer.steps.append(made)
        if step is last:
            result = made
    return result


def _from(graph: Graph, starts: set[str]) -> set[str]:
    """These steps and all that come after them."""
    found, count = set(starts), 0
    while count != len(found):
        count = len(found)
        found |= {step.name for step in graph.steps if not found.isdisjoint(step.after)}
    return found
