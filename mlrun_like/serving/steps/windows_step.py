"""Window: emits the values in a window themselves, by key, field and bucket of time."""

from __future__ import annotations

import copy
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, ClassVar

from mlrun_like.errors import InvalidTypeError
from mlrun_like.serving.engine.clock import Timer, call_later
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Emit, Kind
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.windows import WindowBase
from mlrun_like.serving.steps.windows_emission import (
    EmissionType,
    EmitAfterDelay,
    EmitAfterMaxEvent,
    EmitAfterPeriod,
    EmitAfterWindow,
    EmitEveryEvent,
    EmitPolicy,
    LateDataHandling,
    emit_policy_of,
)
from mlrun_like.serving.steps.windows_time import time_reader

__all__ = ["Window", "WindowBucket", "WindowedStore", "WindowedStoreElement"]


class WindowBucket:
    """Values of one field in one bucket.

    Attributes:
        data: `(time in milliseconds, value)` of each.
    """

    def __init__(self, late_data_handling: LateDataHandling) -> None:
        self.data: list[tuple[float, Any]] = []
        self._sorted = late_data_handling is LateDataHandling.Sort_before_emit

    def add(self, time: float, value: Any) -> None:
        """Take in a value."""
        if self._sorted:
            insort(self.data, (time, value), key=itemgetter(0))
        else:
            self.data.append((time, value))

    def __repr__(self) -> str:
        return f"WindowBucket({self.data!r})"


class WindowedStoreElement:
    """What a window holds of one key.

    Attributes:
        key: The key.
        features: The buckets of each field, the oldest first.
    """

    def __init__(self, key: Any, window: WindowBase, late_data_handling: LateDataHandling) -> None:
        self.key = key
        self._window = window
        self._late = late_data_handling
        self._count = window.get_total_number_of_buckets()
        self._last: int | None = None
        self.features: dict[str, list[WindowBucket]] = {}

    def add(self, body: Mapping[str, Any], time: float) -> None:
        """Take in the fields of a body; what is older than the oldest bucket is left out."""
        index = int(time // self._window.period_millis)
        if self._last is None:
            self._last = index
        if index > self._last:
            for name, buckets in self.features.items():
                self.features[name] = (buckets + self._empty(index - self._last))[-self._count :]
            self._last = index
        place = self._count - 1 - (self._last - index)
        if place < 0:
            return
        for name, value in body.items():
            if name not in self.features:
                self.features[name] = self._empty(self._count)
            self.features[name][place].add(time, value)

    def _empty(self, count: int) -> list[WindowBucket]:
        return [WindowBucket(self._late) for _ in range(min(count, self._count))]

    def flush(self) -> None:
        """Forget all values."""
        self.features = {name: self._empty(self._count) for name in self.features}


class WindowedStore:
    """What a window holds: iterate over it for `(key, WindowedStoreElement)`."""

    def __init__(self, window: WindowBase, late_data_handling: LateDataHandling) -> None:
        self._window = window
        self._late = late_data_handling
        self.cache: dict[Any, WindowedStoreElement] = {}

    def __iter__(self) -> Iterator[tuple[Any, WindowedStoreElement]]:
        return iter(self.cache.items())

    def add(self, key: Any, body: Mapping[str, Any], time: float) -> None:
        """Take in the fields of a body."""
        if key not in self.cache:
            self.cache[key] = WindowedStoreElement(key, self._window, self._late)
        self.cache[key].add(body, time)

    def flush(self) -> None:
        """Forget all values."""
        for element in self.cache.values():
            element.flush()


class Window(FlowStep):
    """Collects the values of each field in a window and emits all of them, as a `WindowedStore`.

    Args:
        window: `SlidingWindow` or `FixedWindow`.
        time_field: The field of the body that is the time; it is taken out of the body. By
            default `event.time`.
        emit_policy: When the window is emitted, counted over all keys: after so many events (10 by
            default), with every event, or by the clock.
        late_data_handling: Whether the values of a bucket are in order of time, or of arrival.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.

    >>> from mlrun_like.serving.steps.windows import SlidingWindow
    >>> step = Window(SlidingWindow("30m", "10m"), emit_policy=EmitAfterMaxEvent(2))
    >>> bodies = [Event({"x": n}, key="a", time=900 * n) for n in range(2)]
    >>> [event] = [found for body in bodies for found in step.process(body)]
    >>> [(key, held.features) for key, held in event.body]
    [('a', {'x': [WindowBucket([]), WindowBucket([(0.0, 0)]), WindowBucket([(900000.0, 1)])]})]
    """

    kind: ClassVar[Kind] = "many"
    collects: ClassVar[bool] = True

    def __init__(
        self,
        window: WindowBase,
        time_field: str | None = None,
        emit_policy: EmitPolicy | Mapping[str, Any] | None = None,
        late_data_handling: LateDataHandling = LateDataHandling.Nothing,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        if not isinstance(window, WindowBase):
            raise InvalidTypeError(
                f"window={window!r:.80} is no window",
                where=f"step class {step}",
                fix="SlidingWindow('30m', '5m') or FixedWindow('1h')",
            )
        if not isinstance(late_data_handling, LateDataHandling):
            raise InvalidTypeError(
                f"late_data_handling={late_data_handling!r:.80} is not a LateDataHandling",
                where=f"step class {step}",
            )
        self.window = window
        self._policy = EmitAfterMaxEvent(10) if emit_policy is None else emit_policy_of(emit_policy)
        self._late = late_data_handling
        self._time_field = time_field
        self._time = time_reader(time_field, None, step)
        self._timer: Timer | None = None
        self.begin()

    def begin(self) -> None:
        self._store = WindowedStore(self.window, self._late)
        self._count = 0

    def process(self, event: Event) -> Iterable[Event]:
        millis = self._time(event)
        body = event.body
        if self._time_field:
            body = {name: value for name, value in body.items() if name != self._time_field}
        self._store.add(event.key, body, millis)
        self._count += 1
        policy = self._policy
        if isinstance(policy, EmitEveryEvent) or (
            isinstance(policy, EmitAfterMaxEvent) and self._count == policy.max_events
        ):
            self._count = 0
            return (self._emitted(),)
        self._arm()
        return ()

    def _emitted(self) -> Event:
        event = Event(copy.deepcopy(self._store))
        if self._policy.emission_type is EmissionType.Incremental:
            self._store.flush()
        return event

    def connect(self, emit: Emit) -> None:
        super().connect(emit)
        self._arm()

    def _arm(self) -> None:
        policy = self._policy
        if self.emit is None or self._timer is not None:
            return
        if isinstance(policy, EmitAfterPeriod):
            seconds = self.window.period_millis / 1000 + policy.delay_in_seconds
        elif isinstance(policy, EmitAfterWindow):
            seconds = self.window.window_millis / 1000 + policy.delay_in_seconds
        elif isinstance(policy, EmitAfterDelay):
            seconds = policy.delay_in_seconds
        elif isinstance(policy, EmitAfterMaxEvent) and policy.timeout_secs and self._count:
            seconds = policy.timeout_secs
        else:
            return
        self._timer = call_later(seconds, self._tick)

    def _tick(self) -> None:
        with self.lock:
            self._timer = None
            if self.emit is None:
                return
            if self._count or not isinstance(self._policy, (EmitAfterDelay, EmitAfterMaxEvent)):
                self._count = 0
                self.emit(self._emitted())
            if not isinstance(self._policy, (EmitAfterDelay, EmitAfterMaxEvent)):
                self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
