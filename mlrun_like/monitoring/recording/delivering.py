"""Batches into the store; to disk while it is away; into memory, and not too many, if both are."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, MissingDependencyError, StoreUnavailableError
from mlrun_like.monitoring.recording.spool import BatchSpool
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

__all__ = ["Delivery"]

_log = logging.getLogger("mlrun_like.monitoring")
_AGAIN = 2.0  # seconds until a store that was away is tried again
_MEMORY = 32 << 20  # bytes of batches that wait in memory while neither store nor disk take them
_AT_ONCE = 200  # batches of one transaction
_AWAY = (StoreUnavailableError, ConflictError, MissingDependencyError, OSError)


class Delivery:
    """Hands batches over, in their order, each exactly once.

    Args:
        lost: Told of each batch that nothing could take.
        store: The store; None: the configured one.
    """

    def __init__(self, lost: Callable[[SeriesBatch], None], store: FullStore | None = None) -> None:
        self._lost = lost
        self._given = store
        self._spool: BatchSpool | None = None
        self._memory: deque[SeriesBatch] = deque()
        self._bytes = 0
        self._retry_at = 0.0
        self._look_at = 0.0
        self.away = False

    def store(self) -> FullStore:
        """The store that batches go to."""
        return self._given if self._given is not None else open_store()

    def deliver(self, batches: Sequence[SeriesBatch]) -> None:
        """Take batches; none is lost without `lost` being told."""
        found = [*self._memory, *batches]
        self._memory.clear()
        self._bytes = 0
        now = time.monotonic()
        if self.away and now < self._retry_at:
            self._keep(found)
            return
        try:
            store = self.store()
            if now >= self._look_at or self.away:
                # also what other workers, which may be dead, have left on disk
                self._look_at = now + _AGAIN
                self._replay(store)
            for start in range(0, len(found), _AT_ONCE):
                self._append(store, found[start : start + _AT_ONCE])
            self.away = False
        except _AWAY as exc:
            if not self.away:
                _log.warning("recorded requests are kept on disk: %s", exc)
            self.away = True
            self._retry_at = time.monotonic() + _AGAIN
            self._keep(found)

    def waiting(self) -> int:
        """Batches in memory and on disk."""
        return len(self._memory) + len(self.spool().waiting())

    def spool(self) -> BatchSpool:
        """Where batches wait while the store is away."""
        if self._spool is None:
            shown = self.store().shown
            self._spool = BatchSpool(shown, int(config.monitoring_spool_bytes))
        return self._spool

    def forget(self) -> None:
        """In a forked child: what waits in memory is the parent's."""
        self._memory.clear()
        self._bytes = 0

    def _append(self, store: FullStore, batches: Sequence[SeriesBatch]) -> None:
        try:
            store.append_batches(batches)
        except _AWAY:
            raise
        except Exception as exc:  # noqa: BLE001  what a database says of data it cannot hold
            if len(batches) > 1:
                for batch in batches:
                    self._append(store, [batch])
                return
            _log.error("the store refused recorded requests: %s", exc)
            for batch in batches:
                self._lost(batch)

    def _replay(self, store: FullStore) -> None:
        for path, batch in self.spool().read():
            self._append(store, [batch])
            path.unlink(missing_ok=True)

    def _keep(self, batches: Sequence[SeriesBatch]) -> None:
        for batch in batches:
            try:
                if not self.spool().put(batch):
                    self._lost(batch)
            except (OSError, *_AWAY):
                if self._bytes + len(batch.body) > _MEMORY:
                    self._lost(batch)
                else:
                    self._memory.append(batch)
                    self._bytes += len(batch.body)
