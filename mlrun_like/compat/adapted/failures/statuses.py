"""From HTTP answers to errors, and from errors to text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.compat.adapted.failures.classes import (
    MLRunInternalServerError,
    MLRunNotImplementedServerError,
    MLRunPaginationEndOfResultsError,
)
from mlrun_like.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    PreconditionError,
    StoreUnavailableError,
    UnauthorizedError,
)

__all__ = [
    "EXPECTED_ERRORS",
    "STATUS_ERRORS",
    "err_for_status_code",
    "err_to_str",
    "raise_for_status",
]

EXPECTED_ERRORS = (MLRunPaginationEndOfResultsError,)
"""Errors that are answers, and no failures."""

STATUS_ERRORS: Mapping[int, type[MLRunLikeError]] = {
    400: InvalidArgumentError,
    401: UnauthorizedError,
    403: AccessDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionError,
    500: MLRunInternalServerError,
    501: MLRunNotImplementedServerError,
    503: StoreUnavailableError,
}
"""The error of an HTTP status."""

_LONGEST = 32_000


def err_for_status_code(status_code: int, message: str | None = None) -> MLRunLikeError:
    """The error of an HTTP status; not raised.

    >>> err_for_status_code(404, "no such run")
    NotFoundError('no such run', '', '')
    """
    return STATUS_ERRORS.get(int(status_code), MLRunLikeError)(message or "")


def raise_for_status(response: Any, message: str | None = None) -> None:
    """Raise the error of an HTTP answer that is one.

    Args:
        response: The answer, as `requests`, `httpx` or `aiohttp` give it.
        message: The error's text, in place of what the answer says.

    Raises:
        MLRunLikeError: of the class that belongs to the status.
    """
    try:
        response.raise_for_status()
    except Exception as exc:  # each client has a class of its own for it
        status = getattr(response, "status_code", None) or getattr(response, "status", None)
        if not isinstance(status, int):
            raise
        error = STATUS_ERRORS.get(status, MLRunLikeError)
        raise error(message or err_to_str(exc), response=response, status_code=status) from exc


def err_to_str(err: BaseException | str | None) -> str:
    """The text of an error and of its causes, cut in the middle where it is long.

    >>> err_to_str(ValueError("bad depth"))
    'bad depth'
    """
    if not err:
        return ""
    if isinstance(err, str):
        return err
    seen: list[BaseException] = []
    while err is not None and err not in seen:
        seen.append(err)
        err = err.__cause__
    text = ", caused by: ".join(str(error) or repr(error) for error in seen)
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]}...truncated...{text[-half:]}"
    return text
