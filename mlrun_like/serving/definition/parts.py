"""The part of a graph that one of its functions runs, for trying it alone."""

from __future__ import annotations

import copy

from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import QueueStep
from mlrun_like.serving.queues.split import part_of

__all__ = ["part_for"]


def part_for(graph: Graph, function: str, own: str = "") -> Graph:
    """The steps of a function as a graph of their own; events enter where its queue would.

    Args:
        graph: The whole graph.
        function: A child function; `"*"`: the whole graph.
        own: The name of the function whose graph it is.

    Raises:
        GraphError: if there is no such function, or the graph cannot be split.

    >>> graph = Graph(engine="sync")
    >>> _ = graph.to(abs, "size").to(">>", "sizes", path="")
    >>> _ = graph.add_step("math.sqrt", "root", after="sizes", function="rooter")
    >>> [step.name for step in part_for(graph, "rooter").steps]
    ['root']
    """
    if function == "*":
        return graph
    whole = copy.copy(graph)
    whole.steps = []
    for step in graph.steps:
        twin = copy.copy(step)
        if isinstance(twin, QueueStep) and not twin.path:  # the cut is there all the same
            twin.class_args = {**twin.class_args, "path": f"memory://{twin.name}"}
        whole.steps.append(twin)
    part = part_of(whole, "" if function in ("", own) else function).graph
    for step in part.steps:
        step.responder = whole[step.name].responder
    return part
