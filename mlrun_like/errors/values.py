"""Values that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    "PreflightError",
    "SchemaError",
    "SpecError",
    "UnknownValueError",
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


class UnknownValueError(PipelineError):
    """Python asked for a value that only the run of a pipeline will know."""

    code = "unknown_value"


class PreflightError(InvalidArgumentError):
    """A run or build cannot work; found before anything was started.

    Args:
        what: One line that sums up.
        where: The function.
        fix: What to do about a single finding; empty if there are several.
        findings: All that is wrong, as plain data: code, what, where, fix.
    """

    code = "preflight"
    status = 422

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        fix: str = "",
        findings: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.findings = [dict(item) for item in findings]


class GraphError(InvalidArgumentError):
    """A serving graph is wrong."""

    code = "graph"


class InvalidTypeError(InvalidArgumentError, TypeError):
    """An argument has a type that cannot be used."""

    code = "invalid_type"


class SchemaError(InvalidArgumentError):
    """Data or a definition does not fit the schema of a feature set."""

    code = "schema"
    status = 422
