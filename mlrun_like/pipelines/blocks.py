"""A plan as boxes in boxes with arrows between them: what its pictures draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Node, Part, Step, shown
from mlrun_like.pipelines.refs import producers
from mlrun_like.pipelines.values import Ref, refs_in

if TYPE_CHECKING:
    from mlrun_like.pipelines.plan import Plan

__all__ = ["Arrow", "Block", "arrows_of", "blocks_of"]


@dataclass
class Block:
    """A step, or a frame around others.

    Args:
        id: Unique in the picture: `n0` of steps, `g0` of frames.
        name: Of the node.
        title: What is shown.
        kind: `step`, `handler`, `loop`, `branch`, `arm`, `guard`, `part`, or `plan` around all.
        note: A second line.
        inside: What a frame is around.
    """

    id: str
    name: str
    title: str
    kind: str
    note: str = ""
    inside: list[Block] = field(default_factory=list)

    def all(self) -> Iterator[Block]:
        """This and all inside."""
        yield self
        for block in self.inside:
            yield from block.all()


@dataclass(frozen=True)
class Arrow:
    """From a block to one that comes later, by their ids; `end`: it waits for the end of all."""

    source: str
    target: str
    end: bool = False


def blocks_of(plan: Plan) -> Block:
    """All blocks, in one around them."""
    numbers = {step.name: number for number, step in enumerate(plan.steps)}
    frames = iter(range(10**9))

    def many(body: tuple[Node, ...]) -> list[Block]:
        return [block for node in body for block in one(node)]

    def frame(node: Node, title: str, kind: str, inside: list[Block]) -> Block:
        return Block(f"g{next(frames)}", node.name, title, kind, inside=inside)

    def step(node: Step, kind: str) -> Block:
        title = node.policy.display_name or node.name
        note = node.function.name if node.function.name != node.name else ""
        note = f"{node.action} {note or node.name}" if node.action != "run" else note
        return Block(f"n{numbers[node.name]}", node.name, title, kind, note)

    def one(node: Node) -> list[Block]:
        if isinstance(node, Step):
            return [step(node, "step")]
        if isinstance(node, Branch):
            arms = []
            for number, arm in enumerate(node.arms):
                word = "elif" if number else "if"
                title = "else" if arm.condition is None else f"{word} {arm.condition.text}"
                arms.append(frame(node, title, "arm", many(arm.body)))
            return [frame(node, node.name, "branch", arms)]
        if isinstance(node, Guard):
            body = frame(node, node.name, "guard", many(node.body))
            return [body, step(node.handler, "handler")]
        if isinstance(node, Loop):
            title = f"for each {node.name} of {shown(node.items)}"
            title += f", {node.parallelism} at a time" if node.parallelism else ""
            return [frame(node, title, "loop", many(node.body))]
        return [frame(node, node.name, "part", many(node.body))]

    return Block("plan", plan.name, plan.name, "plan", inside=many(plan.body))


def arrows_of(plan: Plan, root: Block) -> list[Arrow]:
    """What waits for what: for values and order between steps, for what decides on frames."""
    ids = {block.name: block.id for block in root.all() if block.kind not in ("arm", "plan")}
    found: dict[Arrow, None] = {}

    def add(refs: list[Ref], target: str) -> None:
        for name in dict.fromkeys(made for ref in refs for made in producers(ref)):
            if name in ids:
                found[Arrow(ids[name], target)] = None

    for name, place in plan.places.items():
        node = place.node
        if name not in ids:
            continue
        if isinstance(node, Step):
            add(node.references(), ids[name])
            found.update({Arrow(ids[n], ids[name]): None for n in node.after if n in ids})
        elif isinstance(node, Branch):
            add(list(refs_in([arm.condition for arm in node.arms])), ids[name])
        elif isinstance(node, Loop):
            add(list(refs_in(node.items)), ids[name])
        elif isinstance(node, Guard) and node.handler.name in ids:
            found[Arrow(ids[name], ids[node.handler.name], end=True)] = None
        elif isinstance(node, Part):
            continue
    return list(found)
