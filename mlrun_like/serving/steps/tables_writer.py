"""What of a table is not written yet, and how it gets to the driver."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving.engine.clock import Timer, call_later
from mlrun_like.serving.steps.drivers import Change, Driver, Key, Row, key_text
from mlrun_like.serving.steps.tables_entry import Entry

__all__ = ["Writer"]

_logger = logging.getLogger("mlrun_like.serving")


class Writer:
    """Writes changed rows, by the clock and on request; what fails stays and is tried again.

    Locks are taken in this order: the one of flushes, the table's, the driver's.

    Args:
        path: The table's name.
        storage: Its driver.
        lock: The table's lock, held while rows are changed.
        batch: How many keys are written in one go.
        interval: Seconds between two flushes; None: none by the clock.
        shared: Whether other processes write the same rows.
        forget: Called with `lock` held after each flush by the clock; false: nothing is left that
            another one would be for.
    """

    def __init__(
        self,
        path: str,
        storage: Driver,
        lock: threading.RLock,
        batch: int,
        interval: float | None,
        shared: bool,
        forget: Callable[[], bool],
    ) -> None:
        self.path = path
        self.storage = storage
        self.dirty: dict[str, Entry] = {}
        self._lock = lock
        self._batch = batch
        self._interval = interval
        self._shared = shared
        self._forget = forget
        self._flushing = threading.Lock()
        self._driver = threading.Lock()
        self._timer: Timer | None = None

    def load(self, key: Key, aggregates: bool = True) -> Row:
        """The row that the driver has; an empty one if there is none."""
        with self._driver:
            return self.storage.load(self.path, key, aggregates) or Row()

    def load_schema(self) -> dict[str, Any] | None:
        """The schema that the driver has."""
        with self._driver:
            return self.storage.load_schema(self.path)

    def save_schema(self, schema: Mapping[str, Any]) -> None:
        """Let the driver remember a schema."""
        with self._driver:
            self.storage.save_schema(self.path, schema)

    def mark(self, entry: Entry) -> None:
        """Note that a row has changed; call it with `lock` held."""
        self.dirty[key_text(entry.key)] = entry
        self.start()

    def is_unwritten(self, entry: Entry) -> bool:
        """Whether a row holds what the driver may not have; call it with `lock` held."""
        return entry.writing or key_text(entry.key) in self.dirty

    def start(self) -> None:
        """Flush by the clock from now on; call it with `lock` held."""
        if self._timer is None and self._interval:
            self._timer = call_later(self._interval, self._tick)

    def flush(self) -> None:
        """Write all rows that have changed until now."""
        with self._flushing:
            with self._lock:
                waiting, self.dirty = list(self.dirty.items()), {}
            done = 0
            try:
                while done < len(waiting):
                    self._write([entry for _, entry in waiting[done : done + self._batch]])
                    done += self._batch
            except BaseException:
                with self._lock:
                    self.dirty = {**dict(waiting[done:]), **self.dirty}
                raise

    def flush_key(self, text: str) -> None:
        """Write one row, if it has changed; call it without `lock`."""
        with self._flushing:
            with self._lock:
                entry = self.dirty.pop(text, None)
            if entry is None:
                return
            try:
                self._write([entry])
            except BaseException:
                with self._lock:
                    self.dirty.setdefault(text, entry)
                raise

    def _write(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            taken = [(entry, change) for entry in entries if (change := entry.take())]
            for entry, _ in taken:
                entry.writing = True
        if not taken:
            return
        try:
            with self._driver:
                self.storage.save(self.path, [change for _, change in taken], self._shared)
        except BaseException:
            with self._lock:
                for entry, change in taken:
                    entry.give_back(change)
            raise
        finally:
            with self._lock:
                for entry, _ in taken:
                    entry.writing = False
        if self._shared:
            self._read_back(taken)

    def _read_back(self, taken: Sequence[tuple[Entry, Change]]) -> None:
        for entry, change in taken:
            if change.aggregates:
                row = self.load(entry.key)
                with self._lock:
                    entry.refresh(row, time.monotonic())

    def _tick(self) -> None:
        # writing can take long, and the clock is everybody's
        threading.Thread(target=self._by_clock, name="table-flush", daemon=True).start()

    def _by_clock(self) -> None:
        try:
            self.flush()
        except MLRunLikeError as exc:
            _logger.warning("table %s is not written, trying again later: %s", self.path, exc)
        with self._flushing, self._lock:  # no row is on its way to the driver
            self._timer = None
            if self._forget():
                self.start()

    def close(self) -> None:
        """Write what has changed and release the driver's connections."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        try:
            self.flush()
        finally:
            with self._driver:
                self.storage.close()
