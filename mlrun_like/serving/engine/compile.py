"""From a definition to a plan: check, create the objects, order the steps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.lookup import resolve
from mlrun_like.serving.definition.options import StepOptions
from mlrun_like.serving.definition.step import QueueStep
from mlrun_like.serving.definition.structure import Order
from mlrun_like.serving.engine.binding import BoundStep, bind
from mlrun_like.serving.engine.check import Target, check
from mlrun_like.serving.engine.codegen import Node
from mlrun_like.serving.engine.failures import as_mlrun, error_text
from mlrun_like.serving.engine.loops import followers, inside_loops, with_ways_back
from mlrun_like.serving.engine.plan import Hooks, Plan
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.rounds import MOST_ROUNDS, check_rounds

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph
    from mlrun_like.serving.definition.step import GraphStep

__all__ = ["compile_graph"]


def compile_graph(
    graph: Graph,
    namespaces: Sequence[Mapping[str, Any]],
    context: GraphContext,
    *,
    executor: Callable[[], Any],
    spawn: Callable[..., Any],
    spawn_async: Callable[..., Any],
) -> Plan:
    """Check the graph, create its objects, and turn it into callables.

    Args:
        graph: The definition.
        namespaces: Where names are looked up.
        context: Given to steps.
        executor: Gives the threads for steps that block.
        spawn: Takes an event through the ways after the answer.
        spawn_async: The same for an event loop: starts it in the background.

    Raises:
        GraphError: naming every mistake, or every step whose object could not be created.
    """
    targets = check(graph, namespaces)
    order = Order(graph)
    _connect_queues(graph, order, targets)
    bound: dict[str, BoundStep] = {}
    failures: list[tuple[str, Exception]] = []
    definitions = {step.name: step for step in graph.steps}
    for name in order.order:
        step = definitions[name]
        try:
            bound[name] = bind(step, targets, context, executor)
        except Exception as exc:  # noqa: BLE001  users' constructors may raise anything
            failures.append((name, exc))
    if failures:
        _close(bound.values())
        texts = [f"step {name!r}: {error_text(exc)}" for name, exc in failures]
        raise GraphError("steps could not be created:\n  - " + "\n  - ".join(texts)) from failures[
            0
        ][1]
    nodes = {
        name: Node(
            bound[name],
            tuple(order.children[name]),
            definitions[name].on_error,
            name == order.responder or _handles_and_answers(name, order, definitions),
        )
        for name in order.order
    }
    problems = _loop_problems(nodes, order)
    problems = problems or _stream_problems(
        nodes, {name: definitions[name].call_options for name in nodes}
    )
    if problems:
        _close(bound.values())
        raise GraphError("\n  - ".join(problems))
    if order.back or graph.allow_cyclic:
        usual = check_rounds(graph.max_iterations, "graph") or MOST_ROUNDS
        limits = {
            name: check_rounds(definitions[name].max_iterations, f"step {name!r}") or usual
            for name in nodes
        }
        nodes = with_ways_back(nodes, order.back, limits, graph.on_error, graph.allow_cyclic)
    plan = Plan(nodes, order.starts, graph.on_error, Hooks(None, spawn, spawn_async, as_mlrun()))
    plan.responds = bool(order.responder)
    return plan


def _handles_and_answers(name: str, order: Order, steps: Mapping[str, GraphStep]) -> bool:
    """Whether a step handles errors and its result is the answer: nothing is said to follow."""
    leads_back = any(last == name for last, _ in order.back)
    return name in order.handlers and not steps[name].before and not leads_back


def _connect_queues(graph: Graph, order: Order, targets: dict[str, Target]) -> None:
    """A queue with followers, or without a stream, is skipped; another one pushes to its stream."""
    for step in graph.steps:
        if not isinstance(step, QueueStep):
            continue
        name, followers = step.name, order.children[step.name]
        if step.path and not followers:
            arguments = dict(step.class_args)
            targets[name] = Target(resolve("$queue", ()), "process", arguments)
            continue
        for children in (*order.children.values(), order.starts):
            if name in children:
                at = children.index(name)
                children[at : at + 1] = [item for item in followers if item not in children]
        order.order.remove(name)
        if order.responder == name:
            order.responder = ""


def _close(steps: Iterable[BoundStep]) -> None:
    """Let go what the steps of a graph that is refused have opened."""
    for bound in steps:
        if isinstance(bound.made, Step):
            with contextlib.suppress(Exception):  # the caller is told what is wrong already
                bound.made.close()


def _loop_problems(nodes: Mapping[str, Node], order: Order) -> list[str]:
    streamed: set[str] = set()
    stack = [child for node in nodes.values() if node.bound.streams for child in node.children]
    while stack:
        name = stack.pop()
        if name not in streamed and not nodes[name].bound.gathers:
            streamed.add(name)
            stack += nodes[name].children
    return [
        f"step {name!r} can be reached again by a way back, so values of a stream cannot pass it"
        for name in inside_loops(followers(nodes), order.back)
        if nodes[name].bound.streams or nodes[name].bound.gathers or name in streamed
    ] + [
        f"step {head!r} merges branches, so no way can lead back to it: lead to the step after it"
        for head in dict.fromkeys(head for _, head in order.back)
        if getattr(nodes[head].bound.made, "merges", False)
    ]


def _stream_problems(
    nodes: Mapping[str, Node], step_options: Mapping[str, StepOptions]
) -> list[str]:
    problems = []
    for name, node in nodes.items():
        if not node.bound.streams:
            continue
        if step_options[name].waits or step_options[name].blocking is not None:
            problems.append(
                f"step {name!r} gives a stream: timeout, retries, max_in_flight and blocking have "
                "no effect on it; give them to a step before it"
            )
        if node.answers and node.children:
            problems.append(f"step {name!r} answers with a stream, so nothing can follow it")
        elif len(node.children) > 1:
            problems.append(f"step {name!r} gives a stream, so only one step can follow it")
        row = _row(nodes, node)
        branches = _after_fork(nodes, nodes[row[-1]] if row else node)
        problems += [
            f"step {item!r} collects the values of {name!r}, so no fork may be between them"
            for item in branches
            if nodes[item].bound.gathers
        ]
        problems += [
            f"Streaming on top of streaming: step {item!r} would stream for each value of "
            f"{name!r}; put a Collector between them"
            for item in (*row, *branches)
            if nodes[item].bound.streams
        ]
    return problems


def _row(nodes: Mapping[str, Node], node: Node) -> list[str]:
    """The steps after a step that streams, up to a fork or to the step that collects."""
    found: list[str] = []
    while len(node.children) == 1 and not nodes[node.children[0]].bound.gathers:
        found.append(node.children[0])
        node = nodes[node.children[0]]
    return found


def _after_fork(nodes: Mapping[str, Node], node: Node) -> list[str]:
    """The steps that single values reach on several ways, with those that would collect them."""
    found: list[str] = []
    stack = list(node.children) if len(node.children) > 1 else []
    while stack:
        name = stack.pop()
        if name not in found:
            found.append(name)
            if not nodes[name].bound.gathers:
                stack += nodes[name].children
    return found
