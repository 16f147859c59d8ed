"""What all parts of a context share: the job and who the run is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone

from mlrun_like.configuration import config
from mlrun_like.names import RunURI
from mlrun_like.runs.job import Job
from mlrun_like.runs.logger import Logger
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import Store

__all__ = ["ContextBase", "utc_now"]


def utc_now() -> str:
    """The time as an ISO string with time zone."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


class ContextBase:
    """A run and its identity."""

    kind = "run"

    def __init__(self, job: Job, *, ends_itself: bool = True) -> None:
        self._job = job
        self._run = job.run
        self._ends_itself = ends_itself
        self._stored = time.monotonic()
        self._unwritten = False
        self._when_ended: Callable[[], None] | None = None
        # once: looking a setting up costs more than a metric
        self._interval: float = config.heartbeat_interval
        self.logger = Logger(job.run.spec.log_level or config.log_level)

    @property
    def name(self) -> str:
        """The run's name."""
        return self._run.metadata.name

    @property
    def uid(self) -> str:
        """The run's id; `<uid>-<iteration>` for a child."""
        meta = self._run.metadata
        return f"{meta.uid}-{meta.iteration}" if meta.iteration else meta.uid

    @property
    def iteration(self) -> int:
        """The child's number from 1; 0 for a parent."""
        return self._run.metadata.iteration

    @property
    def project(self) -> str:
        """The project's name."""
        return self._run.metadata.project

    @property
    def tag(self) -> str:
        """The workflow's id when there is one, else the run's uid: the artifacts' tree."""
        return self._run.metadata.labels.get("workflow") or self._run.metadata.uid

    tree = tag

    @property
    def uri(self) -> str:
        """`<project>@<uid>#<iteration>`."""
        return str(RunURI(self.project, self._run.metadata.uid, self.iteration))

    @property
    def state(self) -> str:
        """The run's state as this process knows it."""
        return self._run.status.state

    @property
    def labels(self) -> dict[str, str]:
        """A copy of the labels."""
        return dict(self._run.metadata.labels)

    @property
    def annotations(self) -> dict[str, str]:
        """A copy of the annotations."""
        return dict(self._run.metadata.annotations)

    @property
    def store(self) -> Store:
        """The tracking store this run is recorded in."""
        return self._job.store

    def commit(self, message: str = "", completed: bool = False) -> None:
        """Write the run's record now.

        Args:
            message: Kept as the annotation `message`.
            completed: Also end a running run successfully. Within a run that `fn.run` started
                this waits for the handler's end: it may still fail.
        """
        if message:
            self._run.metadata.annotations["message"] = message
        if completed and self.state == "running" and self._ends_itself:
            self._run.status.state = "completed"
            self._run.status.end_time = utc_now()
        self.store_run()

    def store_run(self) -> None:
        """Write the run's record, and wait until the store has it unless the job does not."""
        waits = self._job.waits
        ended = self._run.status.state in TERMINAL
        self._write(wait=waits == "all" or (ended and waits == "last"))
        if ended and self._when_ended is not None:
            self._when_ended()

    def _changed(self) -> None:
        """Write the record soon: at once if the last time was a while ago, without waiting."""
        self._unwritten = True
        if time.monotonic() - self._stored > self._interval:
            self._write(wait=False)

    def write_changes(self) -> None:
        """Queue what was logged since the record was last written; the heartbeat calls it."""
        if self._unwritten:
            self._write(wait=False)

    def _write(self, wait: bool) -> None:
        self._unwritten = False
        self._run.status.last_update = utc_now()
        self.store.store_run(self._run.to_dict(), wait=wait)
        self._stored = time.monotonic()
