"""From a definition to a plan: check, create the objects, order the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from mlrun_like.serving.engine.failures import error_text
from mlrun_like.serving.engine.plan import Hooks, Plan

if TYPE_CHECKING:
    from mlrun_like.serving.definition.graph import Graph

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
        texts = [f"step {name!r}: {error_text(exc)}" for name, exc in failures]
        raise GraphError("steps could not be created:\n  - " + "\n  - ".join(texts)) from failures[
            0
        ][1]
    nodes = {
        name: Node(
            bound[name],
            tuple(order.children[name]),
            definitions[name].on_error,
            name == order.responder or (name in order.handlers and not definitions[name].before),
        )
        for name in order.order
    }
    _refuse_streams(nodes, {name: definitions[name].call_options for name in nodes})
    plan = Plan(nodes, order.starts, graph.on_error, Hooks(None, spawn, spawn_async))
    plan.responds = bool(order.responder)
    return plan


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


def _refuse_streams(nodes: Mapping[str, Node], step_options: Mapping[str, StepOptions]) -> None:
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
        at = node
        while len(at.children) == 1 and not nodes[at.children[0]].bound.gathers:
            at = nodes[at.children[0]]
            if at.bound.streams:
                problems.append(
                    f"Streaming on top of streaming: step {at.bound.name!r} would stream for each "
                    f"value of {name!r}; put a Collector between them"
                )
                break
    if problems:
        raise GraphError("\n  - ".join(problems))
