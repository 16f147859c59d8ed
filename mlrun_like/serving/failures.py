"""What a step's exception becomes: for an error handler, for the caller, as a status."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import MLRunLikeError, StepError
from mlrun_like.serving.event import Event

__all__ = ["error_text", "fail", "failed", "status_of"]


def fail(event: Event, body: Any, step: str, exc: Exception) -> Event:
    """Mark an event with the error of a step, for an error handler."""
    cause = exc.__cause__ if isinstance(exc, StepError) and exc.__cause__ else exc
    event.body = body
    event.origin_state = step
    event.error = {step: error_text(cause)}
    return event


def failed(step: str, event: Event, exc: Exception) -> StepError:
    """The error that a caller gets for a step's exception."""
    if isinstance(exc, StepError) and exc.event_id:
        return exc
    named = exc if isinstance(exc, MLRunLikeError) else None
    kind = type(exc) if isinstance(exc, StepError) else StepError
    return kind(
        named.what if named else error_text(exc),
        where=f"step {step!r}, event {event.id}",
        fix=named.fix if named else "",
        step=step,
        event_id=str(event.id),
        status=status_of(exc),
    )


def status_of(exc: BaseException) -> int:
    """The HTTP status that an exception stands for.

    >>> status_of(TimeoutError()), status_of(KeyError())
    (504, 500)
    """
    if isinstance(exc, MLRunLikeError):
        return exc.status
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and 400 <= status < 600:
        return status
    return 504 if isinstance(exc, TimeoutError) else 500


def error_text(exc: BaseException) -> str:
    """An exception in one line.

    >>> error_text(KeyError("x"))
    "KeyError: 'x'"
    """
    return f"{type(exc).__name__}: {exc}"
