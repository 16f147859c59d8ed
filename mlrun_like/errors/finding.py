"""Things that are not there, are in the wrong state, or cannot be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors.base import MLRunLikeError

__all__ = [
    "ConflictError",
    "IntegrityError",
    "MissingDependencyError",
    "MissingFileError",
    "MissingImportError",
    "MissingSymbolError",
    "NotFoundError",
    "RecordLostError",
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


class MissingSymbolError(MLRunLikeError, AttributeError):
    """Code written for MLRun uses a name that does not exist here."""

    code = "missing_symbol"


class MissingImportError(MLRunLikeError, ModuleNotFoundError):
    """Code written for MLRun imports a name that does not exist here."""

    code = "missing_import"


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


class RecordLostError(StoreUnavailableError):
    """A run ended, and its record could be written nowhere: the disk is full, or read-only.

    Args:
        what: How the run ended, and why its record cannot be written.
        where: The run's URI.
        fix: What to do next.
        run: The run's document, with its state and results.
    """

    code = "record_lost"

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", run: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.run = dict(run or {})
