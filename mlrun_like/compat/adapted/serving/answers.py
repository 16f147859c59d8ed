"""Errors in MLRun's form, as callers get them: a line of text, 400 unless the error says more."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

from mlrun_like.errors import GraphError, MLRunLikeError
from mlrun_like.serving.event import Event, Response

__all__ = ["failure", "stream"]


def failure(context: Any, error: Exception, cause: BaseException, event: Event) -> Response:
    """The answer to an event that failed.

    Args:
        context: The server's context.
        error: What the graph raised.
        cause: What the step raised.
        event: The event.

    >>> from mlrun_like.serving.context import GraphContext
    >>> answer = failure(GraphContext(), ValueError("no"), ValueError("no"), Event(1))
    >>> answer.status_code, answer.body
    (400, 'ValueError: no')
    """
    says = isinstance(cause, MLRunLikeError) and cause is not error and not _is_ours(cause)
    status = getattr(cause, "status" if says else "status_code", 400)
    text = cause.what if isinstance(cause, MLRunLikeError) else str(cause)
    message = f"{type(cause).__name__}: {text}"
    if context.verbose:
        message += "\n" + "".join(traceback.format_exception(cause))
    context.logger.error(f"run error, event {event.id}: {message}")
    return Response(message, status, {}, "text/plain")


def stream(values: Iterator[Any]) -> Iterator[Any]:
    """The values of a stream; an error in it is raised as storey's StreamingError.

    Raises:
        GraphError: which is StreamingError here, with the step's own error as its cause.

    >>> list(stream(iter([1, 2])))
    [1, 2]
    """
    try:
        yield from values
    except GraphError:
        raise
    except Exception as exc:
        # the boundary to a user's generator
        raise GraphError(f"{type(exc).__name__}: {exc}") from exc


def _is_ours(error: BaseException) -> bool:
    """Whether a server refuses the request itself: with MLRun that is always a 400."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and at.tb_frame.f_globals["__name__"].startswith("mlrun_like.serving.")
