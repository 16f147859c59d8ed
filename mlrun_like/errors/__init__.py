"""Every error this package raises, in one tree.

    MLRunLikeError
    ├── InvalidArgumentError (ValueError)    a value the caller gave cannot be used
    │   ├── ConfigError                      a setting has a bad value, with its origin
    │   ├── SpecError                        a function, run or artifact document is malformed
    │   ├── FunctionError                    a function is declared or called wrongly
    │   ├── PackagingError                   source cannot be captured
    │   │   └── NotebookError                a notebook's cells or magics cannot become code
    │   ├── InvalidTypeError (TypeError)     an argument has a wrong type
    │   ├── PipelineError                    a pipeline plan is wrong
    │   │   └── UnknownValueError            Python asked for a value that only the run knows
    │   ├── PreflightError                   a run or build cannot work; nothing was started
    │   ├── GraphError                       a serving graph is wrong
    │   ├── SchemaError                      data does not fit the schema of a feature set
    │   └── TooLargeError                    a request or file has more bytes than are taken
    ├── NotFoundError (LookupError)          a run, artifact, function or file is not there
    │   ├── UnknownNameError                 no plug-in has that name; lists those that exist
    │   └── MissingFileError                 a file is not there (FileNotFoundError)
    ├── ConflictError                        the thing is in a state that forbids the call
    │   ├── StateError                       an illegal run state transition
    │   └── PreconditionError                the thing has changed since it was read
    ├── UnauthorizedError                    nobody is logged in, or a token is not valid
    ├── AccessDeniedError                    the caller has no right to do this
    ├── RateLimitError                       the caller asks too often
    ├── IncompatibleVersionError             client and service are too many releases apart
    ├── MissingDependencyError (ImportError) an optional package is not installed
    ├── MissingSymbolError (AttributeError)  code written for MLRun uses a name that is not here
    ├── MissingImportError (ImportError)     code written for MLRun imports a name that is not here
    ├── IntegrityError                       bytes differ from their recorded digest
    ├── UntrustedFormatError                 opening the file would execute code from elsewhere
    ├── StoreUnavailableError                the tracking store or a file store cannot be reached
    │   └── RecordLostError                  a run ended, and its record could be written nowhere
    ├── TaskCancelledError                   somebody wants a background task to stop
    ├── OverloadedError                      too much is waiting; try again later
    ├── TimeLimitError (TimeoutError)        something took longer than it may
    └── ExecutionError (RuntimeError)        what was started did not come to its end
        ├── BuildError                       an image could not be built or pushed
        ├── EngineError                      a cluster or tool refused or cannot be reached
        ├── StepError                        a step of a serving graph failed on an event
        │   └── StepTimeoutError             a TimeLimitError: it took too long
        └── RunError                         a run did not complete
            ├── RunTimeoutError              a TimeLimitError: it exceeded its time limit
            ├── RunAbortedError              somebody stopped it
            │   └── TrialPruned              a search gave the trial up
            └── RunLostError                 its process was killed from outside

A message has up to three lines: what is wrong (with the value), where, and how to fix it.
"""

from __future__ import annotations

from mlrun_like.errors.access import (
    AccessDeniedError,
    IncompatibleVersionError,
    PreconditionError,
    RateLimitError,
    TooLargeError,
    UnauthorizedError,
)
from mlrun_like.errors.base import (
    MLRunLikeError,
    nearest,
)
from mlrun_like.errors.finding import (
    ConflictError,
    IntegrityError,
    MissingDependencyError,
    MissingFileError,
    MissingImportError,
    MissingSymbolError,
    NotFoundError,
    RecordLostError,
    StateError,
    StoreUnavailableError,
    UnknownNameError,
    UntrustedFormatError,
)
from mlrun_like.errors.running import (
    BuildError,
    EngineError,
    ExecutionError,
    OverloadedError,
    RunAbortedError,
    RunError,
    RunLostError,
    RunTimeoutError,
    StepError,
    StepTimeoutError,
    TaskCancelledError,
    TimeLimitError,
    TrialPruned,
)
from mlrun_like.errors.values import (
    ConfigError,
    FunctionError,
    GraphError,
    InvalidArgumentError,
    InvalidTypeError,
    NotebookError,
    PackagingError,
    PipelineError,
    PreflightError,
    SchemaError,
    SpecError,
    UnknownValueError,
)

__all__ = [
    "AccessDeniedError",
    "BuildError",
    "ConfigError",
    "ConflictError",
    "EngineError",
    "ExecutionError",
    "FunctionError",
    "GraphError",
    "IncompatibleVersionError",
    "IntegrityError",
    "InvalidArgumentError",
    "InvalidTypeError",
    "MLRunLikeError",
    "MissingDependencyError",
    "MissingFileError",
    "MissingImportError",
    "MissingSymbolError",
    "NotFoundError",
    "NotebookError",
    "OverloadedError",
    "PackagingError",
    "PipelineError",
    "PreconditionError",
    "PreflightError",
    "RateLimitError",
    "RecordLostError",
    "RunAbortedError",
    "RunError",
    "RunLostError",
    "RunTimeoutError",
    "SchemaError",
    "SpecError",
    "StateError",
    "StepError",
    "StepTimeoutError",
    "StoreUnavailableError",
    "TaskCancelledError",
    "TimeLimitError",
    "TooLargeError",
    "TrialPruned",
    "UnauthorizedError",
    "UnknownNameError",
    "UnknownValueError",
    "UntrustedFormatError",
    "nearest",
]
