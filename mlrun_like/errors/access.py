"""Who may do what, and how often; versions that do not fit; a service that says no."""

from __future__ import annotations

from mlrun_like.errors.base import MLRunLikeError
from mlrun_like.errors.finding import ConflictError
from mlrun_like.errors.values import InvalidArgumentError

__all__ = [
    "AccessDeniedError",
    "IncompatibleVersionError",
    "PreconditionError",
    "RateLimitError",
    "TooLargeError",
    "UnauthorizedError",
]


class UnauthorizedError(MLRunLikeError):
    """Nobody is logged in, or a token is not valid (any more)."""

    code = "unauthorized"
    status = 401


class AccessDeniedError(MLRunLikeError):
    """The caller is known, and has no right to do this."""

    code = "access_denied"
    status = 403


class PreconditionError(ConflictError):
    """A thing has changed since the caller read it (`If-Match`)."""

    code = "precondition"
    status = 412


class TooLargeError(InvalidArgumentError):
    """A request or file has more bytes than are taken."""

    code = "too_large"
    status = 413


class RateLimitError(MLRunLikeError):
    """The caller asks too often.

    Args:
        what: What is too often.
        where: The caller.
        fix: What to do.
        retry_after: Seconds after which it may try again.
    """

    code = "rate_limit"
    status = 429

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", retry_after: float = 1.0
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry_after = retry_after


class IncompatibleVersionError(MLRunLikeError):
    """Client and service are too many releases apart."""

    code = "incompatible_version"
    status = 400
