"""What a step may be, beyond a function or class that turns one body into another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal

from mlrun_like.serving.event import Event

__all__ = ["Emit", "Kind", "Step"]

Kind = Literal["map", "maybe", "filter", "choice", "many"]
Emit = Callable[[Event], None]


class Step:
    """Base of steps that drop, choose, multiply, hold or end events.

    `kind` says which method the engine calls for an event, and what the result means:

    | kind | method | result |
    |---|---|---|
    | map | `do(body)` or `do_event(event)` | the new body, or the event |
    | maybe | the same | the same, or `DROP`: the event ends here |
    | filter | `do(body)` | truthy: the event goes on as it is |
    | choice | `select_outlets(body)` | a name, or names, of following steps |
    | many | `process(event)` | the events that go on: none, one or several |

    A method may be `async`. Calls of `process` and `flush` are serialised by the engine; callbacks
    of a clock must take `self.lock`.

    >>> class Twice(Step):
    ...     kind = "many"
    ...     def process(self, event):
    ...         return [event, event.branch()]
    >>> len(Twice().process(Event(1)))
    2
    """

    kind: ClassVar[Kind] = "map"
    blocking: ClassVar[bool] = False
    """True: a call takes long without awaiting; an event loop runs it in a thread."""
    collects: ClassVar[bool] = False
    """True: what it emits comes from several callers' events, so nothing after it can respond."""
    ends: ClassVar[bool] = False
    """True: nothing may follow."""
    merges: ClassVar[bool] = False
    """True: the branches of one event become one event."""
    gathers: ClassVar[bool] = False
    """True: it takes all values of a stream at once, by `collected(values)`."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Give each step its lock, whether or not a subclass calls `super().__init__()`."""
        made = super().__new__(cls)
        made.lock = threading.RLock()
        return made

    lock: threading.RLock

    def collected(self, values: list[Any]) -> Any:
        """The body that stands for all values of a stream."""
        return values

    @property
    def holds(self) -> bool:
        """Whether events wait here for later ones; a stream's events then stay unacknowledged."""
        return type(self).flush is not Step.flush

    def flush(self) -> Iterable[Event]:
        """The events that are still held when the flow ends."""
        return ()

    def connect(self, emit: Emit) -> None:
        """Receive `emit`, which sends an event to the following steps from any thread.

        Called once, before the first event; for steps that emit by the clock.
        """

    def close(self) -> None:
        """Release files and connections; called once, after `flush`."""

    def result(self) -> Any:
        """The value of the whole flow at its end, or None."""
        return None
