"""What the one leader of all hosts does: schedules, monitoring, lost runs, cleaning, tasks, copies.

Each part is harmless if two do it for a moment, as a leader that was asleep may: what must happen
once is decided by the store.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from mlrun_like.api.access.sessions import purge
from mlrun_like.api.execution.identity import as_project
from mlrun_like.api.http.repeats import KEPT_SECONDS
from mlrun_like.api.tasks.runner import TaskRunner
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, StoreUnavailableError
from mlrun_like.functions.function import Function
from mlrun_like.registry import resolve
from mlrun_like.schedules.service import Scheduler
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.kept_answers import KeptAnswers
from mlrun_like.tracking.reaper import mark_lost
from mlrun_like.tracking.store import SqlStore

__all__ = ["Allow", "Leading"]

_log = logging.getLogger(__name__)
_MAKING = "mlrun_like.api.backup.making"  # loads pyarrow
_REAP = 5.0
_TASKS = 1.0
_CLEAN = 600.0
_KEPT_TASKS = 7 * 86_400.0
_BACKUP_LEASE = "service/backup"
Allow = Callable[[Function[..., Any], RunDoc], None]


class Leading:
    """The work of a leader, in threads of its process.

    Args:
        store: The store.
        owner: Who leads.
        allow: Raises an error for a function of a schedule that may not run on this machine.
        address: Where runs elsewhere reach the service.
    """

    def __init__(
        self, store: SqlStore, owner: str, allow: Allow | None = None, address: str = ""
    ) -> None:
        self._store = store
        self._owner = owner
        self._stop = threading.Event()
        self._scheduler = Scheduler(
            store, allow=allow, around=lambda one: as_project(store, one.project, address)
        )
        self._runner = TaskRunner(store)
        self._threads: list[threading.Thread] = []
        self.hanging = False
        """Whether this process should be replaced."""

    def start(self) -> None:
        """Begin all parts."""
        # while no service answered, nobody elsewhere could say that he lives: they get the whole
        # time of `lost_after` from now on
        self._store.sightings.forget()
        parts: dict[str, Callable[[], object]] = {
            "schedules": self._scheduler.serve,
            "lost runs": lambda: self._every(_REAP, self._reap),
            "tasks": lambda: self._every(_TASKS, self._tasks),
            "cleaning": lambda: self._every(_CLEAN, self._clean),
        }
        if config.monitoring_service:
            parts["monitoring"] = self._monitor
        if config.service_backup_target:
            parts["copies"] = lambda: self._every(60.0, self._copy)
        for name, work in parts.items():
            thread = threading.Thread(
                target=self._part, args=(name, work), name=f"mlrun-like {name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        _log.info("this process leads: %s", ", ".join(parts))

    def stop(self, grace: float) -> None:
        """End all parts; runs of schedules have processes of their own and go on."""
        self._stop.set()
        self._scheduler.stop()
        self._runner.close(grace)
        end = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _part(self, name: str, work: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                work()
                return
            except Exception:  # noqa: BLE001 - the boundary of a thread: the others go on
                _log.exception("%s failed; it begins again", name)
                self._stop.wait(10.0)

    def _every(self, seconds: float, work: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                work()
            except MLRunLikeError as exc:  # the store may be back in a moment
                _log.warning("%s", exc)
            self._stop.wait(seconds)

    def _reap(self) -> None:
        try:
            mark_lost(self._store)
        except StoreUnavailableError:
            self._store.sightings.forget()  # nobody else could give a sign either
            raise

    def _tasks(self) -> None:
        self._runner.tell_lost()
        while not self._stop.is_set() and self._runner.claim():
            pass

    def _clean(self) -> None:
        KeptAnswers(self._store).clean(KEPT_SECONDS)
        purge(self._store)
        self._store.delete_tasks(time.time() - _KEPT_TASKS)

    def _monitor(self) -> None:
        run_forever = resolve("mlrun_like.monitoring.service:run_forever")  # loads pandas
        if run_forever(stop=self._stop):
            self.hanging = True

    def _copy(self) -> None:
        """A copy each so many hours, whoever led before: the lease stays until the next is due."""
        hours = max(0.01, config.service_backup_hours) * 3600.0
        if _BACKUP_LEASE in self._store.read_leases(_BACKUP_LEASE):
            return
        owner = f"{self._owner}:{time.time()}"
        if _BACKUP_LEASE not in self._store.claim_leases([_BACKUP_LEASE], owner, hours):
            return
        try:
            made = resolve(f"{_MAKING}:make_backup")(self._store, config.service_backup_target)
            removed = resolve(f"{_MAKING}:remove_old_backups")(
                config.service_backup_target, config.service_backup_keep
            )
            _log.info("copied to %s; %d old ones removed", made["target"], removed)
        except Exception:
            # the next leader, or this one, tries again in a quarter of an hour
            self._store.claim_leases([_BACKUP_LEASE], owner, min(hours, 900.0))
            raise
