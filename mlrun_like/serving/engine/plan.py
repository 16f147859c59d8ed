"""Plan: a graph ready for events."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

from mlrun_like.errors import StepTimeoutError
from mlrun_like.serving.engine.binding import BoundStep
from mlrun_like.serving.engine.choosing import emitted
from mlrun_like.serving.engine.codegen import Form, Node, Program, generate
from mlrun_like.serving.engine.deadline import DEADLINE
from mlrun_like.serving.engine.failures import fail, place_of, raise_failed
from mlrun_like.serving.engine.loops import rescued_again
from mlrun_like.serving.engine.passing import Way, fan_async, fan_sync
from mlrun_like.serving.engine.recursion import make_room
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.rounds import forget_rounds, is_too_often

__all__ = ["Hooks", "Plan"]

_numbers = itertools.count(1)


class Hooks(NamedTuple):
    """What generated code calls besides steps."""

    observe: Callable[[BoundStep, Any, bool], Any] | None
    spawn: Callable[..., Any]
    spawn_async: Callable[..., Any]
    tells_broken: bool = False


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
        self._loops = any(node.back_to for node in nodes.values())
        self._again = rescued_again(nodes, self.starts, on_error)
        self._programs: dict[tuple[bool, bool], tuple[Program, Callable[[Any], Any]]] = {}
        self._lock = threading.Lock()
        self.run_body: Callable[[Any], Any] | None = None
        """From body to answer (or `DROP`), if no step needs the event; errors come as they are."""
        make_room(nodes)
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
        hooks = self._hooks._replace(observe=observe)
        twin = Plan(self.nodes, self.starts, self.on_error, hooks)
        twin.responds = self.responds
        return twin

    def run(self, event: Event) -> Any:
        """Take an event through the graph in this thread; gives the answer event, or `DROP`.

        Raises:
            StepError: if a step fails, and nothing handles it.
        """
        if self._loops:
            forget_rounds(event)
        if event.deadline is not None:
            return self._run_timed(event)
        _, entry = self._program(False)
        try:
            if self._whole:
                return entry(event)
            found = entry(event.body)
        except Exception as exc:  # noqa: BLE001  the boundary between the framework and users' steps
            return self._rescued(exc, event)
        if found is DROP:
            return DROP
        event.body = found
        return event

    def _run_timed(self, event: Event) -> Any:
        entry = self._program(False, timed=True)[1]
        before = DEADLINE.set(event.deadline)
        try:
            return entry(event)
        except Exception as exc:  # noqa: BLE001  the boundary between the framework and users' steps
            return self._rescued(exc, event)
        finally:
            DEADLINE.reset(before)

    async def run_async(self, event: Event) -> Any:
        """The same for an event loop."""
        if self._loops:
            forget_rounds(event)
        if event.deadline is not None:
            return await self._run_timed_async(event)
        program, entry = self._program(True)
        try:
            found = entry(event if self._whole else event.body)
            found = await found if program.is_async else found
        except Exception as exc:  # noqa: BLE001  the boundary between the framework and users' steps
            return await self._rescued_async(exc, event)
        if found is DROP or self._whole:
            return found
        event.body = found
        return event

    async def _run_timed_async(self, event: Event) -> Any:
        program, entry = self._program(True, timed=True)
        before = DEADLINE.get()
        DEADLINE.set(event.deadline)
        try:
            found = entry(event)
            return await found if program.is_async else found
        except Exception as exc:  # noqa: BLE001  the boundary between the framework and users' steps
            return await self._rescued_async(exc, event)
        finally:
            DEADLINE.set(before)  # not reset: this may be closed in another context

    def carry(self, ways: Sequence[Way], event: Event) -> Any:
        """Take an event on from within the graph: after an answer, or what a step held.

        Raises:
            StepError: if a step fails, and nothing handles it.
        """
        try:
            return fan_sync(ways, event, True) if ways else DROP
        except Exception as exc:  # noqa: BLE001  the boundary between the framework and users' steps
            return self._rescued(exc, event)

    async def carry_async(self, ways: Sequence[Way], event: Event) -> Any:
        """The same for an event loop."""
        try:
            return await fan_async(ways, event, True) if ways else DROP
        except Exception as exc:  # noqa: BLE001  the boundary between the framework and users' steps
            return await self._rescued_async(exc, event)

    def ways_after(self, name: str, *, is_async: bool) -> list[Way]:
        """The ways of the events that a step emits; those that it names, if it names them."""
        program, _ = self._program(is_async)
        return emitted(self.nodes, name, program.blocks, is_async)

    def emitter(self, name: str, *, is_async: bool) -> Callable[[Event], Any]:
        """Sends an event to the followers of a step; a coroutine function if `is_async`.

        Errors come as the steps raise them.
        """
        ways = self.ways_after(name, is_async=is_async)

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
        made = ((name, node.bound.made) for name, node in self.nodes.items())
        return [(name, step) for name, step in made if isinstance(step, Step)]

    # Failures ---------------------------------------------------------------------------------

    def locate(self, exc: BaseException) -> str:
        """The step in which an exception was raised, or an empty string."""
        step, _ = self._place(exc)
        return step or getattr(exc, "step", "")

    def _place(self, exc: BaseException) -> tuple[str, FrameType | None]:
        """The step of the innermost line of this plan that an exception came through."""
        programs = [program for program, _ in list(self._programs.values())]
        return place_of(exc, {program.filename: program.steps for program in programs})

    def _rescued(self, exc: Exception, event: Event) -> Any:
        """What the graph's error handler answers, which may lead back to where it fails again.

        Raises:
            StepError: if there is none, or it fails.
        """
        again = False
        try:
            while True:
                failing = self._failing(exc, event, again)
                try:
                    return self._program(False)[0].blocks[self.on_error].block(failing)
                except Exception as second:  # noqa: BLE001  the handler's, or after a way back
                    exc, again = second, True
        finally:  # an error knows this frame: the frame must not know the error
            del exc

    async def _rescued_async(self, exc: Exception, event: Event) -> Any:
        again = False
        try:
            while True:
                failing = self._failing(exc, event, again)
                try:
                    way = self._program(True)[0].blocks[self.on_error]
                    found = way.block(failing)
                    return await found if way.is_async else found
                except Exception as second:  # noqa: BLE001  the handler's, or after a way back
                    exc, again = second, True
        finally:
            del exc

    def _failing(self, exc: Exception, event: Event, again: bool) -> Event:
        """The event for the graph's error handler, with the body that the failing step saw.

        Raises:
            StepError: if no handler is to have it.
        """
        step, frame = self._place(exc)
        step = step or getattr(exc, "step", "")
        seen = frame.f_locals if frame is not None else {}
        failing = seen.get("event", event)
        handlers = {node.on_error for node in self.nodes.values()} | {self.on_error}
        late = isinstance(exc, StepTimeoutError) and exc.event_id == str(failing.id)
        over = again and (step not in self._again or is_too_often(exc))
        # neither a handler's own failure, nor for a caller that has stopped waiting
        if not self.on_error or step in handlers or late or over:
            raise_failed(step, event, exc)
        return fail(failing, seen.get("body", failing.body), step, exc)

    def _needs_events(self) -> bool:
        return bool(self.on_error) or any(
            node.bound.whole
            or node.bound.kind == "many"
            or node.bound.streams
            or node.on_error
            or (node.answers and node.children)
            or node.back_to
            for node in self.nodes.values()
        )

    def _program(
        self, is_async: bool, *, timed: bool = False
    ) -> tuple[Program, Callable[[Any], Any]]:
        key = (is_async, timed)
        found = self._programs.get(key)
        if found is not None:
            return found
        with self._lock:  # errors are located by the one program of each form
            if key not in self._programs:
                self._programs[key] = self._generate(is_async, timed)
            return self._programs[key]

    def _generate(self, is_async: bool, timed: bool) -> tuple[Program, Callable[[Any], Any]]:
        hooks = self._hooks
        form = Form(
            is_async, self._whole or timed, timed, hooks.observe, fail,
            hooks.spawn_async if is_async else hooks.spawn, hooks.tells_broken,
        )  # fmt: skip
        filename = f"graph {next(_numbers)}"
        heads = [*self.starts, *([self.on_error] if self.on_error else [])]
        program = generate(self.nodes, heads, form, filename)
        ways = [program.blocks[name] for name in self.starts]
        if len(ways) == 1:
            program.is_async = ways[0].is_async
            return program, ways[0].block
        program.is_async = is_async
        if is_async:
            return program, lambda event: fan_async(ways, event, form.whole)
        return program, lambda event: fan_sync(ways, event, form.whole)
