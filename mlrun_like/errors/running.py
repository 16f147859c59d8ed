"""Runs and steps that did not complete."""

from __future__ import annotations

from mlrun_like.errors.base import MLRunLikeError

__all__ = [
    "BuildError",
    "EngineError",
    "ExecutionError",
    "OverloadedError",
    "RunAbortedError",
    "RunError",
    "RunLostError",
    "RunTimeoutError",
    "StepError",
    "StepTimeoutError",
    "TaskCancelledError",
    "TimeLimitError",
    "TrialPruned",
]


class ExecutionError(MLRunLikeError, RuntimeError):
    """What was started did not come to its end."""

    code = "execution"


class TimeLimitError(MLRunLikeError, TimeoutError):
    """Something took longer than it may."""

    code = "time_limit"
    status = 504


class BuildError(ExecutionError):
    """An image could not be built or pushed; the message has the builder's own reason."""

    code = "build"


class EngineError(ExecutionError):
    """A cluster, container tool or service refused a request or cannot be reached."""

    code = "engine"
    status = 503


class StepError(ExecutionError):
    """A step of a serving graph failed on an event; the step's own error is the cause.

    Args:
        what: The step's error.
        where: The step and the event.
        fix: What to do next.
        step: The step's name.
        event_id: The event's id.
        status: The HTTP status of the answer: the cause's, else 500.
    """

    code = "step"

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        fix: str = "",
        step: str = "",
        event_id: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.step = step
        self.event_id = event_id
        if status:
            self.status = status


class StepTimeoutError(StepError, TimeLimitError):
    """A step, or the whole graph, took longer than its limit or the caller's time budget."""

    code = "timeout"
    status = 504


class OverloadedError(MLRunLikeError):
    """Too much is waiting already: nothing was done, and the call may be repeated later.

    Args:
        what: What is full, with its limit.
        where: The step or server.
        fix: What to do next.
        retry_after: Seconds after which a new attempt makes sense.
    """

    code = "overloaded"
    status = 503

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", retry_after: float = 1.0
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry_after = retry_after


class RunError(ExecutionError):
    """A run did not complete.

    Args:
        what: What happened, normally the handler's last error line.
        where: The run's URI.
        fix: What to do next.
        traceback: The handler's own traceback, framework frames removed; printed with the error.
    """

    code = "run"

    def __init__(self, what: str, *, where: str = "", fix: str = "", traceback: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.traceback = traceback

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}\n{self.traceback.rstrip()}" if self.traceback else text


class RunTimeoutError(RunError, TimeLimitError):
    """A run exceeded its time limit."""

    code = "run_timeout"
    status = 504


class RunAbortedError(RunError):
    """Somebody stopped the run."""

    code = "run_aborted"
    status = 409


class TrialPruned(RunAbortedError):  # Optuna's name
    """A search gave up a trial, since others did better by the same step; let it pass."""

    code = "trial_pruned"


class RunLostError(RunError):
    """The run's process was killed from outside."""

    code = "run_lost"


class TaskCancelledError(MLRunLikeError):
    """Somebody wants a background task to stop."""

    code = "task_cancelled"
    status = 409
