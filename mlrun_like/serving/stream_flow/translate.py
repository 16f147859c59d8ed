"""A flow of chained steps as a graph, compiled by the engine that compiles every graph."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable
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
from mlrun_like.serving.steps.sending import SendingStep
from mlrun_like.serving.stream_flow.calling import call_of, call_of_async
from mlrun_like.serving.stream_flow.cycles import Back, Cycles, counting
from mlrun_like.serving.stream_flow.nodes import Guard, Passage, Telling, Ways, Wrapped
from mlrun_like.serving.stream_flow.reach import (
    below,
    everywhere,
    is_guarded,
    reachable,
    recoveries_of,
    selector_of,
)
from mlrun_like.serving.stream_flow.recovery import ON, RecoverNode
from mlrun_like.serving.stream_flow.sending import SendingNode
from mlrun_like.serving.stream_flow.streaming import (
    CollectorNode,
    StreamCompleteNode,
    StreamNode,
    skipping_ends,
    stream_function,
)

__all__ = ["SOURCE", "compile_flow"]

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
        back = made.backs.get(passage)
        if back is None:
            sends[key] = plan.emitter(passage, is_async=is_async)
        else:
            sends[key] = back.take_async if is_async else back.take
    for name, node in made.senders.items():
        node.send_with(plan.emitter(name, is_async=is_async))
    return plan, is_async


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
        self.backs: dict[str, Back] = {}
        self.senders: dict[str, SendingNode] = {}
        self.cycles = Cycles(source, below)
        # without a choice nothing would leave the cycle: the engine refuses it
        self.leaves = any(self.cycles.holds(step) and selector_of(step) for step in steps)
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
        elif isinstance(step, SendingStep):
            self._sending(step, name)
        elif (values := stream_function(step)) is not None:
            is_async = self.is_async or inspect.isasyncgenfunction(values)
            stream = StreamNode(step, values, is_async)
            self._node(name, stream)
            self._way(stream.sends, ON, name, step.outlets)
            return
        else:
            self._plain(step, name)
        select = selector_of(step)
        if select is None and self.leaves and self.cycles.starts_back(step):
            select = everywhere
        if select is None:
            for outlet in step.outlets:
                after, teller = name, Telling.of(step, outlet)
                if teller is not None:
                    after = f"{name} tells {self.names[id(outlet)]}"
                    self._node(after, teller, name)
                self.edges.append((self.names[id(outlet)], after))
        else:
            self._select(step, select, name)

    def _select(self, step: FlowStep, select: Callable[[Any], Any], name: str) -> None:
        """The node that sends events where the step says."""
        ways = Ways(step, select, self.is_async)
        if not isinstance(step, Choice):
            ways.full_event = False
            self._node(f"{name} ways", ways, name)
        elif is_guarded(step):
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
            is_back = self.cycles.is_back(step, outlet)
            self._way(ways.sends, outlet.name, name, [outlet], is_back)

    def _sending(self, step: SendingStep, name: str) -> None:
        node = self.senders[name] = SendingNode(step)
        self._node(name, node)
        self._recoveries(step, node.sends, name)

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
        guarded = is_guarded(step)
        counted = self.cycles.holds(step)
        whole = step.full_event and step.kind in ("filter", "maybe")
        if not guarded and not streamed and not whole and not counted:
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
        if counted:
            call = counting(step, call, awaits)
        if guarded:
            self._guard(step, call, awaits, name)
        else:
            self._node(name, Wrapped(step, call, awaits))

    def _guard(self, step: FlowStep, call: Any, awaits: bool, name: str) -> None:
        guard = Guard(step, call, awaits, awaits or self.is_async)
        self._node(name, guard)
        self._recoveries(step, guard.sends, name)

    def _recoveries(self, step: FlowStep, sends: dict[Any, Any], name: str) -> None:
        for error, outlet in recoveries_of(step):
            self._way(sends, error, name, [outlet])

    def _way(
        self,
        sends: dict[Any, Any],
        key: Any,
        name: str,
        outlets: Iterable[FlowStep],
        is_back: bool = False,
    ) -> None:
        """A way that a node sends events by itself: a node that the engine never runs."""
        passage = f"{name} {len(self.ways)}"
        if not self.ways:
            self._node(_NEVER, Passage())
        if is_back:
            self.backs[passage] = Back()
        self._node(passage, self.backs.get(passage) or Passage(), _NEVER)
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
        stack = [
            item
            for step in self.steps
            if stream_function(step) or isinstance(step, SendingStep)
            for item in below(step)
        ]
        while stack:
            step = stack.pop()
            if id(step) not in found:
                found.add(id(step))
                if not isinstance(step, Collector):
                    stack += below(step)
        return found


def _no_answers(ways: Any, event: Any) -> None:
    """Flows have no step that responds, so nothing comes after an answer."""
