"""The plan of a pipeline: immutable and checked; engines run it, exporters translate it.

A plan is a tree. Its leaves are steps; the nodes above them say when and how often: a `Branch` has
arms of which one runs, a `Loop` runs its body once for each item, a `Guard` has a handler that runs
at the end whatever happened, a `Part` is a pipeline inside a pipeline. Names of nodes are unique in
the whole tree, so that a reference names a step and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlrun_like.dag import topological_order
from mlrun_like.pipelines.flowchart import to_mermaid
from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Node, Parameter, Part, Step, shown
from mlrun_like.pipelines.pictures import bundle, listing
from mlrun_like.pipelines.refs import producers
from mlrun_like.pipelines.svg import Drawing
from mlrun_like.pipelines.tallies import Tallies
from mlrun_like.pipelines.values import Ref, refs_in

__all__ = ["Above", "Place", "Plan", "all_steps"]


@dataclass(frozen=True, eq=False)
class Plan:
    """A checked pipeline; `str(plan)` lists its steps in a possible order.

    Args:
        name: The pipeline's name.
        body: In the order they were written.
        parameters: By name.
        outputs: What the run gives back: references by name; None: all outputs of all steps.
        cache: Whether equal earlier steps stand in, unless a run or a step says otherwise.
        description: What the pipeline's docstring says first.
    """

    name: str
    body: tuple[Node, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None
    cache: bool = False
    description: str = ""

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where each node is, by name, in the order they were written."""
        return {place.name: place for place in _walk(self.body, ())}

    @property
    def steps(self) -> list[Step]:
        """All steps, in the order they were written, handlers last in their guard."""
        return [p.node for p in self.places.values() if isinstance(p.node, Step)]

    def __getitem__(self, name: str) -> Step:
        node = self.places[name].node
        if not isinstance(node, Step):
            raise KeyError(name)
        return node

    def parents(self, name: str) -> list[str]:
        """Names of the steps and groups that come before a step, by use, order or gate."""
        place = self.places[name]
        found: dict[str, None] = {}
        for used in [*place.refs(), *(ref for above in place.above for ref in above.gate_refs())]:
            found.update(dict.fromkeys(producers(used)))
        node = place.node
        if isinstance(node, Step):
            found.update(dict.fromkeys(node.after))
        for above in place.above:
            if isinstance(above.node, Guard) and above.node.handler is node:
                inside = _walk(above.node.body, ())
                found.update((p.name, None) for p in inside if isinstance(p.node, Step))
        return list(found)

    def steps_before(self, name: str) -> list[str]:
        """Names of the steps that a step waits for; of a group: all that are in it."""
        found = [step for parent in self.parents(name) for step in self.inside(parent)]
        return list(dict.fromkeys(found))

    def order(self) -> list[str]:
        """The steps' names, each after those it needs."""
        return topological_order({step.name: self.steps_before(step.name) for step in self.steps})

    def inside(self, name: str) -> list[str]:
        """The names of the steps in a group; of a step: its own."""
        return self._inside.get(name, [])

    @cached_property
    def _inside(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in self.places}
        for name, place in self.places.items():
            if isinstance(place.node, Step):
                found[name].append(name)
                for above in place.above:
                    found[above.node.name].append(name)
        return found

    def __str__(self) -> str:
        return listing(self)

    def plot(self, states: Any = None) -> str:
        """The plan as Mermaid text; loops, branches, guarded and nested parts are frames.

        Args:
            states: What is known of a run: `PipelineRun.steps`, or states by step. None: none.
        """
        return to_mermaid(self, states)

    def to_svg(self, states: Any = None) -> str:
        """The plan as an SVG document.

        Args:
            states: See `plot`.
        """
        tallies = None if states is None else Tallies.of(self, states)
        return Drawing(self, live=states is not None).svg(tallies)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        del include, exclude
        return bundle(self.to_svg(), str(self))


@dataclass(frozen=True, eq=False)
class Above:
    """A group around a node, and by which arm the node is in it."""

    node: Branch | Loop | Guard | Part
    arm: int = 0

    @property
    def gate(self) -> str:
        """Why the inside may not run, or how often it runs; empty: it runs once."""
        node = self.node
        if isinstance(node, Loop):
            return f"for each {node.name} of {shown(node.items)}"
        if isinstance(node, Guard):
            return f"at the end of {node.name}" if self.arm else ""
        if isinstance(node, Part):
            return ""
        earlier = [arm.condition for arm in node.arms[: self.arm]]
        before = [f"not ({each.text})" for each in earlier if each is not None]
        own = node.arms[self.arm].condition
        return "when " + " and ".join([*before, *([own.text] if own is not None else [])])

    def gate_refs(self) -> list[Ref]:
        """The values that decide whether, or how often, the inside runs."""
        if isinstance(self.node, Branch):
            return [*refs_in([arm.condition for arm in self.node.arms])]
        return [*refs_in(self.node.items)] if isinstance(self.node, Loop) else []


@dataclass(frozen=True, eq=False)
class Place:
    """A node and the groups around it, outermost first."""

    node: Node
    above: tuple[Above, ...]

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @cached_property
    def loops(self) -> tuple[str, ...]:
        """The names of the loops around it, outermost first."""
        return tuple(a.node.name for a in self.above if isinstance(a.node, Loop))

    def refs(self) -> list[Ref]:
        """The values that the node itself uses."""
        return self.node.references() if isinstance(self.node, Step) else []


def _walk(body: tuple[Node, ...], above: tuple[Above, ...]) -> Iterator[Place]:
    for node in body:
        yield Place(node, above)
        if isinstance(node, Branch):
            for number, arm in enumerate(node.arms):
                yield from _walk(arm.body, (*above, Above(node, number)))
        elif isinstance(node, Guard):
            yield from _walk(node.body, (*above, Above(node)))
            yield Place(node.handler, (*above, Above(node, 1)))
        elif isinstance(node, (Loop, Part)):
            yield from _walk(node.body, (*above, Above(node)))


def all_steps(body: tuple[Node, ...]) -> list[Step]:
    """The steps of a tree, also those that share a name."""
    return [place.node for place in _walk(body, ()) if isinstance(place.node, Step)]
