"""Nodes of a flow's graph that are not steps of the user: entry, guard, ways, junction."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.engine.passing import Way, fan_async, fan_sync
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Emit, Kind, Step
from mlrun_like.serving.steps.base import FlowStep

__all__ = ["Guard", "Junction", "Passage", "Telling", "Ways", "Wrapped", "is_stream_end"]

_logger = logging.getLogger("mlrun_like.serving")

Events = Iterable[Event]
Call = Callable[[Event], Any]


def is_stream_end(event: Event) -> bool:
    """Whether an event marks the end of a stream."""
    return "stream_end" in event.__dict__


class Passage(Step):
    """Passes events as they are; what follows it is reached by its emitter."""

    kind: ClassVar[Kind] = "many"

    def process(self, event: Event) -> Events:
        return (event,)


class Telling(Step):
    """Passes events as they are, and tells the log where from and where to.

    Args:
        logger: The log.
        way: The names of both steps.
    """

    kind: ClassVar[Kind] = "many"

    def __init__(self, logger: Any, way: str) -> None:
        self.logger = logger
        self.way = way

    def process(self, event: Event) -> Events:
        key = f"key={event.key}, " if event.key else ""
        path = f"path={event.path or '/'}, "
        self.logger.debug(f"{self.way} | Event(id={event.id}, {key}{path}body={event.body})")
        return (event,)

    @classmethod
    def of(cls, step: FlowStep, outlet: FlowStep) -> Telling | None:
        """The node between two steps, if the first one's context is verbose and has a log."""
        logger = getattr(step.context, "logger", None)
        if logger is None or not getattr(step.context, "verbose", False):
            return None
        return cls(logger, f"{step.name} -> {outlet.name}")


class Junction(Step):
    """Base of nodes that send events on by themselves.

    Args:
        is_async: Whether the flow is `async`; then sending gives an awaitable.
    """

    kind: ClassVar[Kind] = "many"

    def __init__(self, is_async: bool) -> None:
        self.is_async = is_async
        self.sends: dict[Any, Call] = {}
        """How each way is taken; filled when the graph is compiled."""
        if is_async:
            vars(self)["process"] = self._process_async

    def process(self, event: Event) -> Events:
        raise NotImplementedError

    async def _process_async(self, event: Event) -> Events:
        raise NotImplementedError


class Wrapped(Step):
    """A step of the user inside a node: its end, clock and result are the step's.

    Args:
        step: The step.
        call: It, from event to events.
        is_async: Whether `call` gives an awaitable.
    """

    kind: ClassVar[Kind] = "many"

    def __init__(self, step: FlowStep, call: Call, is_async: bool) -> None:
        self.step = step
        self.call = call
        self.lock = step.lock
        if is_async:
            vars(self)["process"] = self._process_async

    def process(self, event: Event) -> Events:
        found: Events = self.call(event)
        return found

    async def _process_async(self, event: Event) -> Events:
        found: Events = await self.call(event)
        return found

    def flush(self) -> Events:
        return self.step.flush()

    def connect(self, emit: Emit) -> None:
        self.step.connect(emit)

    def close(self) -> None:
        self.step.close()

    def result(self) -> Any:
        return self.step.result()


class Guard(Wrapped):
    """Catches the errors of a step: they go to its recovery step, or to its context.

    Args:
        step: The step.
        call: It, from event to events.
        awaits: Whether `call` gives an awaitable.
        is_async: Whether the flow is `async`.
    """

    def __init__(self, step: FlowStep, call: Call, awaits: bool, is_async: bool) -> None:
        super().__init__(step, call, is_async)
        self.awaits = awaits
        self.sends: dict[Any, Call] = {}
        """How the recovery step of each exception class is reached."""
        self.push_error = getattr(step.context, "push_error", None)

    def process(self, event: Event) -> Events:
        body = event.body
        try:
            return list(self.call(event))
        except Exception as exc:  # noqa: BLE001  the boundary of a user's step
            send = self._failed(event, body, exc)
        if send is not None:
            send(event)
        return ()

    async def _process_async(self, event: Event) -> Events:
        body = event.body
        try:
            found = self.call(event)
            return list(await found if self.awaits else found)
        except Exception as exc:  # noqa: BLE001  the boundary of a user's step
            send = self._failed(event, body, exc)
        if send is not None:
            await send(event)
        return ()

    def _failed(self, event: Event, body: Any, error: Exception) -> Call | None:
        """The way of a failed event, or None: it ends here, reported."""
        event.body = body
        for kind in type(error).__mro__:
            if kind in self.sends:
                event.origin_state = self.step.name
                event.error = error
                return self.sends[kind]
        if self.push_error is None:
            raise error
        awaited = getattr(event, "_awaitable_result", None)
        if awaited is not None:
            awaited.fail(error)
        logger = getattr(self.step.context, "logger", None) or _logger
        told = f"{error}\n{''.join(traceback.format_exception(error))}"
        logger.error(f"Pushing error to error stream: {told}")
        self.push_error(event, told, source=self.step.name)
        return None


class Ways(Junction):
    """Sends events to those of the following steps that a step selects.

    Args:
        step: The step.
        select: Gives names of following steps for a body (or event); None: all of them.
        is_async: Whether the flow is `async`.
    """

    def __init__(self, step: FlowStep, select: Call, is_async: bool) -> None:
        super().__init__(is_async)
        self.step = step
        self.select = select
        self.full_event = step.full_event
        self.names: list[str] = []

    def choose(self, event: Event) -> Events:
        """Select now, for a guard before this node that catches the errors of that."""
        event.chosen = self._named(event)  # type: ignore[attr-defined]
        return (event,)

    def process(self, event: Event) -> Events:
        ways = self._selected(event)
        if len(ways) == 1:
            ways[0](event)
        elif ways:
            fan_sync([Way(way, False) for way in ways], event, True)
        return ()

    async def _process_async(self, event: Event) -> Events:
        ways = self._selected(event)
        if len(ways) == 1:
            found: Awaitable[Any] = ways[0](event)
            await found
        elif ways:
            await fan_async([Way(way, True) for way in ways], event, True)
        return ()

    def _selected(self, event: Event) -> Sequence[Call]:
        chosen = event.__dict__.pop("chosen", None)
        return self._named(event) if chosen is None else chosen

    def _named(self, event: Event) -> Sequence[Call]:
        sends = self.sends
        if "stream_end" in event.__dict__:
            return list(sends.values())
        names = self.select(event if self.full_event else event.body)
        if names is None:
            return list(sends.values())
        names = (names,) if isinstance(names, str) else tuple(names)
        if len(names) > 1 and len(set(names)) != len(names):
            raise InvalidArgumentError(
                f"Invalid outlet selection for '{self.step.name}': duplicate outlet names were "
                f"provided ({', '.join(names)})."
            )
        for name in names:
            if name not in sends:
                raise InvalidArgumentError(
                    f"Invalid outlet '{name}' for '{self.step.name}'. "
                    f"Allowed outlets are: {', '.join(map(str, sends))}."
                )
        return [sends[name] for name in names]
