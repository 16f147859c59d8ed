"""One route of a router, as the router's class sees it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event

__all__ = ["Route"]


class Route:
    """A named step that a router may send events to.

    Args:
        name: The route's key.
        object: The step's object (a model server), or None for a function.
        call: Its plain call, or None if it only has an `async` form.
        acall: Its call for event loops, or None if the plain one does.
        whole: Whether the calls take and give events instead of bodies.

    >>> Route("size", None, abs, None, False).run(Event(-2)).body
    2
    """

    __slots__ = ("_acall", "_call", "_whole", "definition", "name", "object", "weight")

    def __init__(
        self,
        name: str,
        object: Any,
        call: Callable[[Any], Any] | None,
        acall: Callable[[Any], Awaitable[Any]] | None,
        whole: bool,
    ) -> None:
        self.name = name
        self.object = object
        self.weight: float = 1.0
        self.definition: Any = None
        """The step and what it stands for, from which another process can make it again."""
        self._call = call
        self._acall = acall
        self._whole = whole

    @property
    def only_async(self) -> bool:
        """Whether it can be called by `run_async` only."""
        return self._call is None

    def run(self, event: Event) -> Event:
        """Take an event through the step, in this thread.

        Raises:
            InvalidArgumentError: if the step only has an `async` form.
        """
        call = self._call
        if call is None:
            raise InvalidArgumentError(
                f"route {self.name!r} is async", fix="use await route.run_async(event)"
            )
        if self._whole:
            found: Event = call(event)
            return found
        event.body = call(event.body)
        return event

    async def run_async(self, event: Event) -> Event:
        """The same for an event loop."""
        call = self._acall
        if call is None:
            return self.run(event)
        value = call(event if self._whole else event.body)
        result = await value if inspect.isawaitable(value) else value
        if self._whole:
            found: Event = result
            return found
        event.body = result
        return event
