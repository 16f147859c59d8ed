"""Following one attempt from its creation to its end: what is the same for every engine.

Threads watch objects and read the log; everything they see comes here through one queue, so that
what happens is decided in one place, in order.
"""

from __future__ import annotations

import contextlib
import queue
import time
from abc import ABC, abstractmethod
from typing import Any

from mlrun_like.errors import NotFoundError, StoreUnavailableError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.concluding import catch_up, record
from mlrun_like.runtimes.kubernetes.causes import Cause, sentence
from mlrun_like.runtimes.kubernetes.client import Client
from mlrun_like.runtimes.kubernetes.logs import LogStream
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.kubernetes.thresholds import Thresholds
from mlrun_like.runtimes.kubernetes.watch import Change, Watch
from mlrun_like.runtimes.supervise import ABORT

__all__ = ["NEVER", "Follower"]

NEVER = float("inf")
_ASK_EVERY = 0.5


class Follower(ABC):
    """Follows an object of a cluster and the pod that executes the run.

    Args:
        client: The cluster.
        job: Whose run it is.
        path: Of the object; its name is the label `mlrun/job` of what is watched.
        output: Takes the log.
    """

    def __init__(self, client: Client, job: Job, path: str, output: LogOutput) -> None:
        self._client = client
        self._job = job
        self._path = path
        self._output = output
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._watches: list[Watch] = []
        self._log: LogStream | None = None
        self._log_ended = False
        self._pod: dict[str, Any] = {}
        self._limits = Thresholds(job.function.spec.state_thresholds)
        self._cause: Cause | None = None
        self.stop = ""
        """Whether it was stopped: ABORT, TIMEOUT or empty."""
        self._ask = time.monotonic()
        self._running_since = self._ended_at = NEVER
        self._begun = NEVER
        """When the run's record first said that it runs."""

    def run(self) -> Cause:
        """Follow to the end; nothing of the attempt runs in the cluster afterwards.

        Gives why it ended.

        Raises:
            KeyboardInterrupt: after the object was deleted.
        """
        for watch in self._watches:
            watch.start()
        try:
            while not self._finished():
                with contextlib.suppress(queue.Empty):
                    self._take(*self._queue.get(timeout=_ASK_EVERY / 2))
                self._tick(time.monotonic())
        except KeyboardInterrupt:
            self._delete(grace=0)
            raise
        finally:
            for watch in self._watches:
                watch.stop()
            if self._log is not None:
                self._log.stop()
            while not self._queue.empty():
                kind, value = self._queue.get_nowait()
                if kind == "log" and value is not None:
                    self._output.write(value)
            self._output.end()
        return self._cause or self._why()

    @abstractmethod
    def _seen(self, kind: str, change: Change) -> None:
        """Take in what a watch of that kind tells."""

    @abstractmethod
    def _finished(self) -> bool:
        """Whether all has ended and its log was read."""

    @abstractmethod
    def _tick(self, now: float) -> None:
        """Do what has to be done now and then."""

    @abstractmethod
    def _delete(self, grace: int | None = None) -> None:
        """Have the object and its pod deleted; `grace` is what the pod gets, in seconds."""

    @abstractmethod
    def _why(self) -> Cause:
        """Why it ended, if nothing else is known."""

    # -- the same for all -----------------------------------------------------------------

    def _watching(self, kind: str, path: str, more: str = "") -> None:
        chosen = f"mlrun/job={self._path.rpartition('/')[2]}{more}"
        self._watches.append(
            Watch(self._client, path, lambda change: self._queue.put((kind, change)), chosen)
        )

    def _take(self, kind: str, value: Any) -> None:
        if kind != "log":
            self._seen(kind, value)
        elif value is None:
            self._log_ended = True
        else:
            self._output.write(value)

    def _read_log(self, pod: tuple[str, str], container: str) -> None:
        if self._log is None:
            self._log = LogStream(
                self._client, pod, container, lambda data: self._queue.put(("log", data))
            )
            self._log.start()

    def _log_ends(self) -> None:
        if self._log is not None:
            self._log.container_ended()

    def _keep_alive(self, now: float) -> None:
        if now < self._ask:
            return
        self._ask = now + _ASK_EVERY
        meta = self._job.run.metadata
        try:
            state = self._job.store.heartbeat(meta.project, meta.uid, meta.iteration)
        except (NotFoundError, StoreUnavailableError):
            return  # not recorded yet, or not reachable: the run goes on
        if state == "running" and self._running_since < NEVER:
            self._begun = min(self._begun, now)
        if state in ("aborting", "aborted") and not self.stop:
            self._abort(Cause("aborted", "the run was aborted", ""))

    def _abort(self, cause: Cause) -> None:
        """Record the end first: what the pod records while it is ended does not change it."""
        self.stop, self._cause = ABORT, cause
        catch_up(self._job)
        record(self._job, "aborted", sentence(cause), self._output.tail())
        self._delete()
