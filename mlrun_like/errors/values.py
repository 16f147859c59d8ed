"""Values that cannot be used."""

from __future__ import annotations

from mlrun_like.errors.base import MLRunLikeError

__all__ = [
    "ConfigError",
    "FunctionError",
    "GraphError",
    "InvalidArgumentError",
    "InvalidTypeError",
    "NotebookError",
    "PackagingError",
    "PipelineError",
    "SpecError",
]


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


class InvalidTypeError(InvalidArgumentError, TypeError):
    """An argument has a type that cannot be used."""

    code = "invalid_type"
