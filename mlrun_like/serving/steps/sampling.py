"""SampleWindow: one event of so many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, key_reader
from mlrun_like.serving.steps.checks import check_count

__all__ = ["EmitPeriod", "SampleWindow"]


class EmitPeriod(Enum):
    """Which event of a window is passed on."""

    FIRST = 1
    LAST = 2


class SampleWindow(FlowStep):
    """Passes on one event of each window of so many events.

    Args:
        window_size: Events per window; at least 2.
        emit_period: `EmitPeriod.FIRST` or `EmitPeriod.LAST`; in documents `"first"` or `"last"`.
        emit_before_termination: Whether the last event of all is passed on when the flow ends,
            if it was not already.
        key: Makes windows for each value of this: a field of the body, `"$key"` or another
            attribute of the event after a dollar sign, or a function of the event.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if an argument is not one of these.

    >>> sample = SampleWindow(2)
    >>> [event.body for item in "abc" for event in sample.process(Event(item))]
    ['a', 'c']
    """

    kind: ClassVar[Kind] = "many"

    def __init__(
        self,
        window_size: int,
        emit_period: EmitPeriod | str = EmitPeriod.FIRST,
        emit_before_termination: bool = False,
        key: str | Callable[[Event], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.window_size = check_count(window_size, "window_size", "SampleWindow", least=2)
        self.emit_period = _period(emit_period)
        self.emit_before_termination = emit_before_termination
        self.key = key
        self._key = key_reader(key, "key", "SampleWindow")
        self._wanted = 1 if self.emit_period is EmitPeriod.FIRST else window_size
        self.begin()

    def begin(self) -> None:
        self._counts: dict[Any, int] = {}
        self._last: Event | None = None

    def process(self, event: Event) -> Iterable[Event]:
        key = None if self._key is None else self._key(event)
        count = self._counts.get(key, 0) + 1
        self._counts[key] = 0 if count == self.window_size else count
        if count == self._wanted:
            self._last = None
            return (event,)
        if self.emit_before_termination:
            self._last = event
        return ()

    def flush(self) -> Iterable[Event]:
        last, self._last = self._last, None
        return () if last is None else (last,)


def _period(given: Any) -> EmitPeriod:
    if isinstance(given, str) and given.upper() in EmitPeriod.__members__:
        return EmitPeriod[given.upper()]
    if isinstance(given, EmitPeriod):
        return given
    raise InvalidArgumentError(
        f"Expected emit_period of type `EmitPeriod`, got {type(given)}",
        where="step class SampleWindow",
        fix="emit_period=EmitPeriod.FIRST or EmitPeriod.LAST",
    )
