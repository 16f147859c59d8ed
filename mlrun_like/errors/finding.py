"""Things that are not there, are in the wrong state, or cannot be trusted."""

from __future__ import annotations

from mlrun_like.errors.base import MLRunLikeError

__all__ = [
    "ConflictError",
    "IntegrityError",
    "MissingDependencyError",
    "MissingFileError",
    "NotFoundError",
    "StateError",
    "StoreUnavailableError",
    "UnknownNameError",
    "UntrustedFormatError",
]


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
