"""Errors of a server as errors of this package, on the caller's side."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from mlrun_like import errors
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, OverloadedError, StepError
from mlrun_like.serving.codec import decode, is_json

__all__ = ["raise_failure"]

_KINDS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, MLRunLikeError)
}


def raise_failure(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raise what the answer of a graph server tells, as an error of this package's tree.

    Raises:
        MLRunLikeError: always, with the answer's status.
    """
    told: Any = None
    if is_json(headers.get("content-type", "")):
        with contextlib.suppress(InvalidArgumentError):
            told = decode(body)
    if not isinstance(told, dict) or "error" not in told:
        told = {"error": f"the server answered {status}: {body[:200].decode('utf-8', 'replace')}"}
    text = {
        name: str(told.get(name) or "") for name in ("error", "code", "step", "event_id", "fix")
    }
    kind = _KINDS.get(text["code"], InvalidArgumentError if status < 500 else StepError)
    error = kind(text["error"], fix=text["fix"])
    error.status = status
    if isinstance(error, OverloadedError):
        wait = headers.get("retry-after", "")
        error.retry_after = float(wait) if wait.isdigit() else 1.0
    if not text["step"] and not isinstance(error, StepError):
        raise error
    step = kind if issubclass(kind, StepError) else StepError
    raise step(
        text["error"],
        where=f"step {text['step']!r}, event {text['event_id']}" if text["step"] else "",
        fix=text["fix"],
        step=text["step"],
        event_id=text["event_id"],
        status=status,
    ) from (None if kind is step else error)
