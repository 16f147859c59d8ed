"""Whether chunks can go through a graph step by step, with the rows in the order of single events.

A single event goes down one branch to its end before it takes the next. A step that is reached on
several ways sees it once for each; if what comes on one way comes before and after what comes on
another, chunks cannot follow that.
"""

from __future__ import annotations

from mlrun_like.serving.engine.plan import Plan

__all__ = ["in_step"]

_MOST = 1000


def in_step(plan: Plan) -> bool:
    """Whether every step sees its rows way by way, and its ways in the order of the steps."""
    arrivals: dict[str, list[str]] = {name: [] for name in plan.nodes}
    stack = [("", name) for name in reversed(plan.starts)]
    visits = 0
    while stack:
        parent, name = stack.pop()
        visits += 1
        if visits > _MOST:
            return False
        arrivals[name].append(parent)
        stack += [(name, child) for child in reversed(plan.nodes[name].children)]
    place = {name: number for number, name in enumerate(["", *plan.nodes])}
    return all(
        [place[parent] for parent in parents] == sorted(place[parent] for parent in parents)
        for parents in arrivals.values()
    )
