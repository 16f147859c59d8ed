"""Errors that only code written for MLRun raises, as members of our tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError

__all__ = [
    "MLRunEmptySampleDFError",
    "MLRunFatalFailureError",
    "MLRunInternalServerError",
    "MLRunInvalidMMStoreTypeError",
    "MLRunMethodNotAllowedError",
    "MLRunMissingProjectError",
    "MLRunModelLimitExceededError",
    "MLRunNotImplementedServerError",
    "MLRunPaginationEndOfResultsError",
    "MLRunRetryExhaustedError",
    "MLRunStreamConnectionFailureError",
    "MLRunTSDBConnectionFailureError",
    "MLRunTaskNotReadyError",
    "MLRunUnprocessableEntityError",
    "ModelRunnerError",
]


class MLRunTaskNotReadyError(MLRunLikeError):
    """A value was asked for that a run has yet to bring."""


class MLRunPaginationEndOfResultsError(NotFoundError):
    """There is no further page."""


class MLRunMethodNotAllowedError(MLRunLikeError):
    """A service knows the address, and does not do this with it."""

    status = 405


class MLRunUnprocessableEntityError(MLRunLikeError):
    """A service could read the request, and not use it."""

    status = 422


class MLRunInternalServerError(MLRunLikeError):
    """A service failed."""

    status = 500


class MLRunNotImplementedServerError(MLRunLikeError):
    """A service cannot do this."""

    status = 501


class MLRunModelLimitExceededError(InvalidArgumentError):
    """More models than one place takes."""


class MLRunInvalidMMStoreTypeError(InvalidArgumentError):
    """Monitoring cannot keep its records there."""


class MLRunStreamConnectionFailureError(InvalidArgumentError):
    """The stream of monitoring cannot be reached."""


class MLRunTSDBConnectionFailureError(InvalidArgumentError):
    """The time series of monitoring cannot be reached."""


class MLRunEmptySampleDFError(InvalidArgumentError):
    """A window of monitoring has no events."""


class MLRunMissingProjectError(InvalidArgumentError):
    """No project was named.

    Args:
        message: Another text.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "Project must be provided")


class MLRunRetryExhaustedError(MLRunLikeError):
    """Something was tried as often as it may."""


class MLRunFatalFailureError(MLRunLikeError):
    """Ends the attempts of `retry_until_successful` at once.

    Args:
        original_exception: What its caller gets.
    """

    def __init__(self, *args: object, original_exception: Exception | None = None) -> None:
        super().__init__(*args)
        self.original_exception = original_exception


class ModelRunnerError(MLRunLikeError):
    """Models of a step that runs several of them failed.

    Args:
        models_errors: What went wrong, by model.

    >>> error = ModelRunnerError({"m1": "has no weights"})
    >>> error.get_model_error("m1")
    'has no weights'
    """

    status = 400  # as all that models raise

    def __init__(self, models_errors: Mapping[str, str], *args: Any) -> None:
        self.models_errors = dict(models_errors)
        text = ";\n".join(f"{model} {said}" for model, said in self.models_errors.items())
        super().__init__(f"ModelRunnerError: {text}", *args)

    def get_errors(self) -> dict[str, str]:
        """What went wrong, by model."""
        return self.models_errors

    def get_model_error(self, model: str) -> str | None:
        """What went wrong with a model; None: nothing."""
        return self.models_errors.get(model)
