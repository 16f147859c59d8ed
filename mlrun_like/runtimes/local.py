"""The `local` kind: in this process."""

from __future__ import annotations

from typing import ClassVar

from mlrun_like.registry import load
from mlrun_like.runs.execute import execute
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.specs.run import RunDoc

__all__ = ["LocalRuntime"]


class LocalRuntime(Runtime):
    """Calls the handler here. A file without a handler is a program and gets its own process."""

    kind: ClassVar[str] = "local"
    packages_code: ClassVar[bool] = False

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        if job.handler is None and not job.run.spec.handler:
            run: RunDoc = load("runtimes", "process")().attempt(job)
            return run
        return execute(job)
