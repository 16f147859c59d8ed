"""Plan: a graph ready for events."""

from __future__ import annotations

import functools
import itertools
import linecache
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mlrun_like.errors import StepError
from mlrun_like.serving.binding import BoundStep
from mlrun_like.serving.codegen import Form, Node, Program, generate
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.failures import fail, failed
from mlrun_like.serving.passing import Way, fan_async, fan_sync
from mlrun_like.serving.protocol import Step

__all__ = ["Hooks", "Plan"]

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
        return [
            (n, node.bound.made)
            for n, node in self.nodes.items()
            if isinstance(node.bound.made, Step)
        ]

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
