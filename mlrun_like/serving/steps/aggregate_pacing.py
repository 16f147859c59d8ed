"""When an AggregateByKey sends on what it holds: one class per emit policy."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any, Protocol

from mlrun_like.serving.engine.clock import Timer, call_later
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Emit
from mlrun_like.serving.steps.aggregate_field import FieldAggregator
from mlrun_like.serving.steps.drivers import key_text
from mlrun_like.serving.steps.windows_emission import (
    EmissionType,
    EmitAfterDelay,
    EmitAfterMaxEvent,
    EmitAfterPeriod,
    EmitAfterWindow,
    EmitPolicy,
)

__all__ = ["Pace", "pace_of"]


class _Paced(Protocol):
    """What a pace needs of its step."""

    aggregates: list[FieldAggregator]
    emit: Emit | None
    lock: Any

    def send(self, event: Event, key: Any, millis: float | None = None) -> Event:
        """The event with its aggregates."""


class Pace(ABC):
    """Decides when events are sent on; calls by the clock take the step's lock."""

    def __init__(self, step: _Paced) -> None:
        self.step = step
        self._timer: Timer | None = None

    @abstractmethod
    def take(self, event: Event, key: Any, millis: float) -> Iterable[Event]:
        """Receive an event; gives those that are sent on now."""

    def start(self) -> None:
        """The step is connected."""
        self.stop()

    def finish(self) -> Iterable[Event]:
        """The flow ends: what is still sent on."""
        return ()

    def held(self) -> list[Any]:
        """What waits, as data for `hold`."""
        return []

    def hold(self, held: list[Any]) -> None:  # noqa: B027 - nothing waits
        """Wait with what `held` gave, instead of what waits here."""

    def stop(self) -> None:
        """Do nothing more by the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self, seconds: float) -> None:
        self._timer = call_later(max(0.0, seconds), self._tick)

    def _tick(self) -> None:
        with self.step.lock:
            self._timer = None
            if self.step.emit is not None:
                for event in self.due():
                    self.step.emit(event)

    def due(self) -> Iterable[Event]:
        """What is sent on by the clock now; asks for the next call."""
        return ()


class _Held:
    __slots__ = ("began", "count", "event", "key", "millis")

    def __init__(self, event: Event, key: Any, millis: float) -> None:
        self.event = event
        self.key = key
        self.millis = millis
        self.count = 1
        self.began = time.monotonic()


class _AfterEvents(Pace):
    """Every n-th event of a key, or the newest one after a while."""

    def __init__(self, step: _Paced, most: float, seconds: float | None) -> None:
        super().__init__(step)
        self._most = most
        self._seconds = seconds
        self._held: dict[str, _Held] = {}  # oldest first

    def take(self, event: Event, key: Any, millis: float) -> Iterable[Event]:
        text = key_text(key)
        held = self._held.get(text)
        if held is None:
            held = self._held[text] = _Held(event, key, millis)
            if self._timer is None and self._seconds is not None and self.step.emit is not None:
                self._again(self._seconds)
        else:
            held.count += 1
            held.event, held.millis = event, millis
        if held.count < self._most:
            return ()
        del self._held[text]
        return (self.step.send(event, key, millis),)

    def due(self) -> Iterable[Event]:
        sent = []
        for text, held in list(self._held.items()):
            wait = held.began + (self._seconds or 0) - time.monotonic()
            if wait > 0:
                self._again(wait)
                break
            del self._held[text]
            sent.append(self.step.send(held.event, held.key, held.millis))
        return sent

    def finish(self) -> Iterable[Event]:
        # without a time limit the n-th event never came; with one they were only waiting for it
        if self._seconds is None:
            return []
        held, self._held = list(self._held.values()), {}
        return [self.step.send(item.event, item.key, item.millis) for item in held]

    def held(self) -> list[Any]:
        return [
            (one.event.body, one.event.__dict__.get("time"), one.key, one.millis, one.count)
            for one in self._held.values()
        ]

    def hold(self, held: list[Any]) -> None:
        self._held = {}
        for body, moment, key, millis, count in held:
            event = Event(body, key) if moment is None else Event(body, key, moment)
            one = self._held[key_text(key)] = _Held(event, key, millis)
            one.count = count
        if self._held and self._seconds is not None and self.step.emit is not None:
            self.stop()
            self._again(self._seconds)


class _ByClock(Pace):
    """All keys, or those with new events, at whole multiples of a span of time."""

    def __init__(self, step: _Paced, span: float, delay: float, only_new: bool) -> None:
        super().__init__(step)
        self._span = span
        self._delay = delay
        self._only_new = only_new
        self._keys: dict[str, Any] = {}
        self._moment = 0.0

    def take(self, event: Event, key: Any, millis: float) -> Iterable[Event]:
        self._keys[key_text(key)] = key
        return ()

    def held(self) -> list[Any]:
        return list(self._keys.values())

    def hold(self, held: list[Any]) -> None:
        self._keys = {key_text(key): key for key in held}

    def start(self) -> None:
        now = time.time()
        self._moment = (math.floor(now / self._span) + 1) * self._span
        self._again(self._moment + self._delay - now)

    def due(self) -> Iterable[Event]:
        moment = datetime.fromtimestamp(self._moment, timezone.utc)
        # the windows that end now, not those that begin
        millis = self._moment * 1000 - 0.001
        sent = [
            self.step.send(Event({"key": key, "time": moment}, key, moment), key, millis)
            for key in self._keys.values()
        ]
        if self._only_new:
            self._keys.clear()
        self.start()
        return sent


def pace_of(policy: EmitPolicy, step: _Paced) -> Pace | None:
    """What carries out a policy; None: each event is sent on at once."""
    if isinstance(policy, EmitAfterMaxEvent):
        return _AfterEvents(step, policy.max_events, policy.timeout_secs)
    if isinstance(policy, EmitAfterDelay):
        return _AfterEvents(step, math.inf, policy.delay_in_seconds)
    if isinstance(policy, (EmitAfterPeriod, EmitAfterWindow)):
        windows = step.aggregates[0].windows
        by_period = isinstance(policy, EmitAfterPeriod)
        span = windows.period_millis if by_period else windows.smallest_window_millis
        only_new = policy.emission_type is EmissionType.Incremental
        return _ByClock(step, span / 1000, policy.delay_in_seconds, only_new)
    return None
