"""Steps that hold events until there are enough of them: Batch, GroupByKey."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from mlrun_like.serving.engine.clock import Timer, call_later
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, key_reader, reader
from mlrun_like.serving.steps.checks import check_count, check_seconds

__all__ = ["Batch", "GroupByKey"]

Key = str | Callable[[Event], Any] | None


class Batch(FlowStep):
    """Collects bodies into lists; what is left is sent when the flow ends.

    The events of a batch are in `event.originals`.

    Args:
        max_events: The most bodies in a list; None: no limit.
        flush_after_seconds: How long the first body of a list waits at most; None: no limit.
        key_field: Makes a list for each value of this: a field of the body, `"$key"` or another
            attribute of the event after a dollar sign, or a function of the event.
        drop_key_field: Whether the field is removed from the body.
        options: The arguments that all steps share; see `FlowStep`. With `full_event` the lists
            hold events.

    Raises:
        InvalidTypeError: if a limit is not a number.
        InvalidArgumentError: if it is not positive.

    >>> batch = Batch(2)
    >>> [event.body for item in "abc" for event in batch.process(Event(item))]
    [['a', 'b']]
    >>> [event.body for event in batch.flush()]
    [['c']]
    """

    kind: ClassVar[Kind] = "many"
    collects: ClassVar[bool] = True

    def __init__(
        self,
        max_events: int | None = None,
        flush_after_seconds: float | None = None,
        key_field: Key = None,
        drop_key_field: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        if max_events is not None:
            check_count(max_events, "max_events", step)
        if flush_after_seconds is not None:
            check_seconds(flush_after_seconds, "flush_after_seconds", step)
        self.max_events = max_events
        self.flush_after_seconds = flush_after_seconds
        self.key_field = key_field
        self._key = key_reader(key_field, "key_field", step)
        if drop_key_field and isinstance(key_field, str) and not key_field.startswith("$"):
            self._key = lambda event: event.body.pop(key_field)
        self._read = reader(self.full_event, self.input_path)
        self.begin()

    def begin(self) -> None:
        self._held: dict[Any, list[Any]] = {}
        self._originals: dict[Any, list[Event]] = {}
        self._began: dict[Any, float] = {}  # oldest first
        self._timer: Timer | None = None
        self._sending = threading.Lock()

    def process(self, event: Event) -> Iterable[Event]:
        key = None if self._key is None else self._key(event)
        held = self._held.get(key)
        if held is None:
            held = self._start(key)
        held.append(self._read(event))
        self._originals[key].append(event)
        return (self.take(key),) if len(held) == self.max_events else ()

    @property
    def held(self) -> dict[Any, list[Any]]:
        """What waits, by key."""
        return self._held

    def _start(self, key: Any) -> list[Any]:
        held = self._held[key] = []
        self._originals[key] = []
        if self.flush_after_seconds is not None and self.emit is not None:
            self._began[key] = time.monotonic()
            if self._timer is None:
                self._timer = call_later(self.flush_after_seconds, self._tick)
        return held

    def take(self, key: Any) -> Event:
        """The list of a key, which ends here."""
        event = Event(self._held.pop(key))
        event.originals = self._originals.pop(key)  # type: ignore[attr-defined]
        event.batch_key = key  # type: ignore[attr-defined]
        self._began.pop(key, None)
        return event

    def _tick(self) -> None:
        # not under self.lock: the way of an event may lead through another thread
        with self.turn, self._sending:
            for event in self._due():
                if self.emit is not None:
                    self.emit(event)

    def _due(self) -> list[Event]:
        """What has waited long enough: there is one timer per step, for its oldest list."""
        due: list[Event] = []
        with self.lock:
            self._timer = None
            while self._began and self.flush_after_seconds is not None:
                key, began = next(iter(self._began.items()))
                wait = began + self.flush_after_seconds - time.monotonic()
                if wait > 0:
                    self._timer = call_later(wait, self._tick)
                    break
                due.append(self.take(key))
        return due

    def flush(self) -> Iterable[Event]:
        with self._sending, self.lock:  # what the clock is sending comes before
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return [self.take(key) for key in list(self._held)]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class GroupByKey(Batch):
    """Collects the bodies of each key into lists (storey's older name of a `Batch` by key).

    Args:
        key: A field of the body, `"$key"`, or a function of the event; None: `event.key`.
        max_events: The most bodies in a list; None: no limit.
        timeout_secs: How long the first body of a list waits at most; None: no limit.
        options: The arguments that all steps share; see `FlowStep`.

    >>> group = GroupByKey("v", 2)
    >>> [event.body for n in (1, 2, 1) for event in group.process(Event({"v": n}))]
    [[{'v': 1}, {'v': 1}]]
    """

    def __init__(
        self,
        key: Key = None,
        max_events: int | None = None,
        timeout_secs: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(max_events, timeout_secs, "$key" if key is None else key, **options)
