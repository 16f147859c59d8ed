"""The `local` kind: in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

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
        for name, make in _provided(job).items():
            job.provide.setdefault(name, make)
        return execute(job)


def _provided(job: Job) -> Mapping[str, Callable[[], Any]]:
    """What the function's own kind gives its handlers, made in this process."""
    kind = job.function.kind
    if kind in ("", "handler", "local"):
        return {}
    try:
        runtime: Runtime = load("runtimes", kind)()
    except LookupError:  # a kind that exists elsewhere only
        return {}
    return runtime.provide_here(job)
