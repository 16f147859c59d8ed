"""Does tasks in threads of this process, and shows that it still lives."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from mlrun_like.api.tasks.kinds import KINDS, work_of
from mlrun_like.api.tasks.progress import Progress
from mlrun_like.errors import MLRunLikeError, TaskCancelledError
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.task_abilities import BackgroundTask
from mlrun_like.types import Document

__all__ = ["LOST", "TaskRunner", "Work"]

_log = logging.getLogger(__name__)
Work = Callable[[Progress], "Document | None"]
LOST = "the process that did it ended without a word (killed?)"
_LEASE = 30.0
_EVERY = 1.0
_MOST_ATTEMPTS = 3


@dataclass
class _Going:
    task: BackgroundTask
    progress: Progress
    shown: tuple[float, float, str] = (0.0, 0.0, "")
    turns: int = 0


class TaskRunner:
    """The tasks of one process.

    Args:
        store: Where they are recorded.
        threads: How many go on at the same time.
        lease: Seconds after which others take a task whose process says nothing any more.
    """

    def __init__(self, store: SqlStore, threads: int = 4, lease: float = _LEASE) -> None:
        self._store = store
        self._lease = lease
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mlrun-like-task")
        self._threads = threads
        self._going: dict[str, _Going] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def begin(self, task: BackgroundTask, work: Work) -> BackgroundTask:
        """Record a task and do it here; gives it as recorded."""
        task = self._store.store_task(replace(task, state="running"), self._owner, self._lease)
        self._submit(task, work)
        return task

    def claim(self) -> bool:
        """Take a task that waits, or that its process left; False: there is none, or no hand is
        free."""
        with self._lock:
            if len(self._going) >= self._threads:
                return False
        task = self._store.claim_task(tuple(KINDS), self._owner, self._lease)
        if task is None:
            return False
        self._take(task)
        return True

    def tell_lost(self) -> int:
        """Mark tasks as failed that only their process could do, which is gone; how many."""
        count = 0
        while True:
            task = self._store.claim_task((), self._owner, self._lease)
            if task is None:
                return count
            self._take(task)
            count += 1

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing goes on; whether that is so."""
        idle = threading.Event()
        end = timeout if timeout is not None else 3600.0
        while end > 0:
            with self._lock:
                if not self._going:
                    return True
            idle.wait(0.02)
            end -= 0.02
        return False

    def close(self, grace: float = 5.0) -> None:
        """Ask what goes on to stop, and give it some time."""
        self._stop.set()
        with self._lock:
            going = list(self._going.values())
        for one in going:
            one.progress.wanted = False
        self.wait(grace)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, task: BackgroundTask) -> None:
        work = work_of(task.kind)
        if task.cancel:
            self._store.move_task(replace(task, state="cancelled"), self._owner, 0.0)
        elif work is None or task.attempts > _MOST_ATTEMPTS:
            self._store.move_task(replace(task, state="failed", error=LOST), self._owner, 0.0)
        else:
            self._submit(task, partial(work, self._store, task))

    def _submit(self, task: BackgroundTask, work: Work) -> None:
        going = _Going(task, Progress())
        with self._lock:
            self._going[task.uid] = going
            if self._ticker is None:
                self._ticker = threading.Thread(
                    target=self._tick_on, name="mlrun-like-task-leases", daemon=True
                )
                self._ticker.start()
        self._pool.submit(self._do, going, work)

    def _do(self, going: _Going, work: Work) -> None:
        task = going.task
        try:
            going.progress.tell(0.0)
            result = work(going.progress)
            ended = replace(task, state="succeeded", result=result or {})
        except TaskCancelledError:
            word = "failed" if self._stop.is_set() else "cancelled"
            error = "the service stopped" if self._stop.is_set() else ""
            ended = replace(task, state=word, error=error)
        except MLRunLikeError as exc:
            ended = replace(task, state="failed", error=str(exc))
        except Exception:  # noqa: BLE001 - the boundary of a thread: it must be recorded
            mark = uuid.uuid4().hex[:12]
            _log.exception("task %s (%s) failed, mark %s", task.uid, task.kind, mark)
            text = f"the service made a mistake; look for {mark} in its log"
            ended = replace(task, state="failed", error=text)
        done, total, message = going.progress.now()
        ended = replace(ended, done=done, total=total, message=message)
        again = self._stop.is_set() and ended.error == "the service stopped"
        try:
            if not (again and work_of(task.kind)):  # else it waits for the next process
                self._store.move_task(ended, self._owner, 0.0)
        except MLRunLikeError as exc:
            _log.error("task %s ended as %s, and that was not recorded: %s", task.uid, ended, exc)
        finally:
            with self._lock:
                self._going.pop(task.uid, None)

    def _tick_on(self) -> None:
        while not self._stop.wait(_EVERY):
            with self._lock:
                going = list(self._going.values())
            for one in going:
                with contextlib.suppress(MLRunLikeError):  # the store may be back in a moment
                    self._tick(one)

    def _tick(self, one: _Going) -> None:
        one.turns += 1
        now = one.progress.now()
        if now != one.shown or one.turns % max(1, int(self._lease / 3 / _EVERY)) == 0:
            done, total, message = now
            shown = replace(one.task, done=done, total=total, message=message)
            if not self._store.move_task(shown, self._owner, self._lease):
                one.progress.wanted = False  # somebody else has it, or it is over
            one.shown = now
        if self._store.read_task(one.task.uid).cancel:
            one.progress.wanted = False
