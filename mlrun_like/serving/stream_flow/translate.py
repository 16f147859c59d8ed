"""A flow of chained steps as a graph, compiled by the engine that compiles every graph."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.engine.binding import BoundStep, bind
from mlrun_like.serving.engine.check import check
from mlrun_like.serving.engine.compile import compile_graph
from mlrun_like.serving.engine.guards import in_thread
from mlrun_like.serving.engine.plan import Plan
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import is_async as gives_awaitable
from mlrun_like.serving.steps.choice import Choice
from mlrun_like.serving.steps.collecting import Collector
from mlrun_like.serving.steps.ending import Complete
from mlrun_like.serving.steps.merging import Merge
from mlrun_like.serving.steps.recovering import Recover
from mlrun_like.serving.stream_flow.calling import call_of, call_of_async
from mlrun_like.serving.stream_flow.nodes import Guard, Passage, Ways, Wrapped
from mlrun_like.serving.stream_flow.recovery import ON, RecoverNode
from mlrun_like.serving.stream_flow.streaming import (
    CollectorNode,
    StreamCompleteNode,
    StreamNode,
    skipping_ends,
    stream_function,
)

__all__ = ["SOURCE", "compile_flow", "ordered", "reachable"]

SOURCE = "source"
"""The node that every event starts after."""

_NEVER = "never"

Threads = Callable[[], Any]


def compile_flow(source: FlowStep, threads: Threads, in_loop: bool) -> tuple[Plan, bool]:
    """Compile what follows a source; also gives whether sending an event is to be awaited.

    Args:
        source: The first step.
        threads: Gives the executor for steps that block.
        in_loop: Whether an event loop runs the flow.

    Raises:
        GraphError: naming every mistake, such as a loop.
        InvalidArgumentError: if a choice has two followers of one name.
    """
    steps = reachable(source)
    made = _Translation(source, steps, threads, False)
    plan = made.compiled()
    is_async = plan.is_async or (in_loop and plan.waits)
    if is_async:
        made = _Translation(source, steps, threads, True)
        plan = made.compiled()
    for sends, key, passage in made.ways:
        sends[key] = plan.emitter(passage, is_async=is_async)
    return plan, is_async


def reachable(source: FlowStep) -> list[FlowStep]:
    """All steps that events can get to, the source first."""
    found: dict[int, FlowStep] = {}
    stack = [source]
    while stack:
        step = stack.pop()
        if id(step) not in found:
            found[id(step)] = step
            stack += reversed(list(_below(step)))
    return list(found.values())


def ordered(step: FlowStep) -> list[FlowStep]:
    """The steps whose ends make the value of a flow at this step: its followers, then recovery."""
    return [*step.outlets, *step.recovery_steps()]


def _below(step: FlowStep) -> Iterator[FlowStep]:
    yield from ordered(step)
    if isinstance(step, Recover):
        yield from step.exception_to_downstream.values()


class _Translation:
    def __init__(
        self, source: FlowStep, steps: list[FlowStep], threads: Threads, is_async: bool
    ) -> None:
        self.source = source
        self.steps = steps
        self.threads = threads
        self.is_async = is_async
        self.graph = Graph(engine="async")
        self.ways: list[tuple[dict[Any, Any], Any, str]] = []
        self.edges: list[tuple[str, str]] = []
        self.streamed = self._streamed()
        numbers = itertools.count(1)
        self.names = {
            id(step): f"{next(numbers)} {step.name}" if step is not source else SOURCE
            for step in steps
        }

    def compiled(self) -> Plan:
        for step in self.steps:
            self._add(step)
        for name, parent in self.edges:
            self.graph[name].after_step(parent)
        return compile_graph(
            self.graph,
            [],
            GraphContext(),
            executor=self.threads,
            spawn=_no_answers,
            spawn_async=_no_answers,
        )

    # Nodes of one step -----------------------------------------------------------------------

    def _add(self, step: FlowStep) -> None:
        name = self.names[id(step)]
        if step is self.source:
            self._node(name, Passage())
        elif isinstance(step, Recover):
            node = RecoverNode(step, self.is_async)
            self._node(name, node)
            for error, outlet in step.exception_to_downstream.items():
                self._way(node.sends, error, name, [outlet])
            self._way(node.sends, ON, name, step.outlets)
            return
        elif (values := stream_function(step)) is not None:
            is_async = self.is_async or inspect.isasyncgenfunction(values)
            stream = StreamNode(step, values, is_async)
            self._node(name, stream)
            self._way(stream.sends, ON, name, step.outlets)
            return
        else:
            self._plain(step, name)
        select = _selector(step)
        if select is None:
            self.edges += [(self.names[id(outlet)], name) for outlet in step.outlets]
        else:
            self._select(step, select, name)

    def _select(self, step: FlowStep, select: Callable[[Any], Any], name: str) -> None:
        """The node that sends events where the step says."""
        ways = Ways(step, select, self.is_async)
        if not isinstance(step, Choice):
            ways.full_event = False
            self._node(f"{name} ways", ways, name)
        elif _guarded(step):
            self._guard(step, ways.choose, False, name)
            self._node(f"{name} ways", ways, name)
        else:
            self._node(name, ways)
        for outlet in step.outlets:
            if outlet.name in ways.names:
                raise InvalidArgumentError(
                    f"Ambiguous outlet name '{outlet.name}' in step '{step.name}'",
                    fix="give the steps after it different names",
                )
            ways.names.append(outlet.name)
            self._way(ways.sends, outlet.name, name, [outlet])

    def _plain(self, step: FlowStep, name: str) -> None:
        if isinstance(step, Choice):
            return
        if isinstance(step, Merge) and step.expected_num_events is None:
            step.uplinks = sum(other.outlets.count(step) for other in self.steps)
        streamed = id(step) in self.streamed
        if streamed and isinstance(step, Collector):
            self._node(name, CollectorNode(step))
            return
        if streamed and isinstance(step, Complete):
            self._node(name, StreamCompleteNode(step))
            return
        guarded = _guarded(step)
        whole = step.full_event and step.kind in ("filter", "maybe")
        if not guarded and not streamed and not whole:
            self._node(name, step)
            return
        bound = self._bound(step)
        awaits = bound.acall is not None and (bound.call is None or self.is_async)
        call: Any = (
            call_of_async(bound, bound.acall)  # type: ignore[arg-type]
            if awaits
            else call_of(bound, bound.call)  # type: ignore[arg-type]
        )
        if streamed:
            call = skipping_ends(step, call, awaits)
        if guarded:
            self._guard(step, call, awaits, name)
        else:
            self._node(name, Wrapped(step, call, awaits))

    def _guard(self, step: FlowStep, call: Any, awaits: bool, name: str) -> None:
        guard = Guard(step, call, awaits, awaits or self.is_async)
        self._node(name, guard)
        for error, outlet in _recoveries(step):
            self._way(guard.sends, error, name, [outlet])

    def _way(self, sends: dict[Any, Any], key: Any, name: str, outlets: Iterable[FlowStep]) -> None:
        """A way that a node sends events by itself: a node that the engine never runs."""
        passage = f"{name} {len(self.ways)}"
        if not self.ways:
            self._node(_NEVER, Passage())
        self._node(passage, Passage(), _NEVER)
        self.edges += [(self.names[id(outlet)], passage) for outlet in outlets]
        self.ways.append((sends, key, passage))

    def _node(self, name: str, made: Any, after: str = "") -> None:
        plain = isinstance(made, FlowStep)
        step = self.graph.add_step(
            type(made),
            name,
            after=after or None,
            full_event=plain and made.full_event,
            input_path=made.input_path if plain else None,
            result_path=made.result_path if plain else None,
        )
        step.class_name = made  # this object, not another one of its class

    def _bound(self, step: FlowStep) -> BoundStep:
        """The step's calls, for a node around it."""
        if step.full_event and step.kind in ("filter", "maybe"):
            function: Any = step.do  # type: ignore[attr-defined]
            is_async = gives_awaitable(function)
            acall = function if is_async else None
            if step.blocking:
                acall = in_thread(function, self.threads)
            call = None if is_async else function
            return BoundStep(step.name, step.kind, call, acall, True, False, False, step)
        scratch = Graph(engine="async")
        made = scratch.add_step(
            type(step),
            "step",
            full_event=step.full_event,
            input_path=step.input_path,
            result_path=step.result_path,
        )
        made.class_name = step
        return bind(made, check(scratch, []), GraphContext(), self.threads)

    def _streamed(self) -> set[int]:
        """Steps that the values of a stream can reach before they are collected."""
        found: set[int] = set()
        stack = [below for step in self.steps if stream_function(step) for below in _below(step)]
        while stack:
            step = stack.pop()
            if id(step) not in found:
                found.add(id(step))
                if not isinstance(step, Collector):
                    stack += _below(step)
        return found


def _guarded(step: FlowStep) -> bool:
    """Whether errors of the step go somewhere instead of stopping the flow."""
    return step.recovery_step is not None or hasattr(step.context, "push_error")


def _recoveries(step: FlowStep) -> list[tuple[type, FlowStep]]:
    found = step.recovery_step
    if found is None:
        return []
    return list(found.items()) if isinstance(found, Mapping) else [(Exception, found)]


def _selector(step: FlowStep) -> Callable[[Any], Any] | None:
    """What gives the names of the steps where an event goes on, if it is not all of them."""
    given = getattr(step, "outlets_selector", None) or getattr(step, "select_outlets", None)
    return given if callable(given) else None


def _no_answers(ways: Any, event: Any) -> None:
    """Flows have no step that responds, so nothing comes after an answer."""
