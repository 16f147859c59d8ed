"""Every error this package raises, in one tree.

    MLRunLikeError
    ├── InvalidArgumentError (ValueError)    a value the caller gave cannot be used
    │   ├── ConfigError                      a setting has a bad value, with its origin
    │   ├── SpecError                        a function, run or artifact document is malformed
    │   ├── FunctionError                    a function is declared or called wrongly
    │   ├── PackagingError                   source cannot be captured
    │   │   └── NotebookError                a notebook's cells or magics cannot become code
    │   ├── PipelineError                    a pipeline plan is wrong
    │   └── GraphError                       a serving graph is wrong
    ├── NotFoundError (LookupError)          a run, artifact, function or file is not there
    │   ├── UnknownNameError                 no plug-in has that name; lists those that exist
    │   └── MissingFileError                 a file is not there (FileNotFoundError)
    ├── ConflictError                        the thing is in a state that forbids the call
    │   └── StateError                       an illegal run state transition
    ├── MissingDependencyError (ImportError) an optional package is not installed
    ├── IntegrityError                       bytes differ from their recorded digest
    ├── UntrustedFormatError                 opening the file would execute code from elsewhere
    ├── StoreUnavailableError                the tracking store or a file store cannot be reached
    ├── StepError (RuntimeError)             a step of a serving graph failed on an event
    │   └── StepTimeoutError (TimeoutError)  it, or the caller's time budget, took too long
    ├── OverloadedError                      too much is waiting; try again later
    └── RunError (RuntimeError)              a run did not complete
        ├── RunTimeoutError (TimeoutError)   it exceeded its time limit
        ├── RunAbortedError                  somebody stopped it
        └── RunLostError                     its process was killed from outside

A message has up to three lines: what is wrong (with the value), where, and how to fix it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

__all__ = [
    "ConfigError",
    "ConflictError",
    "FunctionError",
    "GraphError",
    "IntegrityError",
    "InvalidArgumentError",
    "MLRunLikeError",
    "MissingDependencyError",
    "MissingFileError",
    "NotFoundError",
    "NotebookError",
    "OverloadedError",
    "PackagingError",
    "PipelineError",
    "RunAbortedError",
    "RunError",
    "RunLostError",
    "RunTimeoutError",
    "SpecError",
    "StateError",
    "StepError",
    "StepTimeoutError",
    "StoreUnavailableError",
    "UnknownNameError",
    "UntrustedFormatError",
    "nearest",
]


class MLRunLikeError(Exception):
    """Base of all errors of this package.

    Args:
        what: What is wrong, with the offending value.
        where: The function, step, file or setting concerned.
        fix: The line to write or the command to type.
    """

    code: ClassVar[str] = "error"
    status: int = 500

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), dict(self.__dict__))

    def to_dict(self) -> dict[str, object]:
        """The error as plain data: code, status, what, where, fix."""
        return {
            "code": self.code,
            "status": self.status,
            "what": self.what,
            "where": self.where,
            "fix": self.fix,
        }


def _rebuild(cls: type[MLRunLikeError], state: dict[str, object]) -> MLRunLikeError:
    # Python gives OSError another layout, and refuses to make its children through other bases.
    base = OSError if issubclass(cls, OSError) else Exception
    error = base.__new__(cls)
    error.__dict__.update(state)
    error.args = (state.get("what"), state.get("where"), state.get("fix"))
    return error


class InvalidArgumentError(MLRunLikeError, ValueError):
    """A value the caller gave cannot be used."""

    code = "invalid_argument"
    status = 400


class ConfigError(InvalidArgumentError):
    """A setting has a bad value; the message names where it came from."""

    code = "config"


class SpecError(InvalidArgumentError):
    """A function, run or artifact document is malformed."""

    code = "spec"
    status = 422


class FunctionError(InvalidArgumentError):
    """A function is declared or called in a way that cannot work."""

    code = "function"


class PackagingError(InvalidArgumentError):
    """Source code cannot be captured."""

    code = "packaging"


class NotebookError(PackagingError):
    """A notebook's cells or magics cannot become code."""

    code = "notebook"


class PipelineError(InvalidArgumentError):
    """A pipeline plan is wrong."""

    code = "pipeline"


class GraphError(InvalidArgumentError):
    """A serving graph is wrong."""

    code = "graph"


class NotFoundError(MLRunLikeError, LookupError):
    """A run, artifact, function or file is not there."""

    code = "not_found"
    status = 404


class UnknownNameError(NotFoundError, ValueError):
    """No plug-in has that name."""

    code = "unknown_name"
    status = 400


class MissingFileError(NotFoundError, FileNotFoundError):
    """A file or folder is not there."""

    code = "missing_file"


class ConflictError(MLRunLikeError):
    """The thing is in a state that forbids the call."""

    code = "conflict"
    status = 409


class StateError(ConflictError):
    """An illegal run state transition."""

    code = "state"


class MissingDependencyError(MLRunLikeError, ImportError):
    """An optional package is not installed."""

    code = "missing_dependency"


class IntegrityError(MLRunLikeError):
    """Bytes differ from their recorded digest."""

    code = "integrity"
    status = 409


class UntrustedFormatError(MLRunLikeError):
    """Opening the file would execute code that came from elsewhere."""

    code = "untrusted_format"
    status = 403


class StoreUnavailableError(MLRunLikeError):
    """The tracking store or a file store cannot be reached."""

    code = "store_unavailable"
    status = 503


class StepError(MLRunLikeError, RuntimeError):
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

    def __init__(  # noqa: PLR0913 - an error carries all that is known
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


class StepTimeoutError(StepError, TimeoutError):
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


class RunError(MLRunLikeError, RuntimeError):
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


class RunTimeoutError(RunError, TimeoutError):
    """A run exceeded its time limit."""

    code = "run_timeout"
    status = 504


class RunAbortedError(RunError):
    """Somebody stopped the run."""

    code = "run_aborted"
    status = 409


class RunLostError(RunError):
    """The run's process was killed from outside."""

    code = "run_lost"


def nearest(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` when a known name is close to `name`, else an empty string.

    >>> nearest("procss", ["local", "process"])
    " Did you mean 'process'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
