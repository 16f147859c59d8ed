"""One trigger under way: one thread reads its source and acknowledges, others hand events over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlrun_like import registry
from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.delivery import Courier
from mlrun_like.gateway.triggers.door import Door
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.graves import Grave
from mlrun_like.gateway.triggers.held import Held
from mlrun_like.gateway.triggers.lanes import Lanes
from mlrun_like.gateway.triggers.mask import Mask
from mlrun_like.gateway.triggers.numbers import Numbers
from mlrun_like.gateway.triggers.source import Source
from mlrun_like.streams.backoff import Backoff

__all__ = ["SOURCES", "Running"]

_LOG = logging.getLogger("mlrun_like.gateway.triggers")
_STREAMS = "mlrun_like.gateway.triggers.streams:StreamSource"
SOURCES: Mapping[str, str] = {
    "redis": _STREAMS,
    "kafka-cluster": _STREAMS,
    "rabbit-mq": _STREAMS,
    "nats": _STREAMS,
    "mqtt": _STREAMS,
    "v3ioStream": _STREAMS,
    "cron": "mlrun_like.gateway.triggers.clock:ClockSource",
    "files": "mlrun_like.gateway.triggers.files:FilesSource",
    "events": "mlrun_like.gateway.triggers.events:EventsSource",
}
"""Kind -> its source."""

_BUSY_WAIT, _IDLE_WAIT = 0.05, 0.5
"""Seconds of one look at the source: short while acknowledgements are to be expected."""


class Running:
    """A trigger that runs from `start` until `close`.

    Args:
        config: It.
        socket: The gateway's trusted socket.
        home: The gateway's folder.
    """

    def __init__(self, config: TriggerConfig, socket: str, home: Path) -> None:
        self.config = config
        self.numbers = Numbers(Mask(config))
        self._mask = Mask(config)
        made: Callable[[TriggerConfig, Path], Source] = registry.resolve(SOURCES[config.kind])
        self._source = made(config, home)
        self._home = home
        size = config.batch_size
        self._lanes = Lanes(config.order, config.workers, size, config.batch_timeout)
        self._held = Held(config.window)
        self._inside = 0
        self._lock = threading.Lock()
        self._burying = threading.Lock()
        self._grave: Grave | None = None
        self._stop = threading.Event()
        self._freed = threading.Event()
        """Set when there is room for half of what may be read ahead."""
        self._unacked: list[Event] = []
        self._couriers = [
            Courier(config, Door(socket), self._lanes, self.numbers, self._bury, self._settled)
            for _ in range(config.workers)
        ]
        self._reader = threading.Thread(target=self._run, name=f"read {config.id}", daemon=True)
        self._lag: int | None = None
        self._lag_at = 0.0

    def start(self) -> None:
        """Begin."""
        for courier in self._couriers:
            courier.thread.start()
        self._reader.start()

    def _run(self) -> None:
        backoff, opened = Backoff(0.1, 5.0), False
        while not self._stop.is_set():
            try:
                if not opened:
                    self._source.open()
                    opened = True
                self._turn()
                backoff.reset()
                if self.numbers.state("connected"):
                    _LOG.info("trigger %s: connected", self.config.id)
            except MLRunLikeError as exc:
                self._trouble(exc)
                backoff.wait(sleep=self._stop.wait)
            except Exception as exc:  # noqa: BLE001  the thread's boundary: it is opened anew
                _LOG.debug("trigger %s", self.config.id, exc_info=True)
                self._trouble(exc)
                opened = False
                backoff.wait(sleep=self._stop.wait)
        self._finish()

    def _trouble(self, exc: Exception) -> None:
        text = self._mask(str(exc) or type(exc).__name__)
        if self.numbers.state("disconnected", text):
            _LOG.warning("trigger %s: %s", self.config.id, text)

    def _turn(self) -> None:
        """Acknowledge what is done, and read what there is room for."""
        self._acknowledge()
        with self._lock:
            room = self.config.room - self._inside
        if room <= 0:
            self._freed.clear()
            self._freed.wait(_BUSY_WAIT)
            return
        busy = room < self.config.room or self._held.count
        events = self._source.read(room, _BUSY_WAIT if busy else _IDLE_WAIT)
        self._let_go()  # before what is new: a shard may have gone and come back
        if events:
            self._accept(events)

    def _let_go(self) -> None:
        """Forget what waits of shards that another gateway reads now."""
        gone = self._source.gone()
        if gone:
            self._held.forget(gone)
            count = self._lanes.drop(gone)
            with self._lock:
                self._inside -= count

    def _accept(self, events: list[Event]) -> None:
        taken = []
        for event in events:
            verdict = self._source.overlap(event) if self._inside else ""
            if verdict == "skip":
                self.numbers.add("skipped")
                self._unacked.append(event)
                continue
            if verdict == "replace":
                for courier in self._couriers:
                    courier.replace()
            taken.append(event)
        with self._lock:
            self._inside += len(taken)
        self._lanes.put(taken)

    def _settled(self, event: Event, kept: bool) -> None:
        """A courier is done with an event."""
        self._held.settle(event, kept)
        with self._lock:
            self._inside -= 1
            if self._inside * 2 <= self.config.room:
                self._freed.set()

    def _acknowledge(self) -> None:
        self._unacked += self._held.take()
        if self._unacked:
            self._source.ack(self._unacked)
            self._unacked = []

    def _bury(self, event: Event) -> str:
        with self._burying:
            if self._grave is None:
                self._grave = Grave(self.config, self._source.grave(), self._home)
            return self._grave.bury(event)

    def acked(self, attributes: Mapping[str, Any]) -> None:
        """A handler acknowledged an event of this trigger itself."""
        self._held.acked(attributes)

    def status(self) -> dict[str, Any]:
        """What `ps` shows."""
        with self._lock:
            inside = self._inside
        return {
            "function": self.config.key,
            "trigger": self.config.name,
            "kind": self.config.kind,
            **self.numbers.to_dict(),
            "lag": self._lag,
            "in_flight": max(0, inside - self._lanes.waiting),
            "waiting": self._lanes.waiting,
            "unacknowledged": self._held.count,
            "notes": list(self._source.notes),
        }

    def measure(self) -> None:
        """Ask the source how much waits there, at most every few seconds."""
        if time.monotonic() - self._lag_at < 5.0:
            return
        self._lag_at = time.monotonic()
        try:
            self._lag = self._source.depth()
        except Exception as exc:  # noqa: BLE001  a number for people: the reader tells what is wrong
            self._lag = None
            _LOG.debug("trigger %s: no depth: %r", self.config.id, exc)

    def close(self, grace: float = 10.0) -> None:
        """Stop reading, wait for what is under way, acknowledge it, leave.

        Args:
            grace: Seconds to wait for answers; later ones count as never given.
        """
        self._stop.set()
        for courier in self._couriers:
            courier.end()
        self._lanes.close()
        deadline = time.monotonic() + grace
        for courier in self._couriers:
            courier.thread.join(max(0.0, deadline - time.monotonic()))
        for courier in self._couriers:
            if courier.thread.is_alive():
                courier.abandon()
                courier.thread.join(5)
        self._reader.join(20)

    def _finish(self) -> None:
        """The reader's last work, when no courier brings anything any more."""
        for courier in self._couriers:
            if courier.thread.ident is not None:
                courier.thread.join()
        try:
            self._acknowledge()
        except MLRunLikeError as exc:
            _LOG.warning("trigger %s: %s", self.config.id, self._mask(str(exc)))
        finally:
            self._source.close()
            if self._grave is not None:
                self._grave.close()
            self.numbers.state("stopped")
