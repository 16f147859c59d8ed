"""The one way into the database: a queue, group commits, and a spool when the store is away.

    put      append to a queue and return (metrics, logs, lineage); a thread writes it within
             `flush_interval`
    write    append, then write everything queued on the caller's own thread, and return when it is
             on disk; threads that wait together share one commit, and nobody pays for a thread hop
    transact read and write in one transaction (state changes, deletions)

The queue is first in, first out, so a waiting write makes all earlier ones durable, too. A store
that cannot be used never raises from `put` and `write`: what is queued goes to the spool until a
retry succeeds. An operation that the database refuses is put aside instead of blocking the rest.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import util as multiprocessing_util
from typing import TypeVar

from mlrun_like.config import config
from mlrun_like.errors import MLRunLikeError, StoreUnavailableError
from mlrun_like.tracking.operations import Operation, apply, coalesce
from mlrun_like.tracking.spool import Spool
from mlrun_like.tracking.sql import Database, Transaction

__all__ = ["Writer"]

T = TypeVar("T")

_log = logging.getLogger("mlrun_like.tracking")
_RETRY_EVERY = 1.0  # seconds between attempts to reach a store that is away
_RETRY_WAIT = 0.5  # seconds an attempt waits for a lock
_VICTIM_TRIES = 20  # times that a deadlock's victim tries again
_BATCH = 20_000  # operations in one transaction


class Writer:
    """Writes of one process to one database.

    Args:
        database: Where to.
        spool: Where to when the database is away.
    """

    def __init__(self, database: Database, spool: Spool) -> None:
        self.database = database
        self.spool = spool
        self.spooling = False
        self._queue: deque[Operation] = deque()
        self._interval = config.flush_interval
        self._retry_at = 0.0
        self._reset_thread()
        _guard(self)

    # in

    def put(self, operation: Operation) -> None:
        """Queue an operation; returns at once."""
        self._queue.append(operation)
        if not self._awake:
            self._wake_thread()

    def write(self, operation: Operation) -> None:
        """Queue an operation and return when it is on disk, in the store or in the spool."""
        self._queue.append(operation)
        self._drain(durable=True)

    def transact(self, action: Callable[[Transaction], T]) -> T:
        """Run `action` in one transaction after everything queued, and return its result.

        Raises:
            StoreUnavailableError: if the store cannot be used.
        """
        with self.database.lock:
            self._drain(durable=False, retry=True)
            if self.spooling:
                raise StoreUnavailableError(
                    "the tracking store cannot be used now", where=self.database.shown,
                    fix=f"what was recorded meanwhile waits in {self.spool.folder}",
                )
            for attempt in range(1, _VICTIM_TRIES + 1):
                try:
                    with self.database.write() as tx:
                        return action(tx)
                except MLRunLikeError:
                    raise
                except Exception as exc:
                    if self.database.retry_at_once(exc) and attempt < _VICTIM_TRIES:
                        continue
                    if self.database.unavailable(exc):
                        raise self.database.error(exc) from exc
                    raise
        raise AssertionError("the loop above ends by return or raise")

    def settle(self) -> None:
        """Write what this process has queued, so that it can read its own writes."""
        if self._queue or self.spooling:
            self._drain(durable=False, retry=True)

    def flush(self, timeout: float | None = None) -> None:
        """Return when everything queued is on disk, in the store or in the spool.

        Raises:
            StoreUnavailableError: if that takes longer than `timeout` seconds.
        """
        if not self.database.lock.acquire(timeout=-1 if timeout is None else timeout):
            raise StoreUnavailableError(
                f"records were not written within {timeout} s", where=self.database.shown
            )
        try:
            self._drain(durable=True, retry=True)
        finally:
            self.database.lock.release()

    def close(self) -> None:
        """Flush, stop the thread, disconnect. Later calls start it all again."""
        self._stop.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=self.database.timeout)
        with self.database.lock:
            self._drain(durable=True, retry=True)
            if self._queue:
                _log.warning("%d records could be written neither to %s nor to %s",
                             len(self._queue), self.database.shown, self.spool.folder)
            self.database.disconnect()
            self._reset_thread()

    def adopt(self) -> None:
        """Deliver what dead processes have left in the spool."""
        if self.spool.adopt() or self.spool.waiting():
            with self.database.lock:
                self.spooling = True
                self._retry_at = 0.0
                self._drain(durable=False, retry=True)

    # out

    def _drain(self, *, durable: bool, retry: bool = False) -> None:
        # whoever gets the lock writes for all that wait for it; an empty queue then means that
        # the caller's own operation has been committed by the thread before
        with self.database.lock:
            if self.spooling and retry and time.monotonic() >= self._retry_at:
                self._deliver_spool()
            while self._queue:
                batch = []
                with suppress(IndexError):
                    while len(batch) < _BATCH:
                        batch.append(self._queue.popleft())
                batch = coalesce(batch)
                try:
                    kept = self._deliver(batch, durable)
                except BaseException:
                    self._queue.extendleft(reversed(batch))
                    raise
                if not kept:
                    self._queue.extendleft(reversed(batch))
                    break

    def _deliver(self, batch: list[Operation], durable: bool) -> bool:
        if not self.spooling:
            try:
                self._commit(batch, durable)
                return True
            except Exception as exc:
                if not self.database.unavailable(exc):
                    raise
                return self._spool(batch, self.database.error(exc))
        return self._spool(batch, None)

    def _commit(self, batch: list[Operation], durable: bool, timeout: float | None = None) -> None:
        for _attempt in range(_VICTIM_TRIES):
            try:
                with self.database.write(durable=durable, timeout=timeout) as tx:
                    for operation in batch:
                        apply(tx, operation)
                return
            except Exception as exc:
                if self.database.retry_at_once(exc):
                    continue
                if self.database.unavailable(exc):
                    raise
                if len(batch) == 1 and not _splits(batch[0]):
                    self._reject(batch[0], exc)
                    return
                break
        # one of them is bad, or others are always in the way: find out by halves
        for half in _halves(batch):
            self._commit(half, durable, timeout)

    def _reject(self, operation: Operation, reason: Exception) -> None:
        try:
            self.spool.reject(operation, reason)
        except OSError as exc:
            _log.error("a record was refused (%s) and could not be put aside: %s", reason, exc)
            return
        _log.warning("the tracking store refused a %s record and put it aside: %s: %s\n"
                     "  where: %s", operation[0], type(reason).__name__, reason,
                     self.spool.rejected)

    def _spool(self, batch: list[Operation], reason: StoreUnavailableError | None) -> bool:
        try:
            path = self.spool.append(batch)
        except OSError as exc:
            if reason is not None or not self._queue:
                _log.error("%s; the spool cannot be written either: %s; %d records stay in memory",
                           reason or "the tracking store is away", exc, len(batch))
            self._retry_at = time.monotonic() + _RETRY_EVERY
            self.spooling = True
            self._wake_thread()
            return False
        if reason is not None:
            self._retry_at = time.monotonic() + _RETRY_EVERY
            self.spooling = True
            _log.warning("%s\n  the run goes on; records are kept in %s and delivered later",
                         reason, path)
            self._wake_thread()
        return True

    def _deliver_spool(self) -> None:
        delivered = 0
        try:
            for path in self.spool.waiting():
                for batch in self.spool.read(path):
                    self._commit(batch, False, _RETRY_WAIT)
                    delivered += len(batch)
                self.spool.remove(path)
        except Exception as exc:
            if not self.database.unavailable(exc):
                raise
            self._retry_at = time.monotonic() + _RETRY_EVERY
            self._wake_thread()
            return
        self.spooling = False
        if delivered:
            _log.info("%d records from the spool are now in %s", delivered, self.database.shown)

    # the thread

    def _reset_thread(self) -> None:
        self._thread: threading.Thread | None = None
        self._awake = False
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._start_lock = threading.Lock()

    def _wake_thread(self) -> None:
        self._awake = True
        self._wake.set()
        if self._thread is None:
            with self._start_lock:
                if self._thread is None and not self._stop.is_set():
                    self._thread = threading.Thread(
                        target=self._loop, args=(self._wake, self._stop),
                        name="mlrun-like-writer", daemon=True,
                    )
                    self._thread.start()
                    _guard_process()

    def _loop(self, wake: threading.Event, stop: threading.Event) -> None:
        while True:
            wake.wait(_RETRY_EVERY if self.spooling else None)
            if stop.wait(_RETRY_EVERY if self.spooling else self._interval):
                return
            wake.clear()
            self._awake = False
            try:
                self._drain(durable=False, retry=True)
            except Exception:  # noqa: BLE001  the thread's own boundary: it must live on
                _log.exception("records could not be written to %s", self.database.shown)
                stop.wait(_RETRY_EVERY)
                wake.set()

    # forks

    def after_fork_in_child(self) -> None:
        """Start empty: what was queued belongs to the parent."""
        self.database.after_fork_in_child()
        self.spool.forget_process()
        self._queue = deque()
        self.spooling = False
        self._reset_thread()


def _splits(operation: Operation) -> bool:
    return operation[0] == "metrics" and len(operation[1][3]) > 1


def _halves(batch: list[Operation]) -> list[list[Operation]]:
    if len(batch) > 1:
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]
    kind, (project, uid, iteration, points) = batch[0]
    middle = len(points) // 2
    return [[(kind, [project, uid, iteration, part])] for part in (points[:middle], points[middle:])]


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()
_held: list[Writer] = []
_guarded_pid = 0
_hooked = False


def _guard(writer: Writer) -> None:
    """Have forks and the end of the process looked after, from the first store on."""
    global _hooked
    _writers.add(writer)
    if not _hooked:
        _hooked = True
        atexit.register(_close_all)
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child
        )


def _guard_process() -> None:
    # children of multiprocessing leave without running atexit
    global _guarded_pid
    if _guarded_pid != os.getpid():
        _guarded_pid = os.getpid()
        multiprocessing_util.Finalize(None, _close_all, exitpriority=100)


def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


def _before_fork() -> None:
    _held[:] = sorted(_writers, key=id)
    for writer in _held:
        writer.database.before_fork()


def _after_in_parent() -> None:
    for writer in _held:
        writer.database.after_fork_in_parent()
    _held.clear()


def _after_in_child() -> None:
    for writer in _held:
        writer.after_fork_in_child()
    _held.clear()
