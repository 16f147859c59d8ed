"""What a picture needs to know of a step, and the steps of a graph as a network of boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlrun_like.errors import InvalidArgumentError

__all__ = ["START", "Edge", "Network", "Node"]

START = "\0start"
"""Name of the mark where events come in; no step can have it."""


@dataclass(frozen=True)
class Node:
    """One step in a picture.

    Args:
        name: The step's name, unique in the graph.
        kind: `"task"`, `"router"`, `"queue"` or `"error_step"`; others look like tasks.
        after: Names of the steps before it.
        routes: Names of a router's routes.
        responder: Whether its result answers the caller.
        function: The child function it belongs to; steps of one are drawn in a frame.
        on_error: Name of the step that receives its errors.
        before: Names of steps that go on after it, as error handlers have them.
        note: A second line, such as the class, in small letters.
        back: Names of the later steps that lead back to it; they are not in `after`.
        shape: A shape other than the kind's, by Graphviz's names (`"ellipse"`, `"cylinder"`, …).

    >>> Node("double", after=["clean"], responder=True).kind
    'task'
    """

    name: str
    kind: str = "task"
    after: Sequence[str] = ()
    routes: Sequence[str] = ()
    responder: bool = False
    function: str = ""
    on_error: str = ""
    before: Sequence[str] = ()
    note: str = ""
    shape: str = ""
    back: Sequence[str] = ()


@dataclass(frozen=True)
class Edge:
    """An arrow between two boxes, by their names."""

    source: str
    target: str
    kind: Literal["flow", "error", "back"] = "flow"


@dataclass
class Network:
    """Boxes and arrows of a picture; names of steps that do not exist become boxes too.

    Args:
        nodes: The boxes, by name, in the order of the graph.
        edges: The arrows.

    >>> network = Network.of([Node("a"), Node("b", after=["a"])])
    >>> [(edge.source, edge.target) for edge in network.edges if edge.source != START]
    [('a', 'b')]
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    @classmethod
    def of(cls, steps: Iterable[Node], *, source: str = "start", on_error: str = "") -> Network:
        """The network of these steps.

        Args:
            steps: The steps.
            source: What stands at the place where events come in; empty: no such mark.
            on_error: Name of the step that receives the errors of all steps without a handler.

        Raises:
            InvalidArgumentError: if two steps have one name.
        """
        network = cls()
        handlers = {on_error}
        for step in steps:
            if step.name in network.nodes:
                raise InvalidArgumentError(
                    f"two steps are called {step.name!r}", fix="give each step its own name"
                )
            network.nodes[step.name] = step
            handlers.add(step.on_error)
        listed = list(network.nodes.values())
        for step in listed:
            for above in dict.fromkeys(step.after):
                network._connect(above, step.name)
            for below in dict.fromkeys(step.before):
                network._connect(step.name, below)
            for below in dict.fromkeys(step.back):
                network._connect(below, step.name, "back")
            if step.on_error:
                network._connect(step.name, step.on_error, "error")
        if on_error:
            network._know(on_error)
        reached = {edge.target for edge in network.edges if edge.kind != "back"}
        starts = [
            step.name
            for step in listed
            if step.name not in reached | handlers and step.kind != "error_step"
        ]
        if source and starts:
            network.nodes = {START: Node(source, "start"), **network.nodes}
            network.edges[:0] = [Edge(START, name) for name in starts]
        return network

    def _know(self, name: str) -> None:
        if name not in self.nodes:
            self.nodes[name] = Node(name, "missing", note="no such step")

    def _connect(
        self, source: str, target: str, kind: Literal["flow", "error", "back"] = "flow"
    ) -> None:
        self._know(source)
        self._know(target)
        edge = Edge(source, target, kind)
        if edge not in self.edges:
            self.edges.append(edge)
