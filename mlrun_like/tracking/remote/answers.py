"""Errors out of answers: by the fixed table of this package's errors, whatever a service sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlrun_like import errors
from mlrun_like.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    RateLimitError,
    SpecError,
    StoreUnavailableError,
    TooLargeError,
    UnauthorizedError,
)

__all__ = ["error_of", "error_of_another", "error_of_detail"]

_BY_CODE: dict[str, type[MLRunLikeError]] = {
    found.code: found
    for found in (getattr(errors, name) for name in errors.__all__)
    if isinstance(found, type) and issubclass(found, MLRunLikeError)
}
_BY_STATUS: dict[int, type[MLRunLikeError]] = {
    400: InvalidArgumentError,
    401: UnauthorizedError,
    403: AccessDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    422: SpecError,
    429: RateLimitError,
    502: StoreUnavailableError,
    503: StoreUnavailableError,
    504: StoreUnavailableError,
}
_LONGEST = 4000


def error_of(status: int, body: bytes, address: str) -> MLRunLikeError | None:
    """The error that an answer tells; None if the answer is not one of our service."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    detail = found.get("detail") if isinstance(found, dict) else None
    if not isinstance(detail, dict) or "code" not in detail:
        return None
    return error_of_detail(detail, status, address)


def error_of_another(status: int, address: str) -> MLRunLikeError:
    """The error for an answer that is none of our service: of a proxy before it, as a rule.

    >>> error_of_another(502, "http://lab").what
    'the tracking service cannot be used: status 502'
    """
    if status == 413:  # many a proxy takes one megabyte
        return TooLargeError(
            "what stands before the tracking service takes no request that large: status 413",
            where=address,
            fix="raise its limit to 64 MB (nginx: client_max_body_size 64m)",
        )
    what, fix = f"the tracking service cannot be used: status {status}", ""
    if status == 429:
        return RateLimitError(what, where=address, fix="try again later")
    if status in (401, 403, 407):
        fix = "something before the service refuses this: check the proxy and how one gets past it"
    return StoreUnavailableError(what, where=address, fix=fix)


def error_of_detail(
    detail: Mapping[str, Any], status: int = 500, address: str = ""
) -> MLRunLikeError:
    """The error in the body of an answer.

    >>> error_of_detail({"code": "not_found", "what": "there is no run 'x'"})
    NotFoundError("there is no run 'x'", '', '')
    """
    what = _text(detail.get("what") or detail.get("reason")) or "the service refused"
    where, fix = _text(detail.get("where")) or address, _text(detail.get("fix"))
    kind = _BY_CODE.get(_text(detail.get("code"))) or _BY_STATUS.get(status) or MLRunLikeError
    try:
        return kind(what, where=where, fix=fix)
    except TypeError:  # an error that is made of more than texts
        return MLRunLikeError(what, where=where, fix=fix)


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
