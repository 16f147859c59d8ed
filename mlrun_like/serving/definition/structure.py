"""Mistakes in the order of a graph's steps: names, loops, unreachable steps, who answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from mlrun_like.dag import find_cycle, topological_order
from mlrun_like.errors import nearest
from mlrun_like.serving.definition.step import QueueStep, RouterStep

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.definition.step import GraphStep

__all__ = ["ENGINES", "Order", "handler_names", "order_problems", "starts_of"]

ENGINES = ("async", "sync")

_MOST_STEPS = 4500  # MLRun's limit


class Order:
    """Who follows whom, and who handles whose errors, of a graph without mistakes.

    Args:
        graph: The definition.
    """

    def __init__(self, graph: Graph) -> None:
        self.handlers = handler_names(graph)
        self.children: dict[str, list[str]] = {step.name: [] for step in graph.steps}
        for step in graph.steps:
            for parent in dict.fromkeys([*step.after, *step.cycle_from]):
                self.children[parent].append(step.name)
        self.back = {(last, step.name) for step in graph.steps for last in step.cycle_from}
        """The ways back: from and to."""
        self.starts = starts_of(graph)
        self.order = topological_order({step.name: step.earlier for step in graph.steps})
        self.responder = next((step.name for step in graph.steps if step.responder), "")
        if not self.responder and graph.engine == "sync":
            onward = {last for step in graph.steps for last in step.earlier}
            ends = [n for n in self.order if n not in onward and n not in self.handlers]
            self.responder = ends[0] if len(ends) == 1 else ""


def starts_of(graph: Graph) -> list[str]:
    """The steps that receive events."""
    if graph.from_step:
        return [graph.from_step]
    handlers = handler_names(graph)
    return [step.name for step in graph.steps if not step.earlier and step.name not in handlers]


def handler_names(graph: Graph) -> set[str]:
    """The steps that only failing events reach."""
    named = {step.on_error for step in graph.steps if step.on_error}
    named |= {step.name for step in graph.steps if step.kind == "error_step"}
    return named | ({graph.on_error} if graph.on_error else set())


def order_problems(graph: Graph, deciding: Collection[str]) -> list[str]:
    """What is wrong with the order, names and ends of a graph; empty: nothing.

    Args:
        graph: The definition.
        deciding: The steps that send an event one way of several, or make its branches one.
    """
    problems = []
    if graph.engine not in ENGINES:
        problems.append(
            f"engine {graph.engine!r} is not one of: {', '.join(ENGINES)}."
            f"{nearest(str(graph.engine), ENGINES)}"
        )
    if not graph.steps:
        problems.append("it has no steps; add one with graph.to(...)")
    counts = Counter(step.name for step in graph.steps)
    if counts.total() > _MOST_STEPS:
        problems.append(f"it has {counts.total()} steps; the most is {_MOST_STEPS}")
    for name, count in counts.items():
        if not name:
            problems.append("a step has no name")
        if count > 1:
            problems.append(f"{count} steps are named {name!r}; give name= to all but one")
    for step in graph.steps:
        problems += [f"step {step.name!r}{text}" for text in _step_problems(step, counts)]
    if graph.on_error and graph.on_error not in counts:
        problems.append(
            f"its error handler {graph.on_error!r} does not exist.{nearest(graph.on_error, counts)}"
        )
    parents = {step.name: [name for name in step.earlier if name in counts] for step in graph.steps}
    # of steps with one name it is not known which one is meant
    clear = {name: list(above) for name, above in parents.items() if counts[name] == 1}
    cycles = _cycles(clear)
    problems += [
        f"the steps form a loop: {' -> '.join(cycle)}; a way back is written with step.cycle_to"
        for cycle in cycles
    ]
    if not cycles:
        for step in graph.steps:
            if step.name in clear and step.on_error in clear and step.on_error != step.name:
                clear[step.on_error].append(step.name)
        problems += [
            f"an event that fails again and again would go round for ever: {' -> '.join(cycle)}; "
            "repeat a step with step.options(retries=...), or let the handler lead back "
            "(allow_cyclic=True, handler.cycle_to)"
            for cycle in _cycles(clear)
        ]
    unclear = bool(cycles) or max(counts.values(), default=1) > 1
    if graph.steps and not unclear:
        problems += _reach_problems(graph, parents)
    if not unclear:
        problems += _back_problems(graph, parents)
    return problems + _answer_problems(graph, parents, unclear, deciding)


def _cycles(parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The loops that have no step in common."""
    left = dict(parents)
    found = []
    while cycle := find_cycle(left):
        found.append(cycle)
        left = {
            name: [parent for parent in above if parent not in cycle]
            for name, above in left.items()
            if name not in cycle
        }
    return found


def _step_problems(step: GraphStep, names: Mapping[str, int]) -> list[str]:
    problems = [
        f" comes after {name!r}, which does not exist.{nearest(name, names)}"
        for name in step.after
        if name not in names
    ]
    problems += [
        f" goes on at {name!r}, which does not exist.{nearest(name, names)}"
        for name in step.before
        if name not in names
    ]
    if step.on_error and step.on_error not in names:
        problems.append(
            f": its error handler {step.on_error!r} does not exist.{nearest(step.on_error, names)}"
        )
    if step.on_error and step.on_error == step.name:
        problems.append(" cannot handle its own errors")
    if isinstance(step, RouterStep) and not step.routes:
        problems.append(" is a router without routes; add one with add_route or fn.add_model")
    if isinstance(step, QueueStep) and "path" not in step.class_args:
        problems.append(" is a queue without path=; use path='' for one within the process")
    return problems


def _back_problems(graph: Graph, parents: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with the ways back to earlier steps."""
    problems = []
    failing: dict[str, list[str]] = {}  # the steps whose errors a handler receives
    for step in graph.steps:
        for handler in {step.on_error, graph.on_error} - {""}:
            failing.setdefault(handler, []).append(step.name)
    for step in graph.steps:
        for last in step.cycle_from:
            above, stack = set(), [last]
            while stack:
                name = stack.pop()
                if name not in above:
                    above.add(name)
                    stack += [*parents.get(name, ()), *failing.get(name, ())]
            where = f"step {last!r} leads back to {step.name!r}"
            if last not in parents:
                problems.append(f"{where}, but does not exist.{nearest(last, parents)}")
            elif not graph.allow_cyclic and not _in_one_flow(last, step.name):
                problems.append(f"{where}: set_topology('flow', allow_cyclic=True) allows that")
            elif step.name not in above:
                problems.append(
                    f"{where}, which does not come before it; after_step says that it comes after"
                )
            elif isinstance(step, QueueStep) or isinstance(graph[last], QueueStep):
                problems.append(f"{where}, but ways back do not begin or end at queues")
    return problems


def _in_one_flow(name: str, other: str) -> bool:
    """Whether two steps came with a flow that was put in, which allowed its own ways back."""
    flow, inside, _ = name.partition("/")
    return bool(inside) and other.startswith(f"{flow}/")


def _reach_problems(graph: Graph, parents: Mapping[str, Sequence[str]]) -> list[str]:
    handlers = handler_names(graph)
    called = {step.on_error for step in graph.steps} | {graph.on_error}
    starts = starts_of(graph)
    problems = []
    if graph.steps and not starts:
        back = [s for s in graph.steps if s.before and s.name in handlers]
        why = (
            f"; error handler {back[0].name!r} leads back to {back[0].before[0]!r}" if back else ""
        )
        problems.append(f"no step receives the first event: each comes after another one{why}")
    children: dict[str, list[str]] = {name: [] for name in parents}
    for step in graph.steps:
        for last in {*parents[step.name], *step.cycle_from} & set(children):
            children[last].append(step.name)
    reached: set[str] = set()
    stack = starts + [name for name in called if name in parents]
    while stack:
        name = stack.pop()
        if name not in reached:
            reached.add(name)
            stack += children[name]
    problems += [
        f"step {step.name!r} is never reached: no step names it as error handler"
        for step in graph.steps
        if step.name not in reached and starts and not step.earlier
    ]
    queues = {step.name for step in graph.steps if isinstance(step, QueueStep)}
    some_function = any(step.function for step in graph.steps)
    problems += [
        f"step {step.name!r} must specify a function, because it follows a queue step"
        for step in graph.steps
        if some_function and not step.function and any(name in queues for name in step.after)
    ]
    return problems


def _answer_problems(
    graph: Graph,
    parents: Mapping[str, Sequence[str]],
    cycle: bool,
    deciding: Collection[str],
) -> list[str]:
    answering = [step.name for step in graph.steps if step.responder]
    if len(answering) > 1:
        return [f"only one step can respond, but these do: {', '.join(answering)}"]
    if answering and not cycle and _ways_to(answering[0], parents, graph, deciding) > 1:
        return [
            f"step {answering[0]!r} responds but is reached on several ways, so it would answer "
            "an event more than once; put a Merge before it, or let one way end"
        ]
    return []


def _ways_to(
    name: str,
    parents: Mapping[str, Sequence[str]],
    graph: Graph,
    deciding: Collection[str],
) -> Fraction:
    """How often one event reaches a step; a choice sends it one way, a merge makes it one."""
    children = Counter(parent for above in parents.values() for parent in above)
    ways: dict[str, Fraction] = {}
    handlers = handler_names(graph)  # an event that fails does not also take the other way
    for at in topological_order(parents):
        found = Fraction(0) if parents[at] or at in handlers else Fraction(1)
        for parent in parents[at]:
            share = children[parent] if parent in deciding else 1
            found += ways[parent] / share
        ways[at] = min(found, Fraction(1)) if at in deciding else found
    return ways[name]
