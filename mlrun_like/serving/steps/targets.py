"""What targets share: they pass events on and write them in batches, by number and by time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any, ClassVar

from mlrun_like.serving.engine.clock import Timer, call_later
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import check_count, check_seconds

__all__ = ["BatchTarget"]

_logger = logging.getLogger("mlrun_like.serving")


class BatchTarget(FlowStep):
    """Base of targets: collects entries by part and writes each part's as one batch.

    A batch that cannot be written is kept and tried again with the next event of its part; the
    event that failed gets the error.

    Args:
        max_events: The most entries of a part that are held; None: no limit.
        flush_after_seconds: How long the first of them waits at most; None: until the flow ends.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if a number is none.
        InvalidArgumentError: if it is too small.
    """

    kind: ClassVar[Kind] = "many"
    blocking: ClassVar[bool] = True

    def __init__(
        self,
        max_events: int | None = None,
        flush_after_seconds: float | None = None,
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
        self._writing = threading.Lock()
        self._held: dict[Any, list[Any]] = {}
        self._began: dict[Any, float] = {}  # oldest first
        self._timer: Timer | None = None
        self._closed = False

    # What kinds of targets define -------------------------------------------------------------

    def part_of(self, event: Event) -> Any:
        """What events are written together."""
        return None

    def entry_of(self, event: Event) -> Any:
        """What is written of an event."""
        return event.body

    def write(self, part: Any, batch: list[Any]) -> None:
        """Write entries; one call at a time."""
        raise NotImplementedError

    def finish(self) -> None:
        """Everything is written: make it last, release files and connections."""

    # Batches ----------------------------------------------------------------------------------

    def process(self, event: Event) -> Iterable[Event]:
        part = self.part_of(event)
        entry = self.entry_of(event)
        with self.lock:
            held = self._held.get(part)
            if held is None:
                held = self._held[part] = []
                self._began[part] = time.monotonic()
                self._closed = False  # a step may run in a second flow
                self._arm(self.flush_after_seconds)
            held.append(entry)
            full = self.max_events is not None and len(held) >= self.max_events
        if full:
            self._write_part(part)
        return (event,)

    def _write_part(self, part: Any) -> None:
        with self._writing:
            with self.lock:
                batch = self._held.pop(part, [])
                began = self._began.pop(part, 0.0)
            if not batch:
                return
            try:
                self.write(part, batch)
            except BaseException:
                with self.lock:
                    self._held[part] = batch + self._held.get(part, [])
                    self._began.setdefault(part, began)
                    self._arm(self.flush_after_seconds)
                raise

    def _arm(self, seconds: float | None) -> None:
        if self._timer is None and seconds is not None and not self._closed:
            self._timer = call_later(seconds, self._tick)

    def _tick(self) -> None:
        # writing can take long, and the clock is everybody's
        threading.Thread(target=self._write_due, name="target-flush", daemon=True).start()

    def _write_due(self) -> None:
        with self.lock:
            self._timer = None
            limit = self.flush_after_seconds or 0.0
            now = time.monotonic()
            # the clock may be early by less than it can tell
            due = [part for part, began in self._began.items() if began + limit <= now + 0.002]
        try:
            for part in due:
                self._write_part(part)
        except Exception as exc:  # noqa: BLE001  the boundary of the clock's thread: it is told
            logger = getattr(self.context, "logger", None) or _logger
            logger.error(f"Failed to flush batch in step {self.name!r}: {exc} (kept for later)")
        with self.lock:
            if self._began:
                oldest = min(self._began.values())
                self._arm(max(0.01, oldest + limit - time.monotonic()))

    def flush(self) -> Iterable[Event]:
        for part in list(self._held):
            self._write_part(part)
        return ()

    def close(self) -> None:
        with self.lock:
            self._closed = True
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        try:
            self.flush()
        finally:
            with self._writing:
                self.finish()
