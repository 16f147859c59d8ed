"""Ways back to earlier steps, as definitions name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.definition.arguments import step_names
from mlrun_like.serving.rounds import check_rounds

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

__all__ = ["heads_of", "taken_rounds"]


def taken_rounds(
    graph: Graph, class_args: dict[str, Any], name: str | None
) -> tuple[list[str], int | None]:
    """Where a step that is added leads back to, and how often events may come to it.

    Args:
        graph: The graph.
        class_args: Arguments of the step; `cycle_to` and `max_iterations` are taken out. Where the
            graph allows no ways back, they may be arguments of the step's class.
        name: The step.
    """
    for key in ("cycle_to", "max_iterations"):
        if class_args.get(key, ...) is None:
            del class_args[key]
    if not graph.allow_cyclic:
        back = class_args.get("cycle_to")
        return (heads_of(graph, back, name) if back else []), None
    back, most = class_args.pop("cycle_to", None), class_args.pop("max_iterations", None)
    where = f"step {name!r}" if name else "graph"
    return heads_of(graph, back, name, new=True), check_rounds(most, where)


def heads_of(graph: Graph, steps: Any, name: str | None, *, new: bool = False) -> list[str]:
    """The names of steps that a step leads back to.

    Args:
        graph: The graph.
        steps: The steps, or their names.
        name: The step that leads back.
        new: Whether it is being added, so that it may lead back to itself.

    Raises:
        GraphError: if the graph does not allow that, or has no such step.
    """
    names = step_names(steps, "cycle_to", name)
    if names and not graph.allow_cyclic:
        raise GraphError(
            f"step {name!r} leads back to an earlier step: "
            "cyclic graphs are not allowed, enable allow_cyclic",
            fix='fn.set_topology("flow", engine="async", allow_cyclic=True), or for a graph alone '
            "flow(allow_cyclic=True)",
        )
    known = [step.name for step in graph.steps]
    for each in names:
        if each not in known and not (new and each == name):
            raise GraphError(
                f"the graph has no step {each!r}.{nearest(each, known)}",
                where=f"step {name!r}",
                fix=f"steps: {', '.join(known) or 'none yet'}",
            )
    return names
