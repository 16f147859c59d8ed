"""Cron: an event at given times.

A time is noted before its event is handed over, so that it is not lost when this process is killed.
Times that passed while no gateway ran are counted and told; `catchUp` makes up for them with one
event.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import orjson

from mlrun_like.gateway.triggers.config import TriggerConfig, seconds
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.ledger import Ledger
from mlrun_like.gateway.triggers.source import Source
from mlrun_like.schedules.cron import next_time, times_between
from mlrun_like.streams.base import to_body

__all__ = ["ClockSource"]

_EVERY = re.compile(r"@every\s+(\S+)")
_LATE = 2.0
"""Seconds by which a time may pass unnoticed before it counts as missed."""
_COUNTED = 1_000_000


class ClockSource(Source):
    """Attributes: `schedule` (five fields, six with seconds first, or `@hourly`, `@every 10s`) or
    `interval`; `timeZone`; `event` with `body` and `headers`; `concurrencyPolicy` (`Forbid`: a time
    is left out while the event of an earlier one is worked on; `Allow`; `Replace`: the earlier one
    is broken off); `catchUp`.
    """

    def __init__(self, config: TriggerConfig, home: Path) -> None:
        super().__init__(config, home)
        given = config.attributes
        self._schedule = str(given.get("schedule") or "")
        every = _EVERY.fullmatch(self._schedule.strip())
        interval = every.group(1) if every else given.get("interval")
        self._interval = seconds(interval) if interval else 0.0
        self._zone = str(given.get("timeZone") or "")
        self._policy = str(given.get("concurrencyPolicy") or "Forbid")
        self._ledger: Ledger | None = None
        self._due = self._last = 0.0
        self._waiting: list[float] = []
        self._missed = 0
        self._said = 0

    def open(self) -> None:
        self.close()
        ledger = self._ledger = Ledger(self.home, self.config.id, self._told())
        now = time.time()
        self._last = float(ledger.fact("last") or now)
        # what was begun and not ended when an earlier process was killed
        self._waiting = [float(name) for name, (_, done) in ledger.marks().items() if not done]
        self._waiting.sort()
        missed = self._passed(self._last, now - _LATE)
        self._skip(missed)
        if missed and self.config.attributes.get("catchUp"):
            self._begin(now)
        self._due = self._after(now if missed else self._last, now)

    def _told(self) -> str:
        return f"{self._schedule} {self._interval} {self._zone}"

    def _after(self, last: float, now: float) -> float:
        if self._interval:
            return max(last + self._interval, now) if last else now + self._interval
        return next_time(self._schedule, self._zone, last) or float("inf")

    def _passed(self, last: float, now: float) -> int:
        """How many times lie between two moments."""
        if now <= last:
            return 0
        if self._interval:
            return int((now - last) // self._interval)
        first = next_time(self._schedule, self._zone, last)
        if first is None or first > now:
            return 0
        # counting every second of a year would take long
        if now - first > _COUNTED:
            return _COUNTED
        return times_between(self._schedule, self._zone, first, now, 1)[1]

    def _skip(self, count: int) -> None:
        if count:
            self._missed += count
            self._said += count
            self.notes = [
                f"{self._said} times were missed while no gateway ran or it was suspended"
            ]

    def read(self, most: int, wait: float) -> list[Event]:
        if self._waiting:
            times, self._waiting = self._waiting[:most], self._waiting[most:]
            return [self._event(when) for when in times]
        now = time.time()
        if now < self._due:
            time.sleep(max(0.0, min(wait, self._due - now)))
            now = time.time()
            if now < self._due:
                return []
        when = self._due
        late = self._passed(when, now - _LATE)
        if late:
            self._skip(late)
            when = now
        self._begin(when)
        self._due = self._after(when, when)
        return self.read(most, 0.0)

    def _begin(self, when: float) -> None:
        """Note a time before its event goes out."""
        if self._ledger is not None:
            self._ledger.add({repr(when): ""}, done=False)
            self._ledger.keep("last", repr(when))
        self._last = when
        self._waiting.append(when)

    def _event(self, when: float) -> Event:
        given = self.config.attributes.get("event") or {}
        headers: Mapping[str, object] = given.get("headers") or {}
        texts = {str(name).lower(): str(value) for name, value in headers.items()}
        if self._missed:
            texts["missed-ticks"] = str(self._missed)
            self._missed = 0
        told = datetime.fromtimestamp(when, tz=timezone.utc).isoformat()
        body = to_body(given.get("body") or "")
        event = Event(body, texts, time=when, id=f"{self.config.id} {told}")
        if not event.content_type and not isinstance(given.get("body"), Mapping):
            event.content_type = "application/json" if _is_json(body) else "text/plain"
        event.path = self.config.path
        event.raw = repr(when)
        return event

    def ack(self, events: Sequence[Event]) -> None:
        if self._ledger is not None:
            self._ledger.forget([event.raw for event in events])

    def overlap(self, event: Event) -> str:
        return {"Forbid": "skip", "Replace": "replace"}.get(self._policy, "")

    def depth(self) -> int | None:
        return len(self._waiting)

    def close(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()


def _is_json(body: bytes) -> bool:
    if body[:1] not in (b"{", b"["):
        return False
    try:
        orjson.loads(body)
    except ValueError:
        return False
    return True
