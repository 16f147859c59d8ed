"""A graph, cut at its queues into the parts that its functions run."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import GraphError, nearest
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import GraphStep, QueueStep
from mlrun_like.serving.definition.structure import starts_of

__all__ = ["Part", "group_of", "part_of", "split"]

_EVERYWHERE = "*"


@dataclass(frozen=True)
class Part:
    """What one function runs.

    Args:
        function: Its name; empty: the graph's own function, where events enter.
        graph: Its steps. Queues that it pushes to are its last steps.
        source: The queue it reads, or None: events come to it otherwise.
        group: The consumer group it reads the queue with.
        outputs: The queues it pushes to.
    """

    function: str
    graph: Graph
    source: QueueStep | None
    group: str
    outputs: tuple[QueueStep, ...]


def split(graph: Graph) -> dict[str, Part]:
    """The part of each function, by its name.

    The graph's own function (steps without `function=`) is named `""`. An error handler belongs to
    every function whose steps it handles, unless it names a function.

    >>> graph = Graph()
    >>> _ = graph.to(abs, "size").to(">>", "sizes", path="memory://sizes")
    >>> _ = graph.add_step("math.sqrt", "root", after="sizes", function="rooter")
    >>> {name: [step.name for step in part.graph.steps] for name, part in split(graph).items()}
    {'': ['size', 'sizes'], 'rooter': ['root']}

    Raises:
        GraphError: naming every step that is in no function, or follows one of another function
            without a queue between them.
    """
    cut = _Cut(graph)
    parts = {name: cut.part(name) for name in cut.functions()}
    missed = [
        step.name
        for step in graph.steps
        if step.name not in cut.reached and step.name not in cut.handlers
    ]
    problems = cut.problems + [f"step {name!r} is in no function's part" for name in missed]
    if problems:
        raise GraphError(
            "the graph cannot be split into functions:\n  - " + "\n  - ".join(problems),
            fix='put a queue between functions: .to(">>", "name", path="redis://…").to(…, '
            'function="child")',
        )
    return parts


def part_of(graph: Graph, function: str) -> Part:
    """The part of one function.

    Raises:
        GraphError: if there is no such function, or the graph cannot be split.
    """
    parts = split(graph)
    if function not in parts:
        named = [name for name in parts if name]
        raise GraphError(
            f"the graph has no function {function!r}.{nearest(function, named)}",
            fix=f"functions: {', '.join(named) or 'none is named; leave the name out'}",
        )
    return parts[function]


def group_of(queue: QueueStep, function: str) -> str:
    """The consumer group with which a function reads a queue (MLRun's name by default).

    >>> group_of(QueueStep(Graph(), "q", class_args={"path": "memory://q"}), "child")
    'child-consumer-group'
    """
    given = queue.class_args.get("group")
    return str(given) if given else f"{function or 'root'}-consumer-group"


class _Cut:
    """The graph with what is asked of it again and again."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.steps = {step.name: step for step in graph.steps}
        self.children: dict[str, list[GraphStep]] = {name: [] for name in self.steps}
        for step in graph.steps:
            for parent in step.after:
                if parent in self.children:
                    self.children[parent].append(step)
        self.queues = {s.name: s for s in graph.steps if isinstance(s, QueueStep) and s.path}
        named = {step.on_error for step in graph.steps} | {graph.on_error}
        self.handlers = {s.name for s in graph.steps if s.kind == "error_step" or s.name in named}
        self.problems: list[str] = []
        self.reached: set[str] = set()

    def functions(self) -> list[str]:
        """Names, in the order of the graph; the graph's own first."""
        named = [s.function for s in self.graph.steps if not isinstance(s, QueueStep)]
        found = [name for name in dict.fromkeys(named) if name not in ("", _EVERYWHERE)]
        return ["", *found]

    def readers(self, queue: QueueStep) -> list[str]:
        """The functions that read a queue."""
        found = [step.function for step in self.children[queue.name]]
        return [name for name in dict.fromkeys(found) if name != _EVERYWHERE]

    def part(self, function: str) -> Part:
        """The steps of a function, from where its events enter to its queues."""
        sources = [q for q in self.queues.values() if function in self.readers(q)]
        if function == "":
            for queue in sources:
                followers = [s.name for s in self.children[queue.name] if not s.function]
                self.problems.append(
                    f"step {followers[0]!r} must specify a function, because it follows the queue "
                    f"{queue.name!r}"
                )
            starts = [self.steps[name] for name in starts_of(self.graph)]
            sources = []
        else:
            starts = [s for q in sources for s in self.children[q.name] if self._is(s, function)]
        if len(sources) > 1:
            names = ", ".join(queue.name for queue in sources)
            self.problems.append(f"function {function!r} reads several queues ({names})")
        found = self._follow(starts, function)
        for name, step in list(found.items()):
            for handler in (step.on_error, self.graph.on_error):
                if handler in self.steps and self.steps[handler].function in ("", function, "*"):
                    found |= self._follow([self.steps[handler]], function, also=True)
                elif handler in self.steps:
                    self.problems.append(
                        f"step {name!r} of {_shown(function)} has an error handler {handler!r} in "
                        f"another function ({self.steps[handler].function!r})"
                    )
        self.reached |= set(found)
        if sources:
            self.reached.add(sources[0].name)
        return self._made(function, found, sources[0] if sources else None)

    def _is(self, step: GraphStep, function: str) -> bool:
        return step.function in (function, _EVERYWHERE) or isinstance(step, QueueStep)

    def _follow(
        self, starts: list[GraphStep], function: str, also: bool = False
    ) -> dict[str, GraphStep]:
        """Steps that an event reaches within a function; `also`: the first may be anybody's."""
        found: dict[str, GraphStep] = {}
        waiting = list(starts)
        while waiting:
            step = waiting.pop(0)
            if step.name in found:
                continue
            if not (self._is(step, function) or (also and step in starts)):
                above = next((name for name in step.after if name in found), "the start")
                self.problems.append(
                    f"step {step.name!r} of {_shown(step.function)} follows {above!r} of "
                    f"{_shown(function)} without a queue between them"
                )
                self.reached.add(step.name)
                continue
            found[step.name] = step
            if step.name not in self.queues:
                waiting += self.children[step.name]
        return found

    def _made(
        self, function: str, found: Mapping[str, GraphStep], source: QueueStep | None
    ) -> Part:
        whole = self.graph
        graph = Graph(engine=whole.engine, parameters=whole.parameters, kind=whole.kind)
        graph.on_error = whole.on_error if whole.on_error in found else ""
        graph.error_stream = whole.error_stream
        graph.allow_cyclic, graph.max_iterations = whole.allow_cyclic, whole.max_iterations
        graph.from_step = whole.from_step if whole.from_step in found else ""
        graph.share(whole)
        outputs = []
        for step in whole.steps:
            if step.name not in found:
                continue
            twin = copy.copy(step)
            twin.graph = graph
            twin.after = [name for name in step.after if name in found and name not in self.queues]
            twin.cycle_from = [name for name in step.cycle_from if name in found]
            twin.before = [name for name in step.before if name in found]
            twin.class_args = dict(step.class_args)
            # only the function that callers reach can answer
            twin.responder = step.responder and source is None
            if isinstance(twin, QueueStep) and twin.name in self.queues:
                self._told(twin)
                outputs.append(twin)
            graph.steps.append(twin)
        group = group_of(source, function) if source is not None else ""
        return Part(function, graph, source, group, tuple(outputs))

    def _told(self, queue: QueueStep) -> None:
        """A queue that functions read carries events, and its readers miss none."""
        readers = self.readers(queue)
        arguments: dict[str, Any] = queue.class_args
        if readers:
            arguments.setdefault("groups", [group_of(queue, name) for name in readers])
            if arguments.get("full_event") is None:
                arguments["full_event"] = True


def _shown(function: str) -> str:
    return f"function {function!r}" if function else "the graph's own function"
