"""Mistakes of the groups of a plan: nothing in them, or a name that is taken."""

from __future__ import annotations

from collections.abc import Iterator

from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Node, Part, Step
from mlrun_like.pipelines.plan import Plan

__all__ = ["group_problems", "noun"]


def group_problems(plan: Plan) -> Iterator[str]:
    """Groups without steps, and names that a group shares with another node."""
    seen: dict[str, Node] = {}
    for node in _nodes(plan.body):
        first = seen.setdefault(node.name, node)
        if first is not node and not (isinstance(first, Step) and isinstance(node, Step)):
            yield (
                f"{noun(first)} and {noun(node)} are both named {node.name!r}; give name= to one "
                "of them"
            )
        yield from _empty(node)


def _nodes(body: tuple[Node, ...]) -> Iterator[Node]:
    for node in body:
        yield node
        if isinstance(node, Branch):
            for arm in node.arms:
                yield from _nodes(arm.body)
        elif isinstance(node, Guard):
            yield from _nodes(node.body)
            yield node.handler
        elif isinstance(node, (Loop, Part)):
            yield from _nodes(node.body)


def _empty(node: Node) -> Iterator[str]:
    if isinstance(node, Branch):
        for number, arm in enumerate(node.arms):
            if not arm.body:
                first = "if" if not number else "elif"
                text = "else" if arm.condition is None else f"{first} {arm.condition.text}"
                yield (
                    f"gate {node.name!r}: its arm '{text}' has no steps; call a function in its "
                    "with block, or remove it"
                )
    elif not isinstance(node, Step) and not node.body:
        what = "guards" if isinstance(node, Guard) else "has"
        yield (f"{noun(node)} {node.name!r} {what} no steps; call a function in it, or remove it")


def noun(node: Node) -> str:
    """What a node is called in messages."""
    names = {Branch: "gate", Loop: "loop", Guard: "exit handler", Part: "nested pipeline"}
    return names.get(type(node), "step")
