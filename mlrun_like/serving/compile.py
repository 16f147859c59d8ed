"""A checked graph as plain callables: all questions are answered here, none per event."""

from __future__ import annotations

import functools
import itertools
import linecache
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlrun_like.errors import GraphError, MLRunLikeError, StepError
from mlrun_like.serving.binding import BoundStep, bind
from mlrun_like.serving.check import Target, check
from mlrun_like.serving.codegen import Form, Node, Program, generate
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.lookup import resolve
from mlrun_like.serving.passing import Way, fan_async, fan_sync
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.step import QueueStep
from mlrun_like.serving.structure import Order

if TYPE_CHECKING:
    from mlrun_like.serving.graph import Graph

__all__ = ["Hooks", "Plan", "compile_graph", "failed", "status_of"]

_numbers = itertools.count(1)


class Hooks(NamedTuple):
    """What generated code calls besides steps."""

    observe: Callable[[BoundStep, Any, bool], Any] | None
    spawn: Callable[..., Any]
    spawn_async: Callable[..., Any]


class Plan:
    """A graph ready for events.

    Args:
        nodes: The steps among their neighbours.
        starts: The steps that receive events.
        on_error: The step that receives events failing anywhere, or an empty string.
        hooks: What generated code calls besides steps.
    """

    def __init__(
        self, nodes: Mapping[str, Node], starts: Sequence[str], on_error: str, hooks: Hooks
    ) -> None:
        self.nodes = nodes
        self.starts = tuple(starts)
        self.on_error = on_error
        self.responds = any(node.answers for node in nodes.values())
        self.is_async = any(node.bound.call is None for node in nodes.values())
        """Whether a step has an `async` form only, so that `run` is not there."""
        self.waits = any(n.bound.acall or n.bound.streams for n in nodes.values()) or any(
            node.answers and node.children for node in nodes.values()
        )
        """Whether an event loop had better use `run_async`."""
        self.objects = {n: node.bound.made for n, node in nodes.items() if node.bound.made}
        self._hooks = hooks
        self._whole = hooks.observe is not None or self._needs_events()
        self._programs: dict[tuple[bool, bool], tuple[Program, Callable[[Any], Any]]] = {}
        self.run_body: Callable[[Any], Any] | None = None
        """From body to answer (or `DROP`), if no step needs the event; errors come as they are."""
        if not self._whole and not self.is_async:
            self.run_body = self._program(False)[1]

    @functools.cached_property
    def run_body_async(self) -> Way | None:
        """The same for an event loop."""
        if self._whole:
            return None
        program, entry = self._program(True)
        return Way(entry, program.is_async)

    def observed(self, observe: Callable[[BoundStep, Any, bool], Any] | None) -> Plan:
        """The same plan with the call of each step wrapped; None: not wrapped."""
        hooks = Hooks(observe, self._hooks.spawn, self._hooks.spawn_async)
        twin = Plan(self.nodes, self.starts, self.on_error, hooks)
        twin.responds = self.responds
        return twin

    def run(self, event: Event) -> Any:
        """Take an event through the graph in this thread; gives the answer event, or `DROP`.

        Raises:
            StepError: if a step fails, and nothing handles it.
        """
        body = event.body
        program, entry = self._program(False, timed=event.deadline is not None)
        try:
            if self._whole or event.deadline is not None:
                return entry(event)
            found = entry(body)
        except Exception as exc:  # the boundary between the framework and users' steps
            handler = self._handler(program, exc)
            if handler is None:
                raise failed(self.locate(exc), event, exc) from exc
            try:
                return handler.block(fail(event, body, self.locate(exc), exc))
            except Exception as second:  # the handler itself failed
                raise failed(self.locate(second), event, second) from second
        if found is DROP:
            return DROP
        event.body = found
        return event

    async def run_async(self, event: Event) -> Any:
        """The same for an event loop."""
        body = event.body
        program, entry = self._program(True, timed=event.deadline is not None)
        try:
            found = entry(event if self._whole or event.deadline is not None else body)
            if program.is_async:
                found = await found
        except Exception as exc:  # the boundary between the framework and users' steps
            handler = self._handler(program, exc)
            if handler is None:
                raise failed(self.locate(exc), event, exc) from exc
            try:
                found = handler.block(fail(event, body, self.locate(exc), exc))
                return await found if handler.is_async else found
            except Exception as second:  # the handler itself failed
                raise failed(self.locate(second), event, second) from second
        if found is DROP or self._whole or event.deadline is not None:
            return found
        event.body = found
        return event

    def locate(self, exc: BaseException) -> str:
        """The step in which an exception was raised, or an empty string."""
        if isinstance(exc, StepError) and exc.step:
            return exc.step
        programs = {program.filename: program for program, _ in self._programs.values()}
        found, at = "", exc.__traceback__
        while at is not None:
            program = programs.get(at.tb_frame.f_code.co_filename)
            if program is not None:
                found = program.steps[at.tb_lineno - 1]
            at = at.tb_next
        return found

    def emitter(self, name: str, *, is_async: bool) -> Callable[[Event], Any]:
        """Sends an event to the followers of a step; a coroutine function if `is_async`."""
        program, _ = self._program(is_async)
        ways = [program.blocks[child] for child in self.nodes[name].children]

        def emit(event: Event) -> Any:
            if len(ways) == 1:
                return ways[0].block(event)
            return fan_sync(ways, event, True) if ways else DROP

        async def emit_async(event: Event) -> Any:
            if len(ways) != 1:
                return await fan_async(ways, event, True) if ways else DROP
            found = ways[0].block(event)
            return await found if ways[0].is_async else found

        return emit_async if is_async else emit

    def holding(self) -> list[tuple[str, Step]]:
        """The steps that hold state, in the order of the flow."""
        return [(n, node.bound.made) for n, node in self.nodes.items() if _is_step(node)]

    def _handler(self, program: Program, exc: Exception) -> Way | None:
        if not self.on_error:
            return None
        handlers = {node.on_error for node in self.nodes.values()} | {self.on_error}
        if self.locate(exc) in handlers:  # a handler's own failure is not handled again
            return None
        return program.blocks[self.on_error]

    def _needs_events(self) -> bool:
        return bool(self.on_error) or any(
            node.bound.whole
            or node.bound.kind == "many"
            or node.bound.streams
            or node.on_error
            or (node.answers and node.children)
            for node in self.nodes.values()
        )

    def _program(
        self, is_async: bool, *, timed: bool = False
    ) -> tuple[Program, Callable[[Any], Any]]:
        key = (is_async, timed)
        found = self._programs.get(key)
        if found is None:
            found = self._programs[key] = self._generate(is_async, timed)
        return found

    def _generate(self, is_async: bool, timed: bool) -> tuple[Program, Callable[[Any], Any]]:
        hooks = self._hooks
        form = Form(
            is_async, self._whole or timed, timed, hooks.observe, fail,
            hooks.spawn_async if is_async else hooks.spawn,
        )  # fmt: skip
        filename = f"<graph {next(_numbers)}>"
        heads = [*self.starts, *([self.on_error] if self.on_error else [])]
        program = generate(self.nodes, heads, form, filename)
        lines = program.source.splitlines(keepends=True)
        linecache.cache[filename] = (len(program.source), None, lines, filename)
        weakref.finalize(self, linecache.cache.pop, filename, None)
        ways = [program.blocks[name] for name in self.starts]
        if len(ways) == 1:
            program.is_async = ways[0].is_async
            return program, ways[0].block
        program.is_async = is_async
        if is_async:
            return program, lambda event: fan_async(ways, event, form.whole)
        return program, lambda event: fan_sync(ways, event, form.whole)


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
        texts = [f"step {name!r}: {_text(exc)}" for name, exc in failures]
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
    _refuse_streams(nodes)
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


def _refuse_streams(nodes: Mapping[str, Node]) -> None:
    problems = []
    for name, node in nodes.items():
        if not node.bound.streams:
            continue
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


def fail(event: Event, body: Any, step: str, exc: Exception) -> Event:
    """Mark an event with the error of a step, for an error handler."""
    cause = exc.__cause__ if isinstance(exc, StepError) and exc.__cause__ else exc
    event.body = body
    event.origin_state = step
    event.error = {step: _text(cause)}
    return event


def failed(step: str, event: Event, exc: Exception) -> StepError:
    """The error that a caller gets for a step's exception."""
    if isinstance(exc, StepError) and exc.event_id:
        return exc
    named = exc if isinstance(exc, MLRunLikeError) else None
    kind = type(exc) if isinstance(exc, StepError) else StepError
    return kind(
        named.what if named else _text(exc),
        where=f"step {step!r}, event {event.id}",
        fix=named.fix if named else "",
        step=step,
        event_id=str(event.id),
        status=status_of(exc),
    )


def status_of(exc: BaseException) -> int:
    """The HTTP status that an exception stands for.

    >>> status_of(TimeoutError()), status_of(KeyError())
    (504, 500)
    """
    if isinstance(exc, MLRunLikeError):
        return exc.status
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and 400 <= status < 600:
        return status
    return 504 if isinstance(exc, TimeoutError) else 500


def _text(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"


def _is_step(node: Node) -> bool:
    return isinstance(node.bound.made, Step)
