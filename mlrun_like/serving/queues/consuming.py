"""A function that reads a queue: read, process, push, acknowledge."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    StoreUnavailableError,
)
from mlrun_like.serving.queues.batch import Output, Runner, Try
from mlrun_like.serving.queues.dead_letters import dead_letter
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.pressure import Pressure
from mlrun_like.streams.backoff import Backoff
from mlrun_like.streams.base import Consumer, Forwarding, Record, Stream

if TYPE_CHECKING:
    from mlrun_like.serving.server import GraphServer

__all__ = ["StreamWorker"]

_logger = logging.getLogger("mlrun_like.serving")

_SLOW = 0.25
"""Seconds that a batch should not take much longer than: the next one is made smaller."""
_LARGE = 16_000_000
"""The same in bytes."""


class StreamWorker:
    """Reads a stream and takes its events through a graph, until it is stopped.

    A record is acknowledged only after its last step, and after what it led to is stored in the
    next queues. Where both are on one Redis server (or in memory) that is one indivisible step.

    Args:
        server: The graph.
        source: The stream.
        group: The consumer group.
        options: How to read it.
        dead_letters: Where events go that failed for good; None: they are only logged.
        function: The function's name, for messages.
    """

    def __init__(
        self,
        server: GraphServer,
        source: Stream,
        group: str,
        options: ConsumeOptions | None = None,
        *,
        dead_letters: Stream | None = None,
        function: str = "",
    ) -> None:
        self.server, self.source, self.group = server, source, group
        self.options = options or ConsumeOptions()
        self.function = function
        self.dead_letters = dead_letters
        self.done = self.dead = 0
        """Records acknowledged so far, and those of them that became dead letters."""
        self._runner = Runner(server, source, self.options)
        self._pressure = Pressure(self._runner.pushes, self.options.max_depth)
        self._holds = any(step.holds for _, step in server.plan.holding())
        self._held: list[Record] = []
        """Records that steps may still hold, acknowledged at the next checkpoint."""
        self._checked = time.monotonic()
        self._size = min(32, self.options.batch)
        self._stop = threading.Event()

    def stop(self) -> None:
        """End after the batch that is under way; from any thread or signal handler."""
        self._stop.set()

    def close(self) -> None:
        """Release the graph's steps and the streams; after `run`."""
        self.server.close()
        self.source.close()
        if self.dead_letters is not None:
            self.dead_letters.close()

    def run(self) -> None:
        """Work until `stop`; a stream that cannot be reached is waited for."""
        backoff = Backoff(most=5.0)
        while not self._stop.is_set():
            try:
                with self.source.consumer(self.group, self.options.name) as consumer:
                    backoff.reset()
                    self._consume(consumer, backoff)
            except StoreUnavailableError as exc:
                _logger.warning("%s: %s; trying again", self.source.url, exc.what)
                backoff.wait(sleep=self._stop.wait)

    def _consume(self, consumer: Consumer, backoff: Backoff) -> None:
        self._runner.later = []
        self._held = []
        while not self._stop.is_set():
            if self._pressure.is_high():
                self._stop.wait(0.1)
                continue
            try:
                records = self._read(consumer)
            except StoreUnavailableError as exc:
                _logger.warning("%s: %s; trying again", self.source.url, exc.what)
                backoff.wait(sleep=self._stop.wait)
                continue
            backoff.reset()
            start = time.monotonic()
            if records or self._runner.later:
                self._settle(consumer, self._runner.run(records))
                self._fit(records, time.monotonic() - start)
            elif self._holds:
                self._settle(consumer, [])
            if self._held and (
                len(self._held) >= self.options.commit_events
                or start - self._checked > self.options.commit_seconds
            ):
                self._checkpoint(consumer)
        self._checkpoint(consumer)

    def _read(self, consumer: Consumer) -> list[Record]:
        due = self._runner.due_in
        wait = 0.2 if self._holds else 0.5
        if due is not None:
            wait = min(due, wait)
            if self._runner.is_full:
                self._stop.wait(wait)
                return []
        return consumer.read(self._size, wait)

    def _fit(self, records: Sequence[Record], seconds: float) -> None:
        """Larger batches while they are quick, smaller ones while they are slow or large."""
        count, size = len(records), sum([len(record.body) for record in records])
        if seconds > _SLOW or size > _LARGE:
            self._size = max(1, min(self._size, count) // 2)
        elif seconds < _SLOW / 4 and size < _LARGE / 4 and count >= self._size:
            self._size = min(self.options.batch, self._size * 2)

    def _checkpoint(self, consumer: Consumer) -> None:
        """Let steps give what they hold, and acknowledge everything before."""
        self._checked = time.monotonic()
        if not self._holds:
            return
        plan = self.server.plan
        for name, step in plan.holding():
            emit = plan.emitter(name, is_async=plan.is_async)
            for event in list(step.flush()):
                found = emit(event)
                if plan.is_async:
                    self.server.background.wait(found)
        time.sleep(0.01)  # what the clock's thread took from a step just before is on its way
        held, self._held = self._held, []
        self._finish(consumer, held, self._runner.take())

    def _settle(self, consumer: Consumer, ended: Sequence[Try]) -> None:
        """Push what came out and acknowledge what is done; failures become dead letters."""
        outputs = self._runner.take()
        self._pressure.pushed(len(outputs))
        letters = [self._letter(item, item.error) for item in ended if item.error is not None]
        records = [item.record for item in ended]
        if self._holds:
            self._held += records
            records = []
        self._finish(consumer, records, outputs, [letter for letter in letters if letter])

    def _finish(
        self,
        consumer: Consumer,
        done: Sequence[Record],
        outputs: Sequence[Output],
        letters: Sequence[Record] = (),
    ) -> None:
        pushes = self._by_stream(outputs, letters)
        if not pushes and not done:
            return
        backoff = Backoff(most=5.0)
        while True:
            try:
                self._store(consumer, done, pushes)
                break
            except ConflictError as exc:
                # another process has the shards now, and reads these records again
                _logger.warning("%s: %s", self.source.url, exc.what)
                return
            except StoreUnavailableError as exc:
                _logger.warning("%s; trying again", exc.what)
                if self._stop.is_set() and backoff.failures > 3:
                    raise  # nothing is acknowledged: it is processed again
                backoff.wait(sleep=self._stop.wait if not self._stop.is_set() else time.sleep)
            except InvalidArgumentError as exc:
                pushes = self._without_refused(outputs, letters, exc)
        self.done += len(done)

    def _store(
        self,
        consumer: Consumer,
        done: Sequence[Record],
        pushes: list[tuple[Stream, list[Record]]],
    ) -> None:
        if pushes and isinstance(consumer, Forwarding) and consumer.forward(done, pushes):
            return
        while pushes:  # each is pushed once, even if the next one must be tried again
            stream, records = pushes[0]
            stream.push_records(records)
            del pushes[0]
        consumer.ack(done)

    def _by_stream(
        self, outputs: Sequence[Output], letters: Sequence[Record]
    ) -> list[tuple[Stream, list[Record]]]:
        found: dict[Any, list[Record]] = {}
        for push, record, _ in outputs:
            found.setdefault(push, []).append(record)
        pushes = [(push.stream, records) for push, records in found.items()]
        if letters and self.dead_letters is not None:
            pushes.append((self.dead_letters, list(letters)))
        return pushes

    def _without_refused(
        self, outputs: Sequence[Output], letters: Sequence[Record], why: InvalidArgumentError
    ) -> list[tuple[Stream, list[Record]]]:
        """Push one by one; what a stream refuses for good (too large) becomes a dead letter."""
        more = list(letters)
        for push, record, made_of in outputs:
            try:
                push.stream.push_records([record])
            except InvalidArgumentError as exc:
                _logger.error("%s refuses a record: %s", push.path, exc.what)
                letter = self._letter(Try(made_of or record), exc)
                more += [letter] if letter else []
        if not outputs:
            _logger.error("the dead letters of %s cannot be stored: %s", self.source.url, why.what)
            return []
        return self._by_stream((), more)

    def _letter(self, item: Try, error: Exception | None) -> Record | None:
        if error is None:
            return None
        self.dead += 1
        event = item.event
        id = event.id if event is not None else item.record.id
        _logger.error("event %s failed for good after %d attempts: %s", id, item.attempts, error)
        if event is not None and self.server.errors.url:
            self.server.push_error(event, error, getattr(error, "step", ""))
        return dead_letter(
            item.record, event, error, attempts=item.attempts, stream=self.source.url,
            function=self.function,
        )  # fmt: skip
