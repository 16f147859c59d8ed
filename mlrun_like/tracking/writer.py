"""The one way into a store: a queue, group commits, and a spool when the store is away.

    put      append to a queue and return; a thread writes it within `flush_interval`
    write    append, write what is queued on the caller's own thread, and return when it is on disk;
             threads that wait together share one commit, and nobody pays for a thread hop

Where it goes is a sink: a database (`transacting.py`), or a service (`remote/sink.py`).

The queue is first in, first out, so a waiting write makes all earlier ones durable, too. A store
that cannot be used never raises from `put` and `write`: what is queued goes to the spool until a
retry succeeds. An operation that the store refuses is put aside instead of blocking the rest.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque

from mlrun_like.configuration import config
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.tracking.batches import coalesce, halves, splits
from mlrun_like.tracking.guard import guard, guard_process
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.sink import Sink
from mlrun_like.tracking.spool import Spool
from mlrun_like.tracking.thread import FlushThread

__all__ = ["Writer"]

_log = logging.getLogger("mlrun_like.tracking")
_RETRY_EVERY = 1.0  # seconds between the first attempts to reach a store that is away
_RETRY_MOST = 5.0  # seconds between later ones
_RETRY_WAIT = 0.5  # seconds an attempt waits for a lock
_VICTIM_TRIES = 20  # times that a deadlock's victim tries again
_BATCH = 20_000  # operations in one transaction


class Writer:
    """Writes of one process to one store.

    Args:
        sink: Where to.
        spool: Where to when the sink is away.
    """

    def __init__(self, sink: Sink, spool: Spool) -> None:
        self.sink = sink
        self.spool = spool
        self.spooling = False
        self.reaped_at = 0.0
        """When lost runs were last looked for."""
        self._queue: deque[Operation] = deque()
        self._interval, self._retry_at = config.flush_interval, 0.0
        self._pause = _RETRY_EVERY
        self._trouble, self._stuck = "", False
        self._refused: set[tuple[str, type]] = set()
        self._thread = self._new_thread()
        guard(self)

    # in

    def put(self, operation: Operation) -> None:
        """Queue an operation; returns at once."""
        self._queue.append(operation)
        if not self._thread.awake:
            self._wake_thread()

    def write(self, operation: Operation, *, durable: bool = True) -> None:
        """Queue an operation and return when it is in the store or in the spool.

        Args:
            operation: What to write.
            durable: Also wait until the disk has it; else only a power cut can lose it.
        """
        self._queue.append(operation)
        self._drain(durable=durable)

    def ready(self) -> None:
        """Write everything queued; the caller holds the sink's lock.

        Raises:
            StoreUnavailableError: if the store cannot be used.
        """
        self._drain(durable=False, retry=True)
        if self.spooling:
            raise StoreUnavailableError(
                "the tracking store cannot be used now",
                where=self.sink.shown,
                fix=f"what was recorded meanwhile waits in {self.spool.folder}",
            )

    def settle(self) -> None:
        """Write what this process has queued, so that it can read its own writes."""
        if self._queue or self.spooling:
            self._drain(durable=False, retry=True)

    def flush(self, timeout: float | None = None) -> None:
        """Return when everything queued is on disk, in the store or in the spool.

        Raises:
            StoreUnavailableError: if that takes longer than `timeout` seconds.
        """
        if not self.sink.lock.acquire(timeout=-1 if timeout is None else timeout):
            what = f"records were not written within {timeout} s"
            raise StoreUnavailableError(what, where=self.sink.shown)
        try:
            self._drain(durable=True, retry=True)
        finally:
            self.sink.lock.release()

    def unwritten(self) -> str:
        """Flush, and say why records are nowhere but in memory; empty if all are on disk."""
        self.flush()
        if not self._stuck:  # the queue alone says nothing: other threads go on filling it
            return ""
        return (
            f"{len(self._queue)} records could be written neither to {self.sink.shown} nor to "
            f"{self.spool.folder}: {self._trouble}"
        )

    def close(self) -> None:
        """Flush, stop the thread, disconnect. Later calls start it all again."""
        self._thread.stop(self.sink.timeout)
        with self.sink.lock:
            unwritten = self.unwritten()
            if unwritten:
                _log.warning(unwritten)
            self.sink.disconnect()
            self.spool.close()
            self._thread = self._new_thread()

    def adopt(self) -> None:
        """Deliver what dead processes have left in the spool."""
        if self.spool.adopt() or self.spool.waiting():
            with self.sink.lock:
                self.spooling = True
                self._retry_at = 0.0
                self._drain(durable=False, retry=True)

    # out

    def _drain(self, *, durable: bool, retry: bool = False) -> None:
        # whoever gets the lock writes for all that wait, but not what others add meanwhile: if the
        # queue is empty now, another thread has committed the caller's own operation
        with self.sink.lock:
            if self.spooling and retry and time.monotonic() >= self._retry_at:
                self._deliver_spool()
            left = len(self._queue)
            while left:
                batch: list[Operation] = []
                try:
                    for _ in range(min(left, _BATCH)):
                        batch.append(self._queue.popleft())
                    left -= len(batch)
                    batch = coalesce(batch)
                    kept = self._deliver(batch, durable)
                except BaseException:
                    self._queue.extendleft(reversed(batch))
                    raise
                self._stuck = not kept
                if self._stuck:
                    self._queue.extendleft(reversed(batch))
                    return

    def _deliver(self, batch: list[Operation], durable: bool) -> bool:
        if not self.spooling:
            try:
                self._commit(batch, durable)
                return True
            except Exception as exc:
                if not self.sink.unavailable(exc):
                    raise
                return self._spool(batch, self.sink.error(exc))
        return self._spool(batch, None)

    def _commit(self, batch: list[Operation], durable: bool, timeout: float | None = None) -> None:
        afresh = False
        for _attempt in range(_VICTIM_TRIES):
            try:
                refused = self.sink.commit(batch, durable=durable, timeout=timeout)
            except Exception as exc:
                if self.sink.retry_at_once(exc):
                    continue
                if self.sink.unavailable(exc):
                    raise
                if not afresh:
                    # a remembered id may be of a record deleted since; it is forgotten by now
                    afresh = True
                    continue
                if len(batch) == 1 and not splits(batch[0]):
                    self._reject(batch[0], exc)
                    return
                break
            for operation, reason, final in refused:
                if final or not splits(operation):
                    self._reject(operation, reason)
                    continue
                for half in halves([operation]):
                    self._commit(half, durable, timeout)
            return
        # one of them is bad, or others are always in the way: find out by halves
        for half in halves(batch):
            self._commit(half, durable, timeout)

    def _reject(self, operation: Operation, reason: Exception) -> None:
        try:
            self.spool.reject(operation, reason)
        except OSError as exc:
            _log.error("a record was refused (%s) and could not be put aside: %s", reason, exc)
            return
        # a broken caller must not flood the screen: one word for each sort of mistake
        sort = (operation[0], type(reason))
        if sort not in self._refused:
            self._refused.add(sort)
            text = "the tracking store refused a %s record and put it aside: %s\n  where: %s"
            why = getattr(reason, "what", "") or repr(reason)
            _log.warning(text, operation[0], why, self.spool.rejected)

    def _spool(self, batch: list[Operation], reason: StoreUnavailableError | None) -> bool:
        try:
            path = self.spool.append(batch)
        except OSError as exc:
            self._trouble = str(exc)
            if reason is not None or not self._queue:
                text = "%s; the spool cannot be written either: %s; %d records stay in memory"
                _log.error(text, reason or "the tracking store is away", exc, len(batch))
            self._retry_later()
            self.spooling = True
            self._wake_thread()
            return False
        if reason is not None:
            self._retry_later()
            self.spooling = True
            text = "%s\n  the run goes on; records are kept in %s and delivered later"
            _log.warning(text, reason, path)
            self._wake_thread()
        return True

    def _deliver_spool(self) -> None:
        delivered = 0
        self.spool.adopt()  # a process that ended when this store was away left older ones
        try:
            for path in self.spool.waiting():
                for batch in self.spool.read(path):
                    self._commit(batch, False, _RETRY_WAIT)
                    delivered += len(batch)
                self.spool.remove(path)
        except Exception as exc:
            if not self.sink.unavailable(exc):
                raise
            self._retry_later()
            self._wake_thread()
            return
        self.spooling, self._pause = False, _RETRY_EVERY
        if delivered:
            _log.info("%d records from the spool are now in %s", delivered, self.sink.shown)

    def _retry_later(self) -> None:
        # longer each time, and not at the moment at which all others try: a service that comes back
        # must not find everybody at its door at once
        self._retry_at = time.monotonic() + self._pause * random.uniform(0.5, 1.0)
        self._pause = min(_RETRY_MOST, self._pause * 1.5)

    # the thread

    def _new_thread(self) -> FlushThread:
        return FlushThread(self._tick, self._interval, _RETRY_EVERY)

    def _wake_thread(self) -> None:
        guard_process()
        self._thread.wake()

    def _tick(self) -> bool:
        self._drain(durable=False, retry=True)
        return self.spooling

    # forks

    def before_fork(self) -> None:
        """Let the thread end and close all connections."""
        self._thread.stop(self.sink.timeout)
        self.sink.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._thread = self._new_thread()
        self.sink.after_fork_in_parent()
        if self._queue or self.spooling:
            self._wake_thread()

    def after_fork_in_child(self) -> None:
        """Start empty: what was queued belongs to the parent."""
        self.sink.after_fork_in_child()
        self.spool.forget_process()
        self._queue = deque()
        self.spooling = False
        self._thread = self._new_thread()
