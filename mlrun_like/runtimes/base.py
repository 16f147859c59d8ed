"""The seam of runtimes: one abstract method, and the loop of attempts that all of them share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.specs.values import Retry

__all__ = ["Runtime"]


class Runtime(ABC):
    """Where a run executes.

    A new kind subclasses this, implements `attempt`, and is registered in the entry point group
    `mlrun_like.runtimes` under its kind.
    """

    kind: ClassVar[str] = ""
    packages_code: ClassVar[bool] = True
    """Whether the function's source must travel (else the live callable is used)."""
    needs_image: ClassVar[bool] = False
    can_abort: ClassVar[bool] = True
    local_form: ClassVar[str] = ""
    """The kind that stands in on this machine when this one's engine is not configured."""
    extra: ClassVar[str] = ""
    """The extra of this distribution that its images need."""
    provides: ClassVar[frozenset[str]] = frozenset()
    """Handler arguments that this kind fills itself, such as a client of its engine."""

    def unavailable(self, document: FunctionDoc) -> str:
        """Why the engine cannot be used from here; empty if it can. Takes well below a second."""
        del document
        return ""

    def meant(self, document: FunctionDoc) -> bool:
        """Whether the user meant this engine, and is told when something else stands in for it."""
        del document
        return True

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """What would make this very run fail, as far as it can be told without starting it."""
        del document, run
        return ()

    def provide_here(self, job: Job) -> Mapping[str, Callable[[], Any]]:
        """What a run in this process (`local=True`) gets of what this kind provides, by name."""
        del job
        return {}

    @abstractmethod
    def attempt(self, job: Job) -> RunDoc:
        """Execute the run once and return it as it was recorded.

        A handler that fails is not an error here: the returned run says so. The state is terminal
        when `job.last_attempt`; on earlier attempts a failed run is left in `pending`, with the
        failure appended to `status.attempts`.
        """

    def launch(self, job: Job) -> RunDoc:
        """Execute with the run's retry policy; returns the run in a terminal state."""
        retry = Retry(**job.run.spec.retry)
        for number in range(1, retry.count + 2):
            job.attempt = number
            job.last_attempt = number == retry.count + 1
            job.run = self.attempt(job)
            if job.run.status.state in TERMINAL:
                break
            self._wait(job, retry.delay(number))
            if job.run.status.state in TERMINAL:
                break
        return job.run

    def _wait(self, job: Job, seconds: float) -> None:
        """Wait before a retry, listening for an abort."""
        end = time.monotonic() + seconds
        meta = job.run.metadata
        try:
            while True:
                state = job.store.heartbeat(meta.project, meta.uid, meta.iteration)
                if state in ("aborting", "aborted"):
                    _abort(job, "aborted while waiting for a retry")
                    return
                left = end - time.monotonic()
                if left <= 0:
                    return
                time.sleep(min(left, 0.2))
        except BaseException:  # somebody interrupts this program or a run around this one
            _abort(job, "interrupted while waiting for a retry")
            raise


def _abort(job: Job, why: str) -> None:
    status = job.run.status
    status.state, status.error = "aborted", why
    status.end_time = status.last_update = utc_now()
    job.store.store_run(job.run.to_dict())
